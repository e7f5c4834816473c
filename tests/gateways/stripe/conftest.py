from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from tests.chromium import chromium
from tests.gateways.stripe import servers
from tests.gateways.stripe.account import SECRET_KEY, Account
from tests.gateways.stripe.front import WEBHOOK_SECRET, Front
from tests.gateways.stripe.payer import Payer

__all__ = ["chromium"]

CURRENCIES = ("BHD", "EUR", "HUF", "ISK", "JPY", "UGX", "USD")


@pytest.fixture(scope="session")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.localstripe(tmp_path_factory.mktemp("localstripe") / "log") as url:
        yield url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 26, 12, tzinfo=UTC))


@pytest.fixture
def front(localstripe: str, clock: ManualClock) -> Iterator[Front]:
    account = Account(localstripe, clock)
    with Front(account, clock).served() as front:
        yield front
    account.close()


@pytest.fixture
def gateway(front: Front, clock: ManualClock) -> Iterator[StripeGateway]:
    made = StripeGateway(
        SECRET_KEY,
        account="acct_1",
        currencies=CURRENCIES,
        webhook_secret=WEBHOOK_SECRET,
        clock=clock,
        url=front.url,
    )
    yield made
    made.close()


@pytest.fixture
def payer(front: Front) -> Iterator[Payer]:
    made = Payer(front.url)
    yield made
    made.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"
