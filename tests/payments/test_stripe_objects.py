"""What Stripe's objects mean, and what is concluded from its errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from paidflow.money import Money
from paidflow.payments.contract import (
    Cancelled,
    Declined,
    Expired,
    Held,
    InstantDeadline,
    Lookup,
    NotSent,
    Open,
    Pending,
    ReversalKind,
    ReversalStatus,
    Settled,
    Unknown,
    Unreachable,
)
from paidflow.payments.http import Failure
from paidflow.payments.stripe_calls import (
    NotAnswered,
    Refused,
    as_outcome,
    as_unreachable,
    as_unsent,
    call,
)
from paidflow.payments.stripe_objects import Dispute, PaymentIntent, Refund, invoice_of, shown

TEN = Money(1000, "EUR")
BEGAN = datetime(2026, 11, 26, 12, tzinfo=UTC)
BEGAN_S = int(BEGAN.timestamp())
SHORTEST = timedelta(days=4, hours=18)
CHARGE = {
    "amount": 1000,
    "amount_captured": 1000,
    "created": BEGAN_S + 60,
    "disputed": False,
    "payment_method_details": {"card": {"capture_before": BEGAN_S + 3600}},
}
PENDING, SUCCEEDED, FAILED = ReversalStatus


def payment(status: str, **more: Any) -> PaymentIntent:
    usual = {"id": "pi_1", "amount": 1000, "currency": "eur", "created": BEGAN_S}
    return PaymentIntent.model_validate({**usual, "status": status, **more})


def refund(status: str = "succeeded", **more: Any) -> Refund:
    usual = {"id": "re_1", "amount": 400, "balance_transaction": "txn_1", "status": status}
    return Refund.model_validate(usual | more)


def dispute(status: str, **more: Any) -> Dispute:
    usual = {"id": "du_1", "amount": 1000, "currency": "eur", "status": status}
    return Dispute.model_validate(usual | more)


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        (payment("requires_payment_method"), Open()),
        (payment("requires_confirmation"), Open()),
        (payment("requires_action"), Open()),
        (payment("processing"), Pending()),
        (payment("succeeded", amount_received=1000), Settled(TEN)),
        (payment("succeeded", amount_received=400), Settled(Money(400, "EUR"))),
        (payment("canceled", cancellation_reason="requested_by_customer"), Cancelled()),
        (payment("canceled", cancellation_reason="fraudulent"), Cancelled()),
        (payment("canceled"), Cancelled()),
        (payment("canceled", cancellation_reason="abandoned"), Expired()),
        (payment("canceled", cancellation_reason="automatic"), Expired()),
        (payment("canceled", cancellation_reason="expired"), Expired()),
        (payment("of_tomorrow"), Unreachable("a state that nobody understands")),
    ],
    ids=lambda value: value.status if isinstance(value, PaymentIntent) else "",
)
def test_what_a_payment_shows(found: PaymentIntent, meant: Lookup) -> None:
    assert shown(found, (), ()) == meant


@pytest.mark.parametrize(
    ("charge", "until"),
    [
        (CHARGE, BEGAN + timedelta(hours=1)),
        (
            CHARGE | {"payment_method_details": {"card": {}}},
            BEGAN + timedelta(minutes=1) + SHORTEST,
        ),
        (CHARGE | {"payment_method_details": {}}, BEGAN + timedelta(minutes=1) + SHORTEST),
        (CHARGE | {"payment_method_details": None}, BEGAN + timedelta(minutes=1) + SHORTEST),
        ("ch_1", BEGAN + SHORTEST),
        (None, BEGAN + SHORTEST),
    ],
    ids=range(6),
)
def test_until_when_money_is_held(charge: object, until: datetime) -> None:
    found = payment("requires_capture", amount_capturable=900, latest_charge=charge)
    assert shown(found, (), ()) == Held(Money(900, "EUR"), InstantDeadline(until))


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("pending", PENDING),
        ("requires_action", PENDING),
        ("succeeded", SUCCEEDED),
        ("failed", FAILED),
        ("canceled", FAILED),
    ],
)
def test_what_a_refund_shows(status: str, meant: ReversalStatus) -> None:
    found = shown(payment("succeeded", amount_received=1000), (refund(status),), ())
    assert isinstance(found, Settled)
    (reversal,) = found.reversals
    assert (reversal.status, reversal.kind, reversal.amount, reversal.key) == (
        meant,
        ReversalKind.REFUND,
        Money(400, "EUR"),
        None,
    )


def test_a_refund_that_nobody_understands_is_an_error() -> None:
    with pytest.raises(ValueError, match="a refund that nobody understands"):
        shown(payment("succeeded", amount_received=1000), (refund("of_tomorrow"),), ())


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("needs_response", PENDING),
        ("under_review", PENDING),
        ("won", FAILED),
        ("lost", SUCCEEDED),
        ("appeal_needs_response", SUCCEEDED),
        ("appeal_under_review", SUCCEEDED),
        ("warning_needs_response", None),
        ("warning_under_review", None),
        ("warning_closed", None),
        ("prevented", None),
        ("of_tomorrow", None),
    ],
)
def test_what_a_dispute_shows(status: str, meant: ReversalStatus | None) -> None:
    found = shown(payment("succeeded", amount_received=1000), (), (dispute(status),))
    assert isinstance(found, Settled)
    assert [each.status for each in found.reversals] == ([] if meant is None else [meant])


@pytest.mark.parametrize(
    ("contested", "amount"),
    [
        (dispute("lost", amount=300), Money(300, "EUR")),
        (dispute("lost", amount=1040), TEN),
        (dispute("lost", amount=700, currency="usd"), TEN),
    ],
    ids=range(3),
)
def test_how_much_is_contested(contested: Dispute, amount: Money) -> None:
    found = shown(payment("succeeded", amount_received=1000), (), (contested,))
    assert isinstance(found, Settled)
    assert found.reversals[0].amount == amount


@pytest.mark.parametrize(
    ("captured", "more", "counts"),
    [
        (400, {"balance_transaction": None}, False),
        (400, {"balance_transaction": "txn_1"}, True),
        (400, {"balance_transaction": None, "status": "pending"}, True),
        (400, {"balance_transaction": None, "metadata": {"paidflow_key": "k"}}, True),
        (1000, {"balance_transaction": None}, True),
    ],
    ids=range(5),
)
def test_what_a_partial_capture_let_go_of_was_never_ours(
    captured: int, more: dict[str, Any], counts: bool
) -> None:
    charge = CHARGE | {"amount_captured": captured}
    found = payment("succeeded", amount_received=captured, latest_charge=charge)
    meant = shown(found, (refund(**more),), ())
    assert isinstance(meant, Settled)
    assert bool(meant.reversals) is counts


def test_a_payment_without_its_secret_or_its_end_is_no_invoice() -> None:
    ours = {"client_secret": "pi_1_secret_x", "metadata": {"paidflow_expires_in_s": "60"}}
    ends = BEGAN + timedelta(seconds=60)
    for latest in (ends - timedelta(seconds=3), ends, ends + timedelta(hours=1)):
        invoice = invoice_of(payment("requires_payment_method", **ours), latest)
        assert invoice is not None
        assert invoice.expires_at == min(ends, latest)
    assert "secret" not in repr(invoice) + repr(payment("requires_payment_method", **ours))
    for more in (ours | {"client_secret": None}, ours | {"metadata": {}}):
        assert invoice_of(payment("requires_payment_method", **more), ends) is None
    for wrong in ("", "-1", "²", "1.5", "soon"):
        metadata = {"paidflow_expires_in_s": wrong}
        assert payment("requires_payment_method", metadata=metadata).expires_at is None


def error(kind: type[Any], status: int, code: str | None = None, **more: Any) -> Any:
    body = {"error": {"message": "a sentence with sk_test_1", **more}}
    arguments = {"http_status": status, "json_body": body}
    if kind in (stripe.CardError, stripe.InvalidRequestError):
        return kind("a sentence with sk_test_1", None, code, **arguments)
    return kind("a sentence with sk_test_1", code=code, **arguments)


@pytest.mark.parametrize(
    ("raised", "meant"),
    [
        (error(stripe.CardError, 402, "card_declined"), Refused("card_declined")),
        (error(stripe.InvalidRequestError, 400, None), Refused("refused")),
        (error(stripe.InvalidRequestError, 400, "sk_test_1 9"), Refused("refused")),
        (error(stripe.InvalidRequestError, 404, "resource_missing"), Refused("resource_missing")),
        (error(stripe.IdempotencyError, 400), Refused("idempotency_error")),
        (error(stripe.RateLimitError, 400), Failure("too many requests", arrived=False)),
        (error(stripe.APIError, 409), Failure("status 409", arrived=True)),
        (error(stripe.APIError, 200), Failure("status 200", arrived=True)),
        (
            error(
                stripe.InvalidRequestError,
                400,
                "payment_intent_unexpected_state",
                payment_intent={"status": "canceled"},
            ),
            Refused("payment_intent_unexpected_state", "canceled"),
        ),
        (NotAnswered(Failure("no", arrived=False)), Failure("no", arrived=False)),
        (KeyError("a"), Failure("an answer that nobody understands", arrived=True)),
        (RecursionError(), Failure("an answer that nobody understands", arrived=True)),
        (
            UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"),
            Failure("there is no way to write this request", arrived=False),
        ),
    ],
    ids=range(13),
)
def test_what_came_of_a_call(raised: Exception, meant: Refused | Failure) -> None:
    def work() -> Any:
        raise raised

    assert call(work, PaymentIntent) == meant


def test_what_a_command_and_a_question_come_to() -> None:
    refused, gone = Refused("card_declined"), Failure("no connection", arrived=False)
    arrived = Failure("status 500", arrived=True)
    assert list(map(as_outcome, (refused, gone, arrived))) == [
        Declined("card_declined"),
        NotSent("no connection"),
        Unknown("status 500"),
    ]
    assert as_unreachable(arrived) == Unreachable("status 500")
    assert as_unsent(arrived) == NotSent("status 500")
