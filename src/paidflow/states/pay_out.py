"""One payment to somebody else, as the events of its action tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from paidflow.errors import IllegalTransition
from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.answers import PayFailure


class PayOutFact(IntEnum):
    """What is known of a payment; it only ever grows, so the order of answers does not matter."""

    PLANNED = 0
    REQUESTED = 1
    SEEN = 2
    FAILED = 3
    SETTLED = 4


@dataclass(frozen=True, slots=True)
class PayOut:
    """One numbered payment to somebody else.

    Args:
        number: 1 for the first.
        gateway: the name of the gateway that sends it.
        payment_id: the id under which the gateway knows it.
        amount: what the receiver is to get.
        fee_max: what it may cost.
        give_up_at: after this moment the gateway does not begin it any more; ``None`` until it
            was asked for.
        fact: what is known of it.
        arrived: what the receiver has got, in minor units.
        fee: what that has cost besides.
        failure: why it failed.
        lost: it had failed or was not sent, for certain, and has arrived all the same.
    """

    number: int
    gateway: str
    payment_id: str
    amount: Money
    fee_max: Money
    give_up_at: datetime | None = None
    fact: PayOutFact = PayOutFact.PLANNED
    arrived: int = 0
    fee: int = 0
    failure: PayFailure | None = None
    lost: bool = False

    @property
    def never_sent(self) -> bool:
        """Whether the gateway certainly has not begun it."""
        return self.fact is PayOutFact.PLANNED or self.failure is PayFailure.NOT_SENT

    @property
    def spent(self) -> int:
        """What it has cost in all, as far as that was agreed, in minor units."""
        return min(self.arrived + self.fee, self.amount.amount + self.fee_max.amount)

    @property
    def over(self) -> bool:
        """Whether it is known how it ended."""
        return self.fact >= PayOutFact.FAILED


def earlier_pay_outs(pay_outs: tuple[PayOut, ...]) -> Iterator[PayOut]:
    """Those before the last one, but for those with its id: of these a gateway sends only one."""
    last = pay_outs[-1:]
    ids = {(one.gateway, one.payment_id) for one in last}
    return (one for one in pay_outs[:-1] if (one.gateway, one.payment_id) not in ids)


def pay_outs_after(pay_outs: tuple[PayOut, ...], event: e.PayOutEvent) -> tuple[PayOut, ...]:
    """The payments of an action after an event about one of them.

    Raises:
        IllegalTransition: when the event cannot happen there; at most one payment may still arrive.
    """
    if isinstance(event, e.PayOutPlanned):
        return (*pay_outs, _planned(pay_outs, event))
    if not 1 <= event.number <= len(pay_outs):
        raise IllegalTransition(f"{event.name} of payout {event.number}, which does not exist")
    before = pay_outs[event.number - 1]
    if isinstance(event, e.PayOutRequested) and (
        before.fact is not PayOutFact.PLANNED or event.number != len(pay_outs)
    ):
        raise IllegalTransition("a payout is asked for at most once")
    return (*pay_outs[: event.number - 1], _told(before, event), *pay_outs[event.number :])


def _planned(pay_outs: tuple[PayOut, ...], event: e.PayOutPlanned) -> PayOut:
    if event.number != len(pay_outs) + 1:
        raise IllegalTransition(f"payout {event.number} after {len(pay_outs)}")
    for earlier in pay_outs:
        if not (earlier.never_sent or earlier.fact is PayOutFact.FAILED):
            raise IllegalTransition(f"payout {event.number} while {earlier.number} may arrive")
    return PayOut(event.number, event.gateway, event.payment_id, event.amount, event.fee_max)


def _told(before: PayOut, event: e.PayOutEvent) -> PayOut:
    match event:
        case e.PayOutRequested():
            return replace(before, fact=PayOutFact.REQUESTED, give_up_at=event.give_up_at)
        case e.PayOutSeen():
            return replace(before, fact=max(before.fact, PayOutFact.SEEN))
        case e.PayOutFailed() if not before.over:
            return replace(before, fact=PayOutFact.FAILED, failure=event.reason)
        case e.PayOutSettled():
            return replace(
                before,
                fact=PayOutFact.SETTLED,
                arrived=event.amount.amount,
                fee=event.fee.amount,
                failure=None,
                lost=before.fact in (PayOutFact.PLANNED, PayOutFact.FAILED),
            )
        case _:
            return before
