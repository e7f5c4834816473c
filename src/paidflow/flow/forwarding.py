"""Wrapped payments: asks receivers' wallets for invoices, and decides when the chosen one is paid.

The payment itself is sent as any other: ``pay_outs.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from paidflow.errors import NoFunding, UnknownAction
from paidflow.flow.tools import Tools
from paidflow.ledger.forwards import fee_budget, share_of
from paidflow.money import Money, invoice_unit
from paidflow.payments.contract import Declined, Held
from paidflow.payments.wrapped import RECEIVER_EXPIRY_S, RECEIVER_EXPIRY_S_MIN, unfit
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.events import Events
from paidflow.states.forwarding import receivers_left, request_forward
from paidflow.states.receivers import Receiver
from paidflow.store.records import NewPayment

logger = logging.getLogger("paidflow.flow")

WALLETS_MAX = 4
"""How many wallets are asked for an invoice before the receiver gets credits."""


@dataclass(frozen=True, slots=True)
class Wrap:
    """A receiver's invoice that a payer's money can be passed on to.

    Args:
        receiver: whose it is.
        gateway: the gateway that holds the payer's money and pays the receiver.
        payment_id: the payment hash of both.
        amount: what the receiver's invoice asks for.
        fee_max: what the way there may cost.
        destination: the invoice, as the wallet gave it.
    """

    receiver: Receiver
    gateway: str
    payment_id: str
    amount: Money
    fee_max: Money
    destination: str = field(repr=False)

    def planned(self, number: int) -> e.PayOutPlanned:
        """The event that the receiver is to be paid, once the payer's money is locked."""
        return e.PayOutPlanned(
            number=number,
            gateway=self.gateway,
            payment_id=self.payment_id,
            amount=self.amount,
            fee_max=self.fee_max,
        )

    def payment(self, number: int) -> NewPayment:
        """The row of that payment."""
        return NewPayment(number, self.gateway, self.payment_id, self.destination)


class Forwarding:
    """Chooses receivers, and decides when they are paid.

    Args:
        tools: what it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self._t = tools

    def may_offer(self, a: Aggregate) -> bool:
        """Whether a wallet has to be asked before the next invoice is opened."""
        return any(receivers_left(a)) and self._gateway(a) is not None

    def offers(self, a: Aggregate, text: str) -> Iterator[Wrap]:
        """What receivers' wallets offer, in the order of the receivers; none of it is stored.

        Only what the payer sends is passed on: what purses have given stays inside.

        Args:
            a: the action that needs an invoice.
            text: what the receiver reads.
        """
        gateway = self._gateway(a)
        if gateway is None:
            return
        for receiver in islice(receivers_left(a), WALLETS_MAX):
            share = share_of(a.payouts, receiver)
            fee_max = fee_budget(a.payouts, share)
            if share + fee_max > a.remainder:
                continue
            wrap = self._ask(gateway, receiver, share, fee_max, text)
            if wrap is not None:
                yield wrap

    def _gateway(self, a: Aggregate) -> str | None:
        try:
            wanted = self._t.registry.kind(a.kind).gateway
            return self._t.gateways.choose(a.cost.currency, hold=True, forwards=True, wanted=wanted)
        except (NoFunding, UnknownAction):
            return None

    def _ask(
        self, gateway: str, receiver: Receiver, share: Money, fee_max: Money, text: str
    ) -> Wrap | None:
        profile = self._t.gateways.profile(gateway)
        expiry_s = profile.invoice_expiry_s if profile else 0
        asked = expiry_s + RECEIVER_EXPIRY_S
        destination = self._t.wallets.invoice(receiver.wallet, share, text, asked)
        if isinstance(destination, Declined):
            return _passed_over(receiver, destination.reason)
        read = self._t.gateways.decode(gateway, destination)
        if isinstance(read, Declined):
            return _passed_over(receiver, read.reason)
        payable_until = self._t.clock.now() + timedelta(seconds=expiry_s + RECEIVER_EXPIRY_S_MIN)
        unit = invoice_unit(share.currency)
        why_not = unfit(read, asked=share, unit=unit, payable_until=payable_until)
        if why_not or read.payment_id is None or read.amount is None:
            return _passed_over(receiver, why_not or "")
        return Wrap(receiver, gateway, read.payment_id, read.amount, fee_max, destination)

    def requested(self, a: Aggregate, held: Held, destination: str) -> Events:
        """What comes before the receiver is paid; empty when nobody is to be paid.

        Args:
            a: the action whose money is held.
            held: the hold as the gateway shows it now.
            destination: the receiver's invoice, as it is stored.
        """
        attempt, pay_out = a.current, a.pay_out
        if attempt is None or pay_out is None:
            return ()
        read = self._t.gateways.decode(pay_out.gateway, destination)
        # Two decoders may disagree about one invoice. Then nothing is sent.
        agreed = (attempt.invoice_id, pay_out.payment_id, pay_out.amount)
        if isinstance(read, Declined) or agreed != (read.payment_id, read.payment_id, read.amount):
            return (e.CancelRequested(reason=e.FailureReason.FORWARD_FAILED),)
        profile = self._t.gateways.profile(pay_out.gateway)
        now = self._t.clock.now()
        give_up_at = now + timedelta(seconds=profile.pay_out_s if profile else 0)
        return request_forward(a, held, now, give_up_at)


def _passed_over(receiver: Receiver, why: str) -> None:
    logger.info("the wallet %s cannot be paid: %s", receiver.wallet, why)
