"""Somebody's own wallet at an LNbits: it is paid to, and pays. Needs httpx."""

from __future__ import annotations

import ssl

from pydantic import BaseModel, ConfigDict, Field

from paidflow.money import Money
from paidflow.payments import bolt11
from paidflow.payments.contract import (
    Accepted,
    CommandOutcome,
    Declined,
    Destination,
    NotSent,
    Unreachable,
)
from paidflow.payments.lnbits_api import LnbitsApi, Row, memo
from paidflow.payments.lnbits_payments import external_id

TIMEOUT_S = 9.0
"""Less than a flow waits for a wallet."""


class LnbitsKeys(BaseModel):
    """The keys of a wallet; secrets.

    Args:
        url: the address of its server.
        invoice_key: makes invoices.
        admin_key: pays; ``None`` for a wallet that is only paid to.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    invoice_key: str = Field(repr=False)
    admin_key: str | None = Field(default=None, repr=False)


class LnbitsWallet:
    """A wallet of an actor; a ``Wallet`` for payments to him, and one that can pay for him.

    Args:
        keys: its keys.
        network: the network of its invoices.
        timeout_s: how long one call may take.
        certificate: what the server's certificate is checked with; the public ones if ``None``.
    """

    def __init__(
        self,
        keys: LnbitsKeys,
        *,
        network: bolt11.Network = bolt11.Network.MAINNET,
        timeout_s: float = TIMEOUT_S,
        certificate: ssl.SSLContext | None = None,
    ) -> None:
        self._keys = keys
        self._network = network
        self._timeout_s = timeout_s
        self._certificate = certificate

    def __repr__(self) -> str:
        return f"LnbitsWallet({self._keys!r})"

    def invoice(self, amount: Money, description: str, expires_in_s: int) -> str | Declined:
        """Make an invoice; LNbits knows no fractions of a satoshi and rounds down."""
        if amount.currency != "BTC":
            return Declined(f"no {amount.currency} here")
        body = {
            "amount": amount.amount // 1000,
            "unit": "sat",
            "memo": memo(description),
            "expiry": expires_in_s,
        }
        with self._api() as api:
            made = api.create(body)
        return made.bolt11 if isinstance(made, Row) else Declined(made.reason)

    def pay(self, payment_request: str, key: str, *, hold: bool) -> CommandOutcome:
        """Pay an invoice, once; it arrives, or its money is locked, a little later.

        Args:
            payment_request: the invoice.
            key: what the owner finds with the payment.
            hold: whether it is a hold invoice. One of the same LNbits is not paid: LNbits would
                hand over its money at once.

        Returns:
            ``Declined`` and ``NotSent`` if it was not paid, and will not be by this call.
        """
        if self._keys.admin_key is None:
            return Declined("this wallet is only paid to")
        read = bolt11.decode(payment_request, self._network)
        if not isinstance(read, Destination) or read.payment_id is None:
            return Declined("this wallet cannot pay that")
        with self._api() as api:
            here = api.is_here(read.payment_id) if hold else False
            if isinstance(here, Unreachable):
                return NotSent(here.reason)
            if here:
                return Declined("payer and receiver would share one LNbits")
            return api.pay(bolt11.bare(payment_request), external_id(key)) or Accepted()

    def _api(self) -> LnbitsApi:
        return LnbitsApi(
            self._keys.url,
            wallet_id=None,
            invoice_key=self._keys.invoice_key,
            admin_key=self._keys.admin_key,
            timeout_s=self._timeout_s,
            certificate=self._certificate,
        )
