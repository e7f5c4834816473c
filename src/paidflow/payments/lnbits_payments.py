"""The part of LNbits that pays: invoices of others, each at most once."""

from __future__ import annotations

import hashlib
import re

from paidflow.clock import Clock
from paidflow.money import Money, msats
from paidflow.payments import bolt11
from paidflow.payments import contract as c
from paidflow.payments.lnbits_api import LnbitsApi, Row
from paidflow.payments.lnbits_rows import LnbitsRows

HOLDINGS_TRIES = 3

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,256}")


class LnbitsPayments:
    """Pays from a wallet, and says what is in it.

    Args:
        api: the wallet.
        network: the network that invoices have to be of.
        clock: the time.
    """

    def __init__(self, api: LnbitsApi, network: bolt11.Network, clock: Clock) -> None:
        self._api = api
        self._rows = LnbitsRows(api)
        self._network = network
        self._clock = clock

    def decode(self, destination: str) -> c.Destination | c.Declined:
        """What a Lightning invoice asks for."""
        read = bolt11.decode(destination, self._network)
        if isinstance(read, c.Destination) and read.amount is None:
            return c.Declined("LNbits pays no invoice without an amount")
        return read

    def pay_out(self, command: c.PayOutCommand) -> c.CommandOutcome:
        """Pay an invoice, once."""
        if refused := self._refused_payment(command):
            return refused
        if self._clock.now() >= command.give_up_at:
            return c.Declined("it is too late")
        key = external_id(command.key)
        return self._api.pay(bolt11.bare(command.destination), key) or c.Accepted()

    def lookup_payment(self, payment_id: str) -> c.PaymentLookup:
        """What LNbits shows about an outgoing payment."""
        row = self._rows.find(payment_id, incoming=False)
        if isinstance(row, Row) and row.status == "pending":
            rechecked = self._api.rechecked(row)
            # As long as a payment is on its way, its node may give no answer at all.
            row = rechecked if isinstance(rechecked, Row) else row
        match row:
            case c.Unreachable():
                return row
            case None:
                return c.NotFound()
            case Row(status="success"):
                return c.PaidOut(msats(-row.amount), msats(abs(row.fee)), row.proof)
            case Row(status="failed"):
                return c.PayFailed(c.PayFailure.OTHER)
            case _:
                return c.InFlight()

    def holdings(self) -> tuple[Money, ...] | c.Unreachable:
        """What the wallet has; LNbits has already taken off what is on its way out."""
        before = self._rows.on_their_way_out()
        for _ in range(HOLDINGS_TRIES):
            balance, after = self._api.balance_msats(), self._rows.on_their_way_out()
            if isinstance(balance, c.Unreachable):
                return balance
            if isinstance(after, c.Unreachable):
                return after
            if before == after:
                reserved = sum(abs(row.amount) + abs(row.fee) for row in after)
                return (msats(balance + reserved),)
            before = after
        return c.Unreachable("it changes while it is read")

    def _refused_payment(self, command: c.PayOutCommand) -> c.CommandOutcome | None:
        read, now = self.decode(command.destination), self._clock.now()
        if isinstance(read, c.Declined):
            return read
        if (read.payment_id, read.amount) != (command.payment_id, command.amount):
            return c.Declined("the invoice asks for something else")
        if read.expires_at is not None and read.expires_at <= now:
            return c.Declined("the invoice has expired")
        if command.hold_deadline is not None:
            return c.Declined("LNbits cannot limit how long a payment takes")
        sent = self._rows.find(command.payment_id, incoming=False)
        reserve = self._api.fee_reserve_msats(bolt11.bare(command.destination))
        if isinstance(sent, c.Unreachable):
            return c.NotSent(sent.reason)
        if isinstance(reserve, c.Unreachable):
            return c.NotSent(reserve.reason)
        if sent is not None:
            return c.Declined("it was sent before")
        if reserve > command.fee_max.amount:
            return c.Declined(f"LNbits may spend {reserve} msats on the way")
        return None


def external_id(key: str) -> str:
    """A key as LNbits takes it: 256 characters, none of them special."""
    return key if _KEY.fullmatch(key) else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
