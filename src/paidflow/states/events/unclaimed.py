"""What becomes of received money that the action does not need."""

from __future__ import annotations

from paidflow.money import Money
from paidflow.states.events.event import Event


class LatePaymentRefused(Event):
    """The money came, but the action can no longer be made real with it."""

    name = "paid-action.late-payment-refused"


class PaymentCredited(Event):
    """Received money that the action does not keep went to the actor's purse."""

    name = "paid-action.payment-credited"
    amount: Money
    actor: str


class PaymentClaimed(Event):
    """Unclaimed money was claimed by the holder of the proof."""

    name = "paid-action.payment-claimed"
    amount: Money
    actor: str
