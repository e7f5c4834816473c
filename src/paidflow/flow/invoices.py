"""Asks gateways for invoices: one numbered attempt, one invoice.

The preimage of a hold invoice derives from the keyring and the attempt, so it is stored nowhere.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from datetime import timedelta

from paidflow.actions.contract import Context
from paidflow.flow.hooks import read_payload
from paidflow.flow.tools import Tools
from paidflow.money import Money
from paidflow.payments.contract import Declined, Invoice, OpenCommand, Opened, OpenOutcome
from paidflow.states import events as e
from paidflow.states.aggregate import Aggregate, Attempt
from paidflow.store.contract import NewAttempt

logger = logging.getLogger("paidflow.flow")


@dataclass(frozen=True, slots=True)
class Opening:
    """An attempt that was started, and what the gateway said.

    Args:
        number: the number of the attempt.
        gateway: the gateway's name.
        hold: whether the money is locked first.
        amount: what is asked for.
        key_id: the key of the preimage.
        nonce: 128 secret random bits.
        outcome: what the gateway said.
    """

    number: int
    gateway: str
    hold: bool
    amount: Money
    key_id: str
    nonce: str = field(repr=False)
    outcome: OpenOutcome


class Invoices:
    """Opens the invoices of attempts.

    Args:
        tools: what it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def open(
        self, action_id: str, number: int, gateway: str, amount: Money, hold: bool, text: str
    ) -> Opening:
        """Ask a gateway for the invoice of an attempt."""
        nonce, key_id = self.tools.ids.new_nonce(), self.tools.keyring.current
        return self._ask(action_id, number, gateway, amount, hold, text, key_id, nonce)

    def _ask(
        self,
        action_id: str,
        number: int,
        gateway: str,
        amount: Money,
        hold: bool,
        text: str,
        key_id: str,
        nonce: str,
    ) -> Opening:
        payment_hash = None
        if hold:
            preimage = self.tools.keyring.preimage(
                key_id, action_id=action_id, attempt=number, nonce=nonce, amount=amount
            )
            payment_hash = hashlib.sha256(preimage).hexdigest()
        profile = self.tools.gateways.profile(gateway)
        command = OpenCommand(
            key=command_key(action_id, number, "open"),
            amount=amount,
            hold=hold,
            payment_hash=payment_hash,
            description=text,
            expires_in_s=profile.invoice_expiry_s if profile else 0,
        )
        outcome = self.tools.gateways.open(gateway, command)
        if isinstance(outcome, Opened) and outcome.invoice.amount != amount:
            outcome = Declined("the invoice differs from what was asked for")
        return Opening(number, gateway, hold, amount, key_id, nonce, outcome)

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
            amount=opening.amount,
            key_id=opening.key_id,
            invoice_id=invoice.invoice_id,
            expires_at=invoice.expires_at,
            assumed_closed_at=closed_at,
        )

    def starting(self, a: Aggregate) -> tuple[e.AttemptStarted, NewAttempt]:
        """The next attempt of an action that needs a new invoice.

        Raises:
            NoFunding: when no gateway can take it any more.
        """
        hold = a.mode is e.Mode.PESSIMISTIC
        wanted = self.tools.registry.kind(a.kind).gateway
        gateway = self.tools.gateways.choose(a.cost.currency, hold=hold, wanted=wanted)
        event = e.AttemptStarted(
            number=len(a.attempts) + 1,
            gateway=gateway,
            hold=hold,
            amount=a.cost,
            key_id=self.tools.keyring.current,
        )
        return event, NewAttempt(event.number, gateway, self.tools.ids.new_nonce())

    def open_again(self, action_id: str, a: Aggregate, attempt: Attempt) -> Opening:
        """Ask for the invoice of an attempt that was started before."""
        return self._ask(
            action_id,
            attempt.number,
            attempt.gateway,
            attempt.amount,
            attempt.hold,
            self._describe(action_id, a),
            attempt.key_id,
            self._nonce(action_id, attempt),
        )

    def preimage(self, action_id: str, attempt: Attempt) -> bytes:
        """The secret that releases the locked money of an attempt."""
        return self.tools.keyring.preimage(
            attempt.key_id,
            action_id=action_id,
            attempt=attempt.number,
            nonce=self._nonce(action_id, attempt),
            amount=attempt.amount,
        )

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
                return action.describe(Context(action_id, a.actor, now, a.cost, a.performed, tx))
            except Exception as error:
                logger.warning("describe of %s raised %s", action_id, type(error).__name__)
                return a.kind


def command_key(action_id: str, number: int, command: str) -> str:
    """The idempotency key of a command; the same one in every repetition."""
    return f"pf-{action_id}-{number}-{command}"
