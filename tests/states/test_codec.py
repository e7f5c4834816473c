"""What the log holds is for ever: names, versions, fields, and the way from old to new."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from paidflow.errors import UnknownEvent, UpcastMissing
from paidflow.money import Money, msats
from paidflow.states import answers as ans
from paidflow.states import codec
from paidflow.states import events as e
from paidflow.states.machine import State
from paidflow.states.part import Part
from paidflow.states.postings import Posting, Taken
from paidflow.states.quote import Quote
from tests.states.build import (
    COST,
    DEADLINE,
    NOW,
    RECEIVERS,
    UNTIL,
    attached,
    planned,
    requested,
    started,
)

# An event that has been written is never renamed. New lines are added; none ever changes.
NAMES = (
    "paid-action.requested@1",
    "paid-action.purses-reserved@1",
    "paid-action.performed@1",
    "paid-action.attempt-started@1",
    "paid-action.invoice-attached@1",
    "paid-action.invoice-awaited@1",
    "paid-action.hold-seen@1",
    "paid-action.late-hold-seen@1",
    "paid-action.payment-seen@1",
    "paid-action.attempt-closed@1",
    "paid-action.held@1",
    "paid-action.capture-requested@1",
    "paid-action.forward-lost@1",
    "paid-action.cancel-requested@1",
    "paid-action.cancel-declined@1",
    "paid-action.pay-out-planned@1",
    "paid-action.pay-out-requested@1",
    "paid-action.pay-out-seen@1",
    "paid-action.pay-out-settled@1",
    "paid-action.pay-out-failed@1",
    "paid-action.paid@1",
    "paid-action.failed@1",
    "paid-action.retry-requested@1",
    "paid-action.redone@1",
    "paid-action.hook-failed@1",
    "paid-action.hook-done@1",
    "paid-action.late-payment-refused@1",
    "paid-action.payment-credited@1",
    "paid-action.payment-claimed@1",
    "paid-action.attention-asked@1",
    "paid-action.attention-resolved@1",
    "paid-action.refund-decided@1",
    "paid-action.purses-refunded@1",
    "paid-action.refund-requested@1",
    "paid-action.refund-returned@1",
    "paid-action.reversal-seen@1",
    "paid-action.reversal-confirmed@1",
    "paid-action.reversal-undone@1",
    "paid-action.reversed@1",
    "paid-action.dispute-opened@1",
    "paid-action.dispute-ended@1",
    "paid-action.restored@1",
)

# Everything that an event may say. A text of a person, a proof, a nonce, a preimage, a payment
# request and an error's message are not among it, and must never be.
TEXT_FIELDS = {
    "kind": "the name of a kind of action",
    "actor": "an opaque id",
    "arguments_hash": "a hash",
    "gateway": "a configured name",
    "key_id": "the id of a key, not the key",
    "key_hash": "a hash",
    "invoice_id": "the gateway's id",
    "payment_id": "the gateway's id, or the hash of a preimage",
    "reversal_id": "the gateway's id",
    "error_type": "the name of a class, not its message",
    "resolution": "one of the operator's commands",
    "operator": "an opaque id",
    "why": "the operator's own reason, meant for the log",
}
OTHER_FIELDS = {
    *("kind_version", "mode", "cost", "late_policy", "performed"),
    *("number", "hold", "amount", "expires_at", "assumed_closed_at", "until", "deadline"),
    *("closure", "reason", "resumed", "source", "late", "after_paid_owed", "undo_owed"),
    *("redone", "hook", "payouts", "parts", "purses", "quote"),
    *("receivers", "receiver", "fee", "fee_max"),
    *("give_up_at", "payees", "refund", "reversal", "status", "taken", "whole"),
}

TAKEN = Taken(
    unassigned=1_000,
    price=6_000,
    payees=(Posting("pool", msats(6_000)),),
    credited=(Posting("purse:ann", msats(2_000)),),
    lost=1_000,
)
QUOTE = Quote(Money(1000, "USD"), COST, "1/100000", "desk", NOW)

# At least one example of every class; each optional field once with and once without a value.
EXAMPLES: tuple[e.Event, ...] = (
    requested(),
    requested(hold=True, actor=None, policy=e.LatePolicy.PERSON, cost=Money(2**62, "EUR")),
    requested().model_copy(update={"payouts": (Posting("pool", COST),)}),
    requested().model_copy(update={"parts": (Part("upload", COST),)}),
    e.PursesReserved(purses=(Posting("purse:ann", COST), Posting("withdrawable:ann", COST))),
    requested().model_copy(update={"receivers": RECEIVERS}),
    e.Performed(),
    started(2, hold=True),
    started(2, hold=True).model_copy(update={"receiver": RECEIVERS[0]}),
    attached(1, hold=True).model_copy(update={"receiver": RECEIVERS[0]}),
    e.ForwardLost(amount=COST),
    attached(1),
    attached(3, hold=True, assumed_closed_at=NOW + timedelta(microseconds=1)),
    attached(1).model_copy(update={"expires_at": None}),
    attached(1).model_copy(update={"quote": QUOTE}),
    started(1).model_copy(update={"quote": QUOTE}),
    e.InvoiceAwaited(until=UNTIL),
    e.HoldSeen(number=1, amount=COST, deadline=DEADLINE),
    e.HoldSeen(number=1, amount=COST, deadline=ans.HeightDeadline(850_000)),
    e.LateHoldSeen(number=1, amount=COST),
    e.PaymentSeen(number=1, gateway="sandbox", amount=COST),
    *(e.AttemptClosed(number=1, closure=closure) for closure in e.Closure),
    planned(1),
    planned(2, until=None),
    e.PayOutRequested(number=1, give_up_at=UNTIL),
    e.PayOutSeen(number=1),
    e.PayOutSettled(number=1, gateway="sandbox", amount=COST, fee=COST),
    *(e.PayOutFailed(number=1, reason=reason) for reason in ans.PayFailure),
    e.Held(),
    e.CaptureRequested(),
    *(e.CancelRequested(reason=reason) for reason in e.FailureReason),
    e.CancelDeclined(resumed=State.PENDING),
    e.CancelDeclined(resumed=State.PENDING_HELD),
    e.CancelDeclined(resumed=State.HELD),
    e.Paid(source="free", amount=COST - COST, late=False, after_paid_owed=False),
    e.Paid(source="credits", amount=COST, late=False, after_paid_owed=True),
    e.Paid(source="purses", amount=COST, late=False, after_paid_owed=True),
    e.Paid(source="invoice", amount=COST, late=True, after_paid_owed=True),
    *(e.Failed(reason=reason, undo_owed=True) for reason in e.FailureReason),
    e.RetryRequested(until=UNTIL, redone=True),
    e.Redone(),
    *(e.HookFailed(hook=hook, error_type="ValueError") for hook in e.Hook),
    *(e.HookDone(hook=hook) for hook in e.Hook),
    e.LatePaymentRefused(),
    e.PaymentCredited(amount=COST, actor="ann"),
    e.PaymentClaimed(amount=COST, actor="bob"),
    *(e.AttentionAsked(reason=reason) for reason in e.AttentionReason),
    e.AttentionResolved(resolution="accept", operator="op", why="Grüße ✓"),
    e.RefundDecided(amount=COST, operator="op", why="Grüße ✓"),
    e.RefundDecided(amount=COST, operator="op", why="w", key_hash="00", whole=True),
    e.PursesRefunded(purses=(Posting("purse:ann", COST),), payees=(Posting("pool", COST),)),
    e.RefundRequested(number=1, refund=1, amount=COST, taken=TAKEN),
    e.RefundReturned(number=1, refund=1, amount=COST, taken=TAKEN),
    *(
        e.ReversalSeen(
            number=1,
            reversal_id="r-1",
            reversal=kind,
            gateway="sandbox",
            amount=COST,
            status=status,
            refund=refund,
            taken=TAKEN if refund is None else Taken(),
        )
        for kind in ans.ReversalKind
        for status in ans.ReversalStatus
        for refund in (None, 1)
    ),
    e.ReversalConfirmed(number=1, reversal_id="r-1", reversal=ans.ReversalKind.DISPUTE),
    e.ReversalUndone(
        number=1,
        reversal_id="r-1",
        reversal=ans.ReversalKind.REFUND,
        gateway="sandbox",
        amount=COST,
        refund=1,
        taken=TAKEN,
    ),
    *(e.Reversed(reversal=kind, undo_owed=True) for kind in ans.ReversalKind),
    e.DisputeOpened(),
    e.DisputeEnded(),
    e.Restored(redone=True),
)


def test_the_names_are_frozen() -> None:
    now = [f"{kind.name}@{kind.version}" for kind in codec.EVENT_TYPES.values()]
    assert sorted(now) == sorted(NAMES)
    assert all(codec.EVENT_TYPES[kind.name] is kind for kind in codec.EVENT_TYPES.values())


def test_no_two_events_share_a_name() -> None:
    kinds = list(codec._concrete(e.Event))
    assert len({kind.name for kind in kinds}) == len(kinds)


def test_every_event_has_an_example() -> None:
    without = set(codec.EVENT_TYPES.values()) - {type(event) for event in EXAMPLES}
    assert without == set()


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.name)
def test_round_trip_of_the_examples(event: e.Event) -> None:
    topic, state = codec.encode(event)
    assert topic in NAMES
    said = {n for n, f in type(event).model_fields.items() if f.is_required() or getattr(event, n)}
    assert json.loads(state).keys() == said
    back = codec.decode(topic, state)
    assert back == event
    assert type(back) is type(event)
    assert codec.encode(back) == (topic, state)


MOMENTS = st.datetimes(
    datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)
MONIES = st.builds(
    Money,
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.sampled_from(["BTC", "EUR", "JPY", "KWD"]),
)
st.register_type_strategy(datetime, MOMENTS)
st.register_type_strategy(Money, MONIES)
ANY_EVENT = st.sampled_from(list(codec.EVENT_TYPES.values())).flatmap(st.from_type)


@given(ANY_EVENT)
def test_round_trip_of_any_event(event: e.Event) -> None:
    assert codec.decode(*codec.encode(event)) == event


def test_a_moment_comes_back_as_the_same_moment() -> None:
    there = datetime(2030, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    back = codec.decode(*codec.encode(e.InvoiceAwaited(until=there)))
    assert isinstance(back, e.InvoiceAwaited)
    assert back.until == datetime(2030, 1, 1, tzinfo=UTC)
    assert back.until.utcoffset() is not None


def test_no_event_has_room_for_a_secret_or_a_text() -> None:
    for kind in codec.EVENT_TYPES.values():
        for name, field in kind.model_fields.items():
            if field.annotation in (str, str | None):
                assert name in TEXT_FIELDS, f"{kind.name} may hold a text: {name}"
            else:
                assert name in OTHER_FIELDS, f"{kind.name} has a new field: {name}"
    for word in ("proof", "preimage", "nonce", "secret", "text", "payment_request", "error"):
        assert word not in {*TEXT_FIELDS, *OTHER_FIELDS}


def test_an_event_takes_nothing_besides_its_fields() -> None:
    with pytest.raises(ValidationError):
        e.Redone(note="a text")  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        codec.decode("paid-action.redone@1", b'{"proof": "k.abc"}')


def test_an_event_does_not_change() -> None:
    event = e.InvoiceAwaited(until=UNTIL)
    with pytest.raises(ValidationError):
        event.until = NOW


@pytest.mark.parametrize(
    "topic",
    [
        "paid-action.unheard-of@1",
        "paid-action.paid@2",
        "paid-action.paid@1.5",
        "paid-action.paid@-1",
        "paid-action.paid@",
        "paid-action.paid",
        "@1",
        "",
        "paidflow.states.events:Paid",
        "paid-action.redone@²",
    ],
)
def test_an_unknown_event_is_said_to_be_unknown(topic: str) -> None:
    with pytest.raises(UnknownEvent):
        codec.decode(topic, b"{}")


def test_what_the_log_holds_is_checked() -> None:
    with pytest.raises(ValidationError):
        codec.decode("paid-action.performed@1", b"not json")
    bad = b'{"amount": {"amount": 1.5, "currency": "BTC"}, "actor": "ann"}'
    with pytest.raises(ValidationError):
        codec.decode("paid-action.payment-credited@1", bad)
    bad = b'{"amount": {"amount": 1, "currency": "btc"}, "actor": "ann"}'
    with pytest.raises(ValidationError):
        codec.decode("paid-action.payment-credited@1", bad)


# Older versions. These classes are not subclasses of Event, so they are not in the real registry.


def _second(data: dict[str, Any]) -> dict[str, Any]:
    return {"full_name": data["name"]}


def _third(data: dict[str, Any]) -> dict[str, Any]:
    first, _, last = data["full_name"].partition(" ")
    return {"first": first, "last": last}


class Named(BaseModel):
    """An event that is in its third version."""

    name: ClassVar[str] = "test.named"
    version: ClassVar[int] = 3
    upcasters: ClassVar[dict[int, Any]] = {1: _second, 2: _third}
    first: str
    last: str


class Broken(Named):
    """The same with a gap: nobody has written the way from the first version."""

    upcasters: ClassVar[dict[int, Any]] = {2: _third}


TYPES: Any = {"test.named": Named}
BROKEN: Any = {"test.named": Broken}


@pytest.mark.parametrize(
    ("version", "state"),
    [
        (1, b'{"name": "Ada Lovelace"}'),
        (2, b'{"full_name": "Ada Lovelace"}'),
        (3, b'{"first": "Ada", "last": "Lovelace"}'),
    ],
)
def test_every_older_version_is_read_as_the_current_one(version: int, state: bytes) -> None:
    codec.check_upcasters(TYPES)
    assert codec.decode(f"test.named@{version}", state, TYPES) == Named(
        first="Ada", last="Lovelace"
    )


def test_a_missing_upcaster_is_found_at_start_up_and_when_reading() -> None:
    with pytest.raises(UpcastMissing, match=r"test\.named from version 1"):
        codec.check_upcasters(BROKEN)
    with pytest.raises(UpcastMissing, match=r"test\.named from version 1"):
        codec.decode("test.named@1", b'{"name": "Ada Lovelace"}', BROKEN)
    second = codec.decode("test.named@2", b'{"full_name": "Ada Lovelace"}', BROKEN)
    assert second == Broken(first="Ada", last="Lovelace")


def test_a_version_of_the_future_or_before_the_first_cannot_be_read() -> None:
    with pytest.raises(UnknownEvent):
        codec.decode("test.named@4", b"{}", TYPES)
    with pytest.raises(UpcastMissing):
        codec.decode("test.named@0", b"{}", TYPES)


def test_all_real_events_can_be_read() -> None:
    codec.check_upcasters()
