"""What ``manage.py check`` finds before money is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from paidflow.contrib.django import settings as configured
from paidflow.contrib.django.database import database_url, opened_store
from paidflow.contrib.django.embedder import Django
from paidflow.contrib.django.flow import gateways
from paidflow.errors import PaidflowError
from paidflow.flow.registry import Registry
from paidflow.keyring import Keyring
from paidflow.outgoing.subscriber import check_subscribers
from paidflow.payments.sandbox import SandboxGateway
from paidflow.views.projection import check_projections


def check_settings(**unused: Any) -> list[CheckMessage]:
    """The settings, the secret, the gateways and the kind of database."""
    try:
        return [*_settings(), *_secret(), *_gateways(), *_kind_of_database()]
    except (ImportError, ImproperlyConfigured) as error:
        return [Error(str(error), id="paidflow.E001")]


def check_database(databases: Sequence[str] | None = None, **unused: Any) -> list[CheckMessage]:
    """Whether the tables are there; ``manage.py migrate`` makes them."""
    if configured.database() not in (databases or ()) or [*_kind_of_database()]:
        return []
    with opened_store() as store:
        try:
            store.check()
        except PaidflowError as error:
            return [Warning(str(error), hint="Run manage.py migrate.", id="paidflow.W004")]
    return []


def _settings() -> Iterator[CheckMessage]:
    try:
        registry = Registry(configured.actions())
        check_projections(configured.projections())
        check_subscribers(configured.subscribers())
    except PaidflowError as error:
        yield Error(str(error), id="paidflow.E001")
        return
    if not [*registry]:
        yield Error("PAIDFLOW names no ACTIONS, so nothing can be paid for.", id="paidflow.E001")


def _secret() -> Iterator[CheckMessage]:
    found = configured.secret()
    if found is None:
        hint = "Set it to 16 random bytes or more, and keep it for ever."
        yield Error("PAIDFLOW has no SECRET.", hint=hint, id="paidflow.E002")
        return
    try:
        Keyring.of(found)
    except PaidflowError as error:
        yield Error(str(error), id="paidflow.E002")


def _gateways() -> Iterator[CheckMessage]:
    found = gateways()
    if not found:
        yield Error("PAIDFLOW names no GATEWAYS, so nothing can be paid.", id="paidflow.E001")
    for name, gateway in found.items():
        if isinstance(gateway, SandboxGateway) and not settings.DEBUG:
            told = f"The gateway {name} is a sandbox and moves no real money, but DEBUG is off."
            yield Warning(told, id="paidflow.W001")


def _kind_of_database() -> Iterator[CheckMessage]:
    alias = configured.database()
    if alias not in connections:
        yield Error(f"There is no database {alias}.", id="paidflow.E003")
        return
    try:
        Django(alias)
        database_url()
    except PaidflowError as error:
        yield Error(str(error), id="paidflow.E003")
        return
    connection: Any = connections[alias]
    if connection.settings_dict["ATOMIC_REQUESTS"]:
        hint = "Decorate views that prepare with transaction.non_atomic_requests; @paid does it."
        told = "ATOMIC_REQUESTS is on: gateways would be called inside transactions, so paidflow"
        yield Warning(f"{told} refuses it.", hint=hint, id="paidflow.W002")
    if connection.vendor == "sqlite" and not connection.settings_dict["OPTIONS"].get(
        "transaction_mode"
    ):
        hint = 'Set OPTIONS to {"transaction_mode": "IMMEDIATE"}.'
        told = "Transactions on SQLite begin without the right to write, so they may have to"
        yield Warning(f"{told} give up in the middle.", hint=hint, id="paidflow.W003")
