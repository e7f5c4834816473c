"""What happens to one payment to somebody else."""

from __future__ import annotations

from datetime import datetime

from paidflow.money import Money
from paidflow.states.answers import PayFailure
from paidflow.states.events.event import Event
from paidflow.states.machine import Trigger


class PayOutEvent(Event):
    """An event about one numbered payment to somebody else."""

    number: int


class PayOutPlanned(PayOutEvent):
    """Money is to be sent to somebody else; nobody was asked to yet.

    With ``until`` it is sent as soon as that is possible, and not after that moment.
    """

    name = "paid-action.pay-out-planned"
    private = frozenset({"amount", "fee_max"})
    gateway: str
    payment_id: str
    amount: Money
    fee_max: Money
    until: datetime | None = None

    @property
    def trigger(self) -> Trigger | None:
        return Trigger.AWAIT_PAY_OUT if self.until else None


class PayOutRequested(PayOutEvent):
    """The gateway is to send the money, now or until ``give_up_at``; it is told this once."""

    name = "paid-action.pay-out-requested"
    give_up_at: datetime

    @property
    def trigger(self) -> Trigger:
        return Trigger.REQUEST_FORWARD


class PayOutSeen(PayOutEvent):
    """The gateway knows the payment, so it is not lost on the way."""

    name = "paid-action.pay-out-seen"
    fact = True


class PayOutSettled(PayOutEvent):
    """The receiver has the money, and so much has it cost."""

    name = "paid-action.pay-out-settled"
    fact = True
    private = frozenset({"amount", "fee"})
    gateway: str
    amount: Money
    fee: Money


class PayOutFailed(PayOutEvent):
    """The receiver does not have the money, and will not get it by this payment."""

    name = "paid-action.pay-out-failed"
    fact = True
    reason: PayFailure


class ForwardLost(Event):
    """The receiver was paid, but the payer's money did not come."""

    name = "paid-action.forward-lost"
    private = frozenset({"amount"})
    amount: Money
