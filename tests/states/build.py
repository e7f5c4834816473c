"""Builds actions out of real events, for the tests of the pure core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from paidflow.money import Money, msats, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.commands import cancel, retry
from paidflow.states.decide import decide, decide_pay_out
from paidflow.states.evolve import fold
from paidflow.states.forwarding import request_forward
from paidflow.states.machine import State
from paidflow.states.postings import Posting
from paidflow.states.receivers import Receiver

NOW = datetime(2030, 1, 1, tzinfo=UTC)
COST = sats(10)
PAID_OUT, FEE_MAX = sats(9), sats(1)
GATEWAY = "sandbox"
DEADLINE = ans.InstantDeadline(NOW + timedelta(hours=1))
UNTIL = NOW + timedelta(seconds=60)

OPEN, PENDING, CANCELLED = ans.Open(), ans.Pending(), ans.Cancelled()
EXPIRED, NOT_FOUND, UNREACHABLE = ans.Expired(), ans.NotFound(), ans.Unreachable()
HELD = ans.Held(COST, DEADLINE)
SETTLED = ans.Settled(COST)


def reversal(
    kind: ans.ReversalKind,
    status: ans.ReversalStatus = ans.ReversalStatus.SUCCEEDED,
    *,
    reversal_id: str = "r-1",
    amount: Money = COST,
    key: str | None = None,
) -> ans.Reversal:
    """Money that goes back, as the gateway shows it."""
    return ans.Reversal(reversal_id, amount, kind, status, key)


def sent_back(*reversals: ans.Reversal, received: Money = COST) -> ans.Settled:
    """The answer about an invoice that was paid, and of which something went back."""
    return ans.Settled(received, reversals)


REFUNDED = sent_back(reversal(ans.ReversalKind.REFUND))
DISPUTED = sent_back(reversal(ans.ReversalKind.DISPUTE, ans.ReversalStatus.PENDING))
LOOKUPS: tuple[ans.Lookup, ...] = (
    OPEN,
    PENDING,
    HELD,
    SETTLED,
    CANCELLED,
    EXPIRED,
    NOT_FOUND,
    UNREACHABLE,
)


def about(number: int, lookup: ans.Lookup) -> ans.Answer:
    """An answer about the invoice of attempt ``number``."""
    return ans.Answer(GATEWAY, f"invoice-{number}", lookup)


def requested(
    *,
    hold: bool = False,
    policy: e.LatePolicy = e.LatePolicy.ACCEPT,
    actor: str | None = "ann",
    cost: Money = COST,
) -> e.Requested:
    """The first event of an action that is paid by invoice."""
    return e.Requested(
        kind="note",
        kind_version=1,
        actor=actor,
        mode=e.Mode.PESSIMISTIC if hold else e.Mode.OPTIMISTIC,
        cost=cost,
        late_policy=policy,
        arguments_hash="00",
        performed=not hold,
    )


def attached(
    number: int,
    *,
    hold: bool = False,
    cost: Money = COST,
    assumed_closed_at: datetime | None = None,
) -> e.InvoiceAttached:
    """The invoice of attempt ``number``; it can be paid for ten minutes."""
    return e.InvoiceAttached(
        number=number,
        gateway=GATEWAY,
        hold=hold,
        amount=cost,
        key_id="key",
        invoice_id=f"invoice-{number}",
        expires_at=NOW + timedelta(minutes=10),
        assumed_closed_at=assumed_closed_at,
    )


def started(number: int, *, hold: bool = False) -> e.AttemptStarted:
    """Attempt ``number`` is about to ask for an invoice."""
    return e.AttemptStarted(number=number, gateway=GATEWAY, hold=hold, amount=COST, key_id="key")


def planned(number: int, *, until: datetime | None = UNTIL) -> e.PayOutPlanned:
    """Payment ``number`` of a withdrawal, not sent yet."""
    return e.PayOutPlanned(
        number=number,
        gateway=GATEWAY,
        payment_id=f"payment-{number}",
        amount=PAID_OUT,
        fee_max=FEE_MAX,
        until=until,
    )


def withdrawing() -> Aggregate:
    """A withdrawal that is about to be sent."""
    asked = requested().model_copy(update={"kind": "withdrawal", "mode": e.Mode.PAY_OUT})
    gave = e.PursesReserved(purses=(Posting("withdrawable:ann", COST),))
    return fold(None, [asked, gave, planned(1)])


def sent(a: Aggregate) -> Aggregate:
    """The withdrawal after it was recorded that its latest payment is sent."""
    return fold(a, [e.PayOutRequested(number=len(a.pay_outs), give_up_at=UNTIL)])


def shown(
    a: Aggregate, *lookups: ans.PaymentLookup, number: int = 1, now: datetime = NOW
) -> Aggregate:
    """The withdrawal after these answers about one payment."""
    for lookup in lookups:
        answer = ans.PaymentAnswer(GATEWAY, f"payment-{number}", lookup)
        a = fold(a, decide_pay_out(a, answer, now))
    return a


def begun(
    *, hold: bool = False, policy: e.LatePolicy = e.LatePolicy.ACCEPT, actor: str | None = "ann"
) -> Aggregate:
    """An action that has just been requested, with its first invoice."""
    first = requested(hold=hold, policy=policy, actor=actor)
    return fold(None, [first, attached(1, hold=hold)])


def told(a: Aggregate, *lookups: ans.Lookup, number: int = 1, now: datetime = NOW) -> Aggregate:
    """The action after these answers about one attempt."""
    for lookup in lookups:
        a = fold(a, decide(a, about(number, lookup), now))
    return a


def cancelling(a: Aggregate) -> Aggregate:
    """The action after its actor has asked to cancel it."""
    return fold(a, cancel(a, e.FailureReason.USER_CANCELLED))


def retried(a: Aggregate) -> Aggregate:
    """The action after its actor has asked to try again."""
    return fold(a, retry(a, UNTIL))


def reopened(a: Aggregate) -> Aggregate:
    """The action after a retry, with its next invoice."""
    number, hold = len(a.attempts) + 1, a.mode is e.Mode.PESSIMISTIC
    return fold(retried(a), [started(number, hold=hold), attached(number, hold=hold)])


def declined(a: Aggregate) -> Aggregate:
    """The action after the gateway has refused to capture."""
    return fold(a, [e.CancelRequested(reason=e.FailureReason.CAPTURE_DECLINED)])


SHARE, BUDGET = sats(7), msats(300)
RECEIVERS = (Receiver("purse:bob", "bob-phone"), Receiver("purse:bob", "bob-home"))
PLANNED = e.PayOutPlanned(
    number=1, gateway=GATEWAY, payment_id="invoice-1", amount=SHARE, fee_max=BUDGET
)
PAYOUTS = (
    Posting("purse:bob", SHARE),
    Posting("territory:music", msats(2100)),
    Posting("pool", msats(900)),
)


def wrapped(*, optimistic: bool = False, actor: str | None = "ann") -> Aggregate:
    """An action whose money is to be passed on to Bob's phone, with its hold invoice."""
    first = requested(hold=not optimistic, actor=actor)
    first = first.model_copy(update={"payouts": PAYOUTS, "receivers": RECEIVERS})
    invoice = attached(1, hold=True).model_copy(update={"receiver": RECEIVERS[0]})
    return fold(None, [first, PLANNED, invoice])


def forwarding(*, optimistic: bool = False) -> Aggregate:
    """The same when Bob is to be paid now."""
    a = told(wrapped(optimistic=optimistic), HELD)
    return fold(a, request_forward(a, HELD, NOW, UNTIL))


def of_payment(lookup: ans.PaymentLookup, payment_id: str = "invoice-1") -> ans.PaymentAnswer:
    """An answer about the payment to Bob."""
    return ans.PaymentAnswer(GATEWAY, payment_id, lookup)


ARRIVED = ans.PaidOut(SHARE, msats(100), b"secret")


def followed(a: Aggregate, lookup: ans.PaymentLookup, *, now: datetime = NOW) -> Aggregate:
    """The action after this answer about the payment to Bob."""
    return fold(a, decide_pay_out(a, of_payment(lookup), now))


def situation(state: State, performed: bool, hold: bool) -> Aggregate | None:
    """An action that stands there, told by real events only; ``None`` if it cannot stand there.

    Its last invoice is the one with the highest number.
    """
    plain, held = begun(), begun(hold=True)
    undone = told(held, HELD, HELD, EXPIRED)
    reached = {
        (State.NEW, True, False): fold(None, [requested()]),
        (State.NEW, False, True): fold(None, [requested(hold=True)]),
        (State.PENDING, True, False): plain,
        (State.CANCELLING, True, False): cancelling(plain),
        (State.RETRYING, True, False): retried(told(plain, EXPIRED)),
        (State.PAID, True, False): told(plain, SETTLED),
        (State.FAILED, True, False): told(plain, EXPIRED),
        (State.PENDING_HELD, False, True): held,
        (State.PENDING_HELD, True, True): reopened(undone),
        (State.HELD, False, True): told(held, HELD),
        (State.HELD, True, True): told(reopened(undone), HELD, number=2),
        (State.FORWARDING, True, True): forwarding(),
        (State.FORWARDING, True, False): sent(withdrawing()),
        (State.CAPTURING, True, True): told(held, HELD, HELD),
        (State.CANCELLING, False, True): cancelling(held),
        (State.CANCELLING, True, True): declined(told(held, HELD, HELD)),
        (State.RETRYING, False, True): retried(told(held, EXPIRED)),
        (State.RETRYING, True, True): retried(undone),
        (State.PAID, True, True): told(held, HELD, HELD, SETTLED),
        (State.FAILED, False, True): told(held, EXPIRED),
        (State.FAILED, True, True): undone,
        (State.REFUNDED, True, False): told(plain, SETTLED, REFUNDED),
        (State.REFUNDED, True, True): told(held, HELD, HELD, SETTLED, REFUNDED),
        (State.DISPUTED, True, False): told(plain, SETTLED, DISPUTED),
        (State.DISPUTED, True, True): told(held, HELD, HELD, SETTLED, DISPUTED),
    }
    return reached.get((state, performed, hold))
