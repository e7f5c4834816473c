"""Asks gateways for invoices: one numbered attempt, one invoice.

The preimage of a hold invoice derives from the keyring and the attempt, so it is stored nowhere.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from datetime import timedelta

from paidflow.correlation import about
from paidflow.flow.charging import Charge, Charging
from paidflow.flow.forwarding import Forwarding, Wrap
from paidflow.flow.hooks import read_payload
from paidflow.flow.planned import Beside
from paidflow.flow.told import told
from paidflow.flow.tools import Tools
from paidflow.money import Money
from paidflow.payments.contract import (
    CancelCommand,
    Declined,
    Invoice,
    OpenCommand,
    Opened,
    OpenOutcome,
    PaidOut,
)
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate
from paidflow.states.attempt import Attempt
from paidflow.states.quote import Quote
from paidflow.states.receivers import Receiver
from paidflow.store.records import NewAttempt

logger = logging.getLogger("paidflow.flow")


@dataclass(frozen=True, slots=True)
class Opening:
    """An attempt that was started, and what the gateway said.

    Args:
        number: the number of the attempt.
        hold: whether the money is locked first.
        charge: which gateway is asked for how much.
        key_id: the key of the preimage.
        nonce: 128 secret random bits.
        outcome: what the gateway said.
        receiver: whom the payment is passed on to, if it is wrapped.
    """

    number: int
    hold: bool
    charge: Charge
    key_id: str
    nonce: str = field(repr=False)
    outcome: OpenOutcome
    receiver: Receiver | None = None

    @property
    def gateway(self) -> str:
        """The gateway's name."""
        return self.charge.gateway


class Invoices:
    """Opens the invoices of attempts.

    Args:
        tools: what it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.charging = Charging(tools.gateways, tools.quotes, tools.clock)
        self.forwarding = Forwarding(tools)

    def direct(self, a: Aggregate) -> Charge | None:
        """What a gateway is asked for now; ``None`` when it has to be converted first.

        Raises:
            NoFunding: when no gateway can be asked.
            UnknownAction: when the action is not registered.
        """
        return self.charging.direct(a.remainder, hold=_holds(a), wanted=self._wanted(a))

    def charge(self, a: Aggregate) -> Charge:
        """What a gateway is asked for now, converted if it has to be.

        Raises:
            NoFunding: when no gateway can be asked.
            UnknownAction: when the action is not registered.
            QuoteUnavailable: when there is no rate that can be used.
        """
        return self.charging.charge(a.remainder, hold=_holds(a), wanted=self._wanted(a))

    def open(self, action_id: str, number: int, charge: Charge, hold: bool, text: str) -> Opening:
        """Ask a gateway for the invoice of an attempt."""
        nonce, key_id = self.tools.ids.new_nonce(), self.tools.keyring.current
        return self._ask(action_id, number, charge, hold, text, key_id, nonce)

    def open_wrapped(
        self, action_id: str, number: int, wrap: Wrap, amount: Money, text: str
    ) -> Opening:
        """Ask a gateway for an invoice with the payment hash of a receiver's invoice."""
        nonce, key_id = self.tools.ids.new_nonce(), self.tools.keyring.current
        given, receiver = wrap.payment_id, wrap.receiver
        return self._ask(
            action_id,
            number,
            Charge(wrap.gateway, amount),
            True,
            text,
            key_id,
            nonce,
            given,
            receiver,
        )

    def _ask(
        self,
        action_id: str,
        number: int,
        charge: Charge,
        hold: bool,
        text: str,
        key_id: str,
        nonce: str,
        given: str | None = None,
        receiver: Receiver | None = None,
        *,
        again: bool = False,
    ) -> Opening:
        gateway, amount, payment_hash = charge.gateway, charge.amount, given
        payable_s = self._payable_s(charge)
        if charge.quote is not None and not payable_s:
            late = Declined("the quote has run out")
            return Opening(number, hold, charge, key_id, nonce, late)
        if hold and given is None:
            preimage = self.tools.keyring.preimage(
                key_id, action_id=action_id, attempt=number, nonce=nonce, amount=amount
            )
            payment_hash = hashlib.sha256(preimage).hexdigest()
        command = OpenCommand(
            # Another invoice of a receiver is another command.
            key=command_key(action_id, number, f"open-{given}" if given else "open"),
            amount=amount,
            hold=hold,
            payment_hash=payment_hash,
            description=text,
            expires_in_s=payable_s,
            again=again,
        )
        outcome = self.tools.gateways.open(gateway, command)
        if isinstance(outcome, Opened) and outcome.invoice.amount != amount:
            outcome = Declined("the invoice differs from what was asked for")
        elif isinstance(outcome, Opened) and _outlives(outcome.invoice, charge.quote):
            key = command_key(action_id, number, "cancel")
            self.tools.gateways.cancel(gateway, CancelCommand(outcome.invoice.invoice_id, key))
            outcome = Declined("the invoice can be paid for longer than its quote is valid")
        if given and isinstance(outcome, Opened) and outcome.invoice.invoice_id != given:
            outcome = Declined("the invoice has another payment hash")
        return Opening(number, hold, charge, key_id, nonce, outcome, receiver)

    def _payable_s(self, charge: Charge) -> int:
        """For how many seconds the invoice can be paid: never longer than its quote is valid."""
        profile = self.tools.gateways.profile(charge.gateway)
        usual_s = profile.invoice_expiry_s if profile else 0
        quote = charge.quote
        return usual_s if quote is None else min(usual_s, self.charging.payable_s(quote))

    def attached(self, opening: Opening, invoice: Invoice) -> e.InvoiceAttached:
        """The event that an invoice belongs to an attempt."""
        profile = self.tools.gateways.profile(opening.gateway)
        closed_at = None
        if profile and profile.close_grace_s is not None and invoice.expires_at is not None:
            closed_at = invoice.expires_at + timedelta(seconds=profile.close_grace_s)
        return e.InvoiceAttached(
            number=opening.number,
            gateway=opening.gateway,
            hold=opening.hold,
            amount=opening.charge.amount,
            quote=opening.charge.quote,
            key_id=opening.key_id,
            invoice_id=invoice.invoice_id,
            expires_at=invoice.expires_at,
            assumed_closed_at=closed_at,
            receiver=opening.receiver,
        )

    def starting(
        self, action_id: str, a: Aggregate, text: str | None = None, charge: Charge | None = None
    ) -> tuple[tuple[e.Event, ...], Beside]:
        """The next attempt of an action that needs a new invoice, and its rows.

        Args:
            action_id: the action.
            a: where it stands.
            text: what a receiver reads; by default the action is asked.
            charge: which gateway is asked for how much, if that is known already.

        Returns:
            Nothing when a wallet or a rate has to be asked for first, inside a transaction of
            somebody else; a worker does it.

        Raises:
            NoFunding: when no gateway can take it any more.
            QuoteUnavailable: when there is no rate that can be used.
        """
        number, nonce = len(a.attempts) + 1, self.tools.ids.new_nonce()
        wrap = None
        if self.forwarding.may_offer(a):
            if self.tools.provisional:
                return (), Beside()
            text = self._describe(action_id, a) if text is None else text
            wrap = next(self.forwarding.offers(a, text), None)
        if wrap is None:
            charge = charge or self.direct(a)
            if charge is None and self.tools.provisional:
                return (), Beside()
            charge = charge or self.charge(a)
            started = self._started(number, charge, _holds(a), None)
            return (started,), Beside(attempts=(NewAttempt(number, charge.gateway, nonce),))
        pay_out = len(a.pay_outs) + 1
        started = self._started(number, Charge(wrap.gateway, a.remainder), True, wrap.receiver)
        return (wrap.planned(pay_out), started), Beside(
            attempts=(NewAttempt(number, wrap.gateway, nonce),), payments=(wrap.payment(pay_out),)
        )

    def _started(
        self, number: int, charge: Charge, hold: bool, receiver: Receiver | None
    ) -> e.AttemptStarted:
        return e.AttemptStarted(
            number=number,
            gateway=charge.gateway,
            hold=hold,
            amount=charge.amount,
            quote=charge.quote,
            key_id=self.tools.keyring.current,
            receiver=receiver,
        )

    def open_again(self, action_id: str, a: Aggregate, attempt: Attempt) -> Opening:
        """Ask for the invoice of an attempt that was started before, and perhaps asked for."""
        return self._ask(
            action_id,
            attempt.number,
            Charge(attempt.gateway, attempt.amount, attempt.quote),
            attempt.hold,
            self._describe(action_id, a),
            attempt.key_id,
            self._nonce(action_id, attempt),
            a.pay_outs[attempt.pay_out - 1].payment_id if attempt.receiver else None,
            attempt.receiver,
            again=True,
        )

    def preimage(self, action_id: str, a: Aggregate, attempt: Attempt) -> bytes | None:
        """The secret that releases the locked money of an attempt.

        A receiver's is stored nowhere: the gateway is asked for it again.

        Returns:
            ``None`` if a receiver has it and it cannot be seen now.
        """
        if attempt.receiver is not None:
            payment_id = a.pay_outs[attempt.pay_out - 1].payment_id
            shown = self.tools.gateways.lookup_payment(attempt.gateway, payment_id).lookup
            return shown.preimage if isinstance(shown, PaidOut) else None
        return self.tools.keyring.preimage(
            attempt.key_id,
            action_id=action_id,
            attempt=attempt.number,
            nonce=self._nonce(action_id, attempt),
            amount=attempt.amount,
        )

    def _wanted(self, a: Aggregate) -> str | None:
        return self.tools.registry.kind(a.kind).gateway

    def _nonce(self, action_id: str, attempt: Attempt) -> str:
        with self.tools.store.reading() as tx:
            row = tx.query("select_attempt", action_id=action_id, number=attempt.number).fetchone()
        if row is None:
            raise AssertionError("an attempt has a row")
        return row["nonce"]

    def _describe(self, action_id: str, a: Aggregate) -> str:
        """What the payer reads; the kind when the texts are gone or ``describe`` raises."""
        with self.tools.store.reading() as tx:
            payload = read_payload(tx, action_id)
            now = self.tools.clock.now()
            try:
                action = self.tools.registry.restore(a.kind, a.kind_version, payload.arguments)
                ctx = told(
                    tx,
                    self.tools.registry,
                    action_id=action_id,
                    actor=a.actor,
                    now=now,
                    cost=a.cost_of(0),
                    performed=a.performed,
                )
                return action.describe(ctx)
            except Exception as error:
                logger.warning(
                    "describe of %s raised %s",
                    action_id,
                    type(error).__name__,
                    extra=about(action_id),
                )
                return a.kind


def _holds(a: Aggregate) -> bool:
    return a.mode is e.Mode.PESSIMISTIC


def _outlives(invoice: Invoice, quote: Quote | None) -> bool:
    """Whether an invoice can be paid after its quote has run out."""
    if quote is None:
        return False
    return invoice.expires_at is None or invoice.expires_at > quote.valid_until


def command_key(action_id: str, number: int, command: str) -> str:
    """The idempotency key of a command; the same one in every repetition."""
    return f"pf-{action_id}-{number}-{command}"
