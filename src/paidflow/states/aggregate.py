"""One paid action as its events tell it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from paidflow.money import Money
from paidflow.states import events as e
from paidflow.states.amounts import Amounts, added, amount_in
from paidflow.states.attempt import Attempt
from paidflow.states.machine import FINAL, State
from paidflow.states.part import Part
from paidflow.states.pay_out import PayOut, PayOutFact
from paidflow.states.postings import Postings, total
from paidflow.states.receivers import Receiver
from paidflow.states.refunds import Refund


@dataclass(unsafe_hash=True)
class Aggregate:
    """Where one paid action stands; a value, which only ``fold`` changes while it makes it.

    Args:
        cost: what it costs, with all its parts.
        payouts: who gets the cost when it is paid; nobody but the operator if it is empty.
        parts: the actions that it carries.
        receivers: who of them may be paid directly, most preferred first.
        purses: what purses pay of it in the latest attempt; it is debited unless it has failed.
        version: how many events it has.
        state: its place in the state table.
        performed: whether the work was done; it is done at most once.
        undone: whether ``on_failed`` took the work back, or ``on_reversed`` what came of it.
        undo_owed: whether the one of them that is due still has to run.
        after_paid_owed: whether ``after_paid`` still has to run.
        lost: minor units that a receiver has got, and that did not come in.
        left: what of the received money is nobody's on purpose: a person left it, or a policy could
            do nothing with it.
        late_refused: money came late and could not be used.
        accept_granted: a person decided that the late money counts.
        cancel_reason: why the cancel was asked for.
        failure_reason: why it failed.
        creation_deadline: until when a new invoice is tried for.
        hook_failures: how often in a row the owed hook has raised.
        attention: why a person has to look.
        invoiced: what came by invoice of the price, in the currency in which it came.
        taken: what those have given back whom the action has paid.
        credited: what purses were credited with because the action did not need it.
        purses_refunded: what purses got back of a price that was paid.
        refund_decisions: what operators have decided to give back.
        refunds: what the gateway was asked to send back.
        passed_on_by: the number of the payment by which a receiver was paid directly; 0 if none.
    """

    kind: str
    kind_version: int
    actor: str | None
    mode: e.Mode
    cost: Money
    late_policy: e.LatePolicy
    arguments_hash: str
    payouts: Postings = ()
    parts: tuple[Part, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    purses: Postings = ()
    version: int = 0
    state: State = State.NEW
    performed: bool = False
    undone: bool = False
    undo_owed: bool = False
    after_paid_owed: bool = False
    left: Amounts = ()
    lost: int = 0
    late_refused: bool = False
    accept_granted: bool = False
    cancel_reason: e.FailureReason | None = None
    failure_reason: e.FailureReason | None = None
    creation_deadline: datetime | None = None
    hook_failures: int = 0
    attention: e.AttentionReason | None = None
    attempts: tuple[Attempt, ...] = ()
    pay_outs: tuple[PayOut, ...] = ()
    invoiced: Money | None = None
    taken: Postings = ()
    credited: Postings = ()
    purses_refunded: Postings = ()
    refund_decisions: tuple[e.RefundDecided, ...] = ()
    refunds: tuple[Refund, ...] = ()
    passed_on_by: int = 0

    @property
    def pay_out(self) -> PayOut | None:
        """The latest payment to somebody else."""
        return self.pay_outs[-1] if self.pay_outs else None

    @property
    def arrived(self) -> bool:
        """Whether one of the payments to somebody else has arrived."""
        return any(one.fact is PayOutFact.SETTLED for one in self.pay_outs)

    @property
    def passed_on(self) -> PayOut | None:
        """The payment by which a receiver was paid directly."""
        return self.pay_outs[self.passed_on_by - 1] if self.passed_on_by else None

    @property
    def advanced(self) -> int:
        """Minor units that a receiver has got, before the payer's are ours."""
        out = self.passed_on
        return 0 if out is None or out.lost else out.spent - self.lost

    @property
    def unclaimed(self) -> Amounts:
        """Received money that is nobody's yet."""
        found: Amounts = ()
        for attempt in self.attempts:
            if attempt.spare:
                found = added(found, Money(attempt.spare, attempt.amount.currency))
        return found

    @property
    def kinds(self) -> tuple[str, ...]:
        """Its kind, and those of its parts, in their order."""
        return (self.kind, *(part.kind for part in self.parts))

    def cost_of(self, number: int) -> Money:
        """What it costs itself (0), or what its part of this number costs (from 1)."""
        if number:
            return self.parts[number - 1].cost
        carried = sum(part.cost.amount for part in self.parts)
        return Money(self.cost.amount - carried, self.cost.currency)

    @property
    def current(self) -> Attempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def remainder(self) -> Money:
        """What is to be paid by invoice: the cost less what purses pay."""
        return Money(self.cost.amount - total(self.purses), self.cost.currency)

    @property
    def unassigned(self) -> int:
        """Received minor units of the cost's currency that are nobody's yet."""
        return amount_in(self.unclaimed, self.cost.currency)

    @property
    def decided(self) -> int:
        """How many of them a person or a policy has left unclaimed on purpose."""
        return amount_in(self.left, self.cost.currency)

    @property
    def claimable(self) -> Amounts:
        """What is there of the money that is nobody's yet."""
        return tuple(money for money in self.unclaimed if money.amount > 0)

    @property
    def to_close(self) -> Attempt | None:
        """The attempt whose invoice has to be closed although the action does not wait for it."""
        for attempt in self.attempts:
            if attempt.late_hold:
                return attempt
        current = self.current
        alive = current is not None and not current.dead and current.invoice_id is not None
        return current if alive and self.state in FINAL else None

    def attempt_of(self, gateway: str, invoice_id: str) -> Attempt | None:
        """The attempt that this invoice belongs to."""
        for attempt in self.attempts:
            if attempt.gateway == gateway and attempt.invoice_id == invoice_id:
                return attempt
        return None


Folded = TypeVar("Folded", Aggregate, Attempt)


def copied(folded: Folded) -> Folded:
    """A copy to be changed while it is made into the value after an event."""
    copy = object.__new__(type(folded))
    copy.__dict__ = folded.__dict__.copy()
    return copy
