"""One attempt to get the money of an action, as its events tell it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.answers import HoldDeadline
from paidflow.states.quote import Quote
from paidflow.states.receivers import Receiver
from paidflow.states.refunds import SeenReversal


class Fact(IntEnum):
    """What is known of an attempt; it only ever grows, so the order of answers does not matter."""

    CREATING = 0
    OPEN = 1
    HELD = 2
    CLOSED = 3
    SETTLED = 4


@dataclass(unsafe_hash=True)
class Attempt:
    """One numbered try to get the money: one invoice; a value like the aggregate.

    Args:
        number: 1 for the first.
        gateway: the name of the gateway that was asked.
        hold: whether the money is locked first and captured later.
        amount: what the payer is asked for.
        quote: how that was converted, if it is in another currency than the cost.
        key_id: the key from which the preimage derives.
        invoice_id: the gateway's id; ``None`` until there is an invoice.
        expires_at: when the gateway stops taking a payment.
        assumed_closed_at: when it counts as dead at a gateway that cannot confirm a close.
        fact: what is known of it.
        received: minor units of that currency that were received in all.
        held: minor units of it that are locked, or were.
        hold_deadline: when the gateway lets go of the locked money.
        closure: how it came to be dead.
        late_hold: money was locked on it after it counted as dead, and is not released yet.
        receiver: whom its money is to pay, if it is wrapped.
        pay_out: the number of the payment that does so; 0 if it is not wrapped.
        receiver_failed: he could not be paid, so that wallet is not tried again.
        spare: minor units of what was received that are nobody's yet.
        price: minor units of it that paid for the action and have not gone back.
        lost: minor units that have gone back although they were not here any more.
        foreign: what was received in another currency and has not gone back.
        reversals: what the gateway has shown of money that goes back.
    """

    number: int
    gateway: str
    hold: bool
    amount: Money
    key_id: str
    quote: Quote | None = None
    invoice_id: str | None = None
    expires_at: datetime | None = None
    assumed_closed_at: datetime | None = None
    fact: Fact = Fact.CREATING
    received: int = 0
    held: int = 0
    hold_deadline: HoldDeadline | None = None
    closure: e.Closure | None = None
    late_hold: bool = False
    receiver: Receiver | None = None
    pay_out: int = 0
    receiver_failed: bool = False
    spare: int = 0
    price: int = 0
    lost: int = 0
    foreign: Money | None = None
    reversals: tuple[SeenReversal, ...] = ()

    def reversal(self, reversal_id: str) -> SeenReversal | None:
        """What the gateway has shown under this id."""
        found = (one for one in self.reversals if one.reversal_id == reversal_id)
        return next(found, None)

    @property
    def payable(self) -> bool:
        """Whether somebody could pay this invoice now, as far as is known."""
        return self.invoice_id is not None and self.fact is Fact.OPEN

    @property
    def dead(self) -> bool:
        """Whether nothing more is to be expected: closed, or settled."""
        return self.fact >= Fact.CLOSED

    @property
    def only_assumed(self) -> bool:
        """Whether it counts as dead although its gateway has not confirmed it."""
        return self.fact is Fact.CLOSED and self.closure is e.Closure.ASSUMED
