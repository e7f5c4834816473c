from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from paidflow import PaidFlow
from paidflow.contrib.django.flow import get_flow
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests import django_project
from tests.wall import NOTES, create_tables

Configure = Callable[..., PaidFlow]


@pytest.fixture
def configure(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Configure]:
    """Points Django at an empty database with the notes of tests/wall.py, and opens the flow."""

    def use(*, migrate: str = "paidflow", **settings: Any) -> PaidFlow:
        of_flow = {
            "ACTIONS": NOTES,
            "GATEWAYS": {"sandbox": lambda: sandbox},
            "OPTIONS": {"clock": clock},
        }
        django_project.use(store_url, migrate=migrate, **(of_flow | settings))
        flow = get_flow()
        create_tables(flow)
        return flow

    yield use
    django_project.leave()
