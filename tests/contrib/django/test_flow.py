"""The flow of a Django project: from its settings, once in each process, also after a fork."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test import RequestFactory, override_settings

from paidflow import Keyring, PaidFlow, State
from paidflow.contrib.django.database import database_url
from paidflow.contrib.django.flow import close_flow, gateways, get_flow
from paidflow.contrib.django.settings import actor_of
from paidflow.errors import InvalidConfiguration, PaidflowError
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.machine import FINAL
from tests import django_project
from tests.wall import Note

Configure = Callable[..., PaidFlow]
MADE: list[SandboxGateway] = []


def make_gateway() -> SandboxGateway:
    MADE.append(SandboxGateway(":memory:", sandbox=True))
    return MADE[-1]


def make_actions() -> list[type[Note]]:
    return [Note]


def test_one_for_the_process(configure: Configure) -> None:
    flow = configure()
    assert get_flow() is flow
    close_flow()
    assert get_flow() is not flow


@pytest.mark.parametrize(
    "actions",
    [f"{__name__}.make_actions", make_actions, ["tests.wall.Note"], [Note]],
)
def test_what_can_be_said_as_a_path_a_callable_or_a_thing(
    configure: Configure, actions: Any
) -> None:
    MADE.clear()
    path, thing = f"{__name__}.make_gateway", make_gateway()
    flow = configure(
        ACTIONS=actions,
        GATEWAYS={"path": path, "call": make_gateway, "thing": thing},
        SECRET=lambda: {"new": b"x" * 16, "old": b"y" * 16},
        OPTIONS={},
    )
    assert [*flow.registry] == [Note]
    assert [*flow.gateways] == ["path", "call", "thing"]
    assert len(MADE) == 3
    assert gateways()["call"] is flow.gateways.gateway("call")
    assert isinstance(flow.keyring, Keyring)
    assert flow.keyring.current == "new"


def test_options_are_those_of_the_flow(configure: Configure) -> None:
    with pytest.raises(InvalidConfiguration, match="aio_threads_max"):
        configure(OPTIONS={"aio_threads_max": 0})


def test_a_setting_that_is_misspelt(configure: Configure) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"GATEWAY$"):
        configure(GATEWAY={})


def test_settings_that_a_test_overrides(configure: Configure) -> None:
    configure()
    other = {"ACTIONS": [Note], "SECRET": "too short", "GATEWAYS": {}}
    with override_settings(PAIDFLOW=other), pytest.raises(InvalidConfiguration, match="16 bytes"):
        get_flow()
    assert get_flow().gateways


@pytest.mark.empty
def test_tables_that_are_missing(configure: Configure) -> None:
    with pytest.raises(InvalidConfiguration, match="tables"):
        configure(migrate="none")


def test_a_child_opens_its_own(configure: Configure) -> None:
    """A server that loads the application first and then forks."""
    flow = configure()
    mine = flow.perform(Note(text="of the parent"), actor="ann")
    connections.close_all()  # as Django demands of everybody who forks
    child = os.fork()
    if child == 0:
        code = 1
        try:
            own = get_flow()
            its = own.perform(Note(text="of the child"), actor="bob")
            same = its.state is State.PENDING and own.get(mine.action_id, actor="ann") is not None
            code = 0 if same and own is not flow else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert flow.get(mine.action_id, actor="ann").state not in FINAL
    assert get_flow() is flow
    assert flow.perform(Note(text="again"), actor="ann").state is State.PENDING
    with flow.store.reading() as tx:
        (found,) = tx.execute("select count(*) as n from wall").fetchall()
    assert found["n"] == 3


# Who makes a request.


def test_the_actor_is_the_user(configure: Configure) -> None:
    configure()
    request: Any = RequestFactory().get("/")
    assert actor_of(request) is None
    request.user = SimpleNamespace(is_authenticated=False, pk=None)
    assert actor_of(request) is None
    request.user = SimpleNamespace(is_authenticated=True, pk=7)
    assert actor_of(request) == "7"


def test_the_actor_is_what_the_application_says(configure: Configure) -> None:
    configure(ACTOR=lambda request: request.headers.get("X-User"))
    assert actor_of(RequestFactory().get("/", headers={"X-User": "ann"})) == "ann"


# The database.


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("odd", ["a b", "it's", "back\\slash", "'"])
def test_odd_names_reach_postgres(configure: Configure, odd: str) -> None:
    configure()
    connections["default"].settings_dict["OPTIONS"]["application_name"] = odd
    with (
        PaidFlow.open(
            database_url(), actions=[Note], gateways={}, secret=django_project.SECRET
        ) as flow,
        flow.store.reading() as tx,
    ):
        (row,) = tx.execute("select current_setting('application_name') as name").fetchall()
    assert row["name"] == odd


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}, "in a file"),
        ({"ENGINE": "django.db.backends.dummy"}, "SQLite and PostgreSQL"),
    ],
)
def test_databases_that_cannot_be_used(database: Mapping[str, Any], told: str) -> None:
    django_project.use("sqlite:///unused.db", migrate="none")
    django_project.leave()
    connections._settings = {"default": dict(database)}
    with pytest.raises(PaidflowError, match=told):
        database_url()
    django_project.leave()
