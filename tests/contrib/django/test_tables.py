"""The migrations of Django make paidflow's own tables, and its models fit them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.exceptions import IrreversibleError

from paidflow import PaidFlow
from paidflow.contrib.django.database import opened_store
from paidflow.contrib.django.models import Action, Event
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.migrations import Migrations
from paidflow.store.names import PLAIN
from tests.flow.support import history
from tests.flow.support import snapshot as tables_of
from tests.wall import Note

Configure = Callable[..., PaidFlow]
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.empty

PROGRAM = """
import sys

from django.conf import settings

url = sys.argv[1]
on_sqlite = url.startswith("sqlite")
names = {"prefix": "shop_"} if on_sqlite else {"schema": "pay", "prefix": "shop_"}
settings.configure(
    INSTALLED_APPS=["paidflow.contrib.django"],
    PAIDFLOW={
        "OPTIONS": names,
        "ACTIONS": ["tests.wall.Note"],
        "GATEWAYS": {},
        "SECRET": "sixteen bytes or more",
    },
)
import django

django.setup()
from tests import django_project
from tests.wall import Note, create_tables

django_project.use(url, **settings.PAIDFLOW)

from django.core.management import call_command

from paidflow import sats
from paidflow.contrib.django.flow import get_flow
from paidflow.contrib.django.models import Action, Event
from paidflow.contrib.django.visibility import Visible

create_tables(get_flow())
get_flow().grant("ann", sats(10), key="start")
receipt = get_flow().perform(Note(text="gm"), actor="ann")
call_command("makemigrations", "paidflow", check=True, dry_run=True, verbosity=0)
print(Action.objects.filter(Visible("action_id", "bob")).count(), Event.objects.count() > 1)
print(Action._meta.db_table)
"""


def test_the_last_migration_makes_the_tables_that_this_program_needs() -> None:
    """A new version of the tables needs a new migration of Django, which calls the same."""
    folder = files("paidflow.contrib.django.migrations")
    name = max(file.name for file in folder.iterdir() if file.name[:4].isdigit())
    module = f"paidflow.contrib.django.migrations.{name.removesuffix('.py')}"
    last = importlib.import_module(module).Migration
    assert last.paidflow_version == Migrations("sqlite", PLAIN).needed


def test_they_are_paidflows_own(configure: Configure) -> None:
    flow = configure()
    with opened_store() as store:
        assert store.schema().version == Migrations("sqlite", PLAIN).needed
        assert not store.migrations.is_stale(store.schema())
    assert len(tables_of(flow)) > 8
    call_command("migrate", "paidflow", verbosity=0)


def test_the_models_are_those_of_the_migrations(configure: Configure) -> None:
    configure()
    call_command("makemigrations", "paidflow", check=True, dry_run=True, verbosity=0)


def test_a_log_is_not_taken_away(configure: Configure) -> None:
    configure()
    with pytest.raises((CommandError, IrreversibleError)):
        call_command("migrate", "paidflow", "zero", verbosity=0)


def test_the_log_outlives_the_flush_between_tests(configure: Configure) -> None:
    configure().perform(Note(text="gm"), actor="ann")
    call_command("flush", interactive=False, verbosity=0)
    assert Action.objects.count() == 1
    assert Event.objects.count() > 1


def test_models_read_what_was_written(configure: Configure, sandbox: SandboxGateway) -> None:
    flow = configure()
    receipt = flow.perform(Note(text="gm"), actor="ann")
    action = Action.objects.get(pk=receipt.action_id)
    assert (action.kind, action.actor, action.state) == ("note", "ann", "PENDING")
    assert (action.performed, action.cost, action.currency) == (True, 10_000, "BTC")
    assert str(action) == f"note {receipt.action_id}"
    assert action.created_at == action.state_since
    assert action.created_at.tzinfo is not None
    assert action.due_at > action.created_at
    events = Event.objects.filter(action=action)
    assert [str(event).removeprefix("paid-action.") for event in events] == history(flow, receipt)
    assert events[0].recorded_at == action.created_at
    assert events[0].event.actor == "ann"


def test_names_of_the_embedders_choice(store_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, store_url], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr == ""
    name = "shop_actions" if store_url.startswith("sqlite") else 'pay"."shop_actions'
    assert done.stdout.splitlines() == ["1 True", name]
