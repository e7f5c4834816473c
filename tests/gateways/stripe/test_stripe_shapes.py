"""Every request of the adapter is one that Stripe's own description of its API takes.

stripe-mock checks names, types and required fields against the OpenAPI document of Stripe, and
answers with examples that this document has; it keeps no state.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from paidflow.money import Money
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    CaptureCommand,
    Declined,
    RefundCommand,
    Unknown,
    Unreachable,
)
from paidflow.payments.stripe import StripeGateway
from tests.gateways.stripe import servers
from tests.gateways.stripe.payments import open_command

pytestmark = pytest.mark.gateways

KEY = "sk_test_12345"
TEN = Money(1000, "USD")


@pytest.fixture(scope="session")
def stripe_mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.stripe_mock(tmp_path_factory.mktemp("stripe-mock") / "log") as url:
        yield url


@pytest.fixture
def mocked(stripe_mock: str) -> Iterator[StripeGateway]:
    made = StripeGateway(KEY, account="acct_1", currencies=["USD"], url=stripe_mock)
    yield made
    made.close()


def test_it_checks_requests(stripe_mock: str) -> None:
    """The other tests would prove nothing if it took everything."""
    for form in ({"amount": "ten", "currency": "usd"}, {"currency": "usd"}):
        answer = httpx.post(f"{stripe_mock}/v1/payment_intents", data=form, auth=(KEY, ""))
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_opening(mocked: StripeGateway, hold: bool, again: bool) -> None:
    told = mocked.open(open_command(amount=TEN, hold=hold, again=again))
    # Its example has none of our metadata, so nobody can say when it ends.
    assert told == Unknown("a payment that nobody understands")


def test_commands(mocked: StripeGateway) -> None:
    assert mocked.capture(CaptureCommand("pi_1", "k", TEN)) == Accepted()
    assert mocked.cancel(CancelCommand("pi_1", "k")) == Accepted()
    assert mocked.refund(RefundCommand("pi_1", "k", TEN)) == Accepted()


def test_questions(mocked: StripeGateway) -> None:
    found = mocked.lookup("pi_1")
    assert not isinstance(found, Declined | Unreachable), found
    balance = mocked.holdings()
    assert not isinstance(balance, Unreachable), balance
    updates = mocked.updates(None)
    assert updates.cursor.startswith("evt_")
    assert mocked.updates(updates.cursor).cursor.startswith("evt_")
