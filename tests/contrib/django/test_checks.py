"""What `manage.py check` finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connections

from paidflow import PaidFlow
from paidflow.contrib.django.checks import check_database, check_settings
from paidflow.payments.sandbox import SandboxGateway
from tests import django_project
from tests.wall import Note

Configure = Callable[..., PaidFlow]

pytestmark = pytest.mark.empty


class Bank:
    """Some gateway that is not the sandbox; nobody calls it."""


def ids(messages: Any) -> list[str]:
    return [message.id for message in messages]


@pytest.fixture
def project(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project that is well, unless a test spoils it."""

    def use(**spoilt: Any) -> list[str]:
        well = {"ACTIONS": [Note], "GATEWAYS": {"bank": Bank}, "migrate": "none"}
        django_project.use(store_url, **(well | spoilt))
        return ids(check_settings())

    monkeypatch.setattr(settings, "DEBUG", False)
    yield use
    django_project.leave()


def test_all_is_well(project: Any) -> None:
    assert project(migrate="paidflow") == []
    assert ids(run_checks(databases=["default"])) == []


@pytest.mark.parametrize(
    ("spoilt", "found"),
    [
        ({"GATEWAY": {}}, ["paidflow.E001"]),
        ({"ACTIONS": ["no.such.Action"]}, ["paidflow.E001"]),
        ({"ACTIONS": [Note, Note]}, ["paidflow.E001"]),
        ({"ACTIONS": []}, ["paidflow.E001"]),
        ({"GATEWAYS": {}}, ["paidflow.E001"]),
        ({"SECRET": None}, ["paidflow.E002"]),
        ({"SECRET": "too short"}, ["paidflow.E002"]),
        ({"SECRET": {"key": b"too short"}}, ["paidflow.E002"]),
        ({"SECRET": 7}, ["paidflow.E002"]),
        ({"atomic_requests": True}, ["paidflow.W002"]),
    ],
)
def test_what_is_wrong(project: Any, spoilt: dict[str, Any], found: list[str]) -> None:
    assert project(**spoilt) == found


def test_the_sandbox_is_for_debugging(
    project: Any, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project(GATEWAYS={"bank": lambda: sandbox}) == ["paidflow.W001"]
    monkeypatch.setattr(settings, "DEBUG", True)
    assert ids(check_settings()) == []


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_transactions_that_begin_without_the_right_to_write(project: Any) -> None:
    project()
    connections["default"].settings_dict["OPTIONS"]["transaction_mode"] = None
    assert ids(check_settings()) == ["paidflow.W003"]


def test_the_wrong_database(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project()
    assert project(DATABASE="other") == ["paidflow.E003"]
    assert ids(check_database(databases=["default", "other"])) == []
    project()
    monkeypatch.setattr(connections["default"], "vendor", "oracle")
    assert ids(check_settings()) == ["paidflow.E003"]
    assert ids(check_database(databases=["default"])) == []


def test_times_without_a_zone(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project()
    monkeypatch.setattr(settings, "USE_TZ", False)
    assert ids(check_settings()) == ["paidflow.E003"]


def test_tables_that_are_missing(project: Any) -> None:
    project()
    assert ids(check_database(databases=["default"])) == ["paidflow.W004"]
    assert ids(check_database()) == []  # Django was not asked to look into a database
    call_command("migrate", "paidflow", verbosity=0)
    assert ids(check_database(databases=["default"])) == []
