"""Builds actions out of real events, for the tests of the pure core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from paidflow.money import Money, sats
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, fold
from paidflow.states.decide import cancel, decide, retry
from paidflow.states.machine import State

NOW = datetime(2030, 1, 1, tzinfo=UTC)
COST = sats(10)
GATEWAY = "sandbox"
DEADLINE = ans.InstantDeadline(NOW + timedelta(hours=1))
UNTIL = NOW + timedelta(seconds=60)

OPEN, PENDING, CANCELLED = ans.Open(), ans.Pending(), ans.Cancelled()
EXPIRED, NOT_FOUND, UNREACHABLE = ans.Expired(), ans.NotFound(), ans.Unreachable()
HELD = ans.Held(COST, DEADLINE)
SETTLED = ans.Settled(COST)
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
        (State.CAPTURING, True, True): told(held, HELD, HELD),
        (State.CANCELLING, False, True): cancelling(held),
        (State.CANCELLING, True, True): declined(told(held, HELD, HELD)),
        (State.RETRYING, False, True): retried(told(held, EXPIRED)),
        (State.RETRYING, True, True): retried(undone),
        (State.PAID, True, True): told(held, HELD, HELD, SETTLED),
        (State.FAILED, False, True): told(held, EXPIRED),
        (State.FAILED, True, True): undone,
    }
    return reached.get((state, performed, hold))
