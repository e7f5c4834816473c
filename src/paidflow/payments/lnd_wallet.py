"""The wallet of a receiver who runs lnd himself: it makes invoices. Needs ``paidflow[lnd]``."""

from __future__ import annotations

from pathlib import Path

from paidflow.money import Money
from paidflow.payments.contract import Declined
from paidflow.payments.http import Reply
from paidflow.payments.lnd_client import LndClient
from paidflow.payments.lnd_messages import Added, memo


class LndWallet:
    """A receiver's node; a macaroon that may only write invoices is enough.

    Args:
        url: the address of its REST interface.
        macaroon: hexadecimal, or the file.
        tls_certificate: the certificate of the node, as text or a file; ``None`` if it has one that
            everybody trusts.
        timeout_s: how long to wait for an answer.

    Raises:
        InvalidConfiguration: when a setting cannot be used; the text names it.
    """

    def __init__(
        self,
        url: str,
        *,
        macaroon: str | Path,
        tls_certificate: str | Path | None,
        timeout_s: float = 10.0,
    ) -> None:
        self._client = LndClient(
            url, macaroon=macaroon, tls_certificate=tls_certificate, timeout_s=timeout_s
        )

    def __repr__(self) -> str:
        return f"LndWallet({self._client!r})"

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def invoice(self, amount: Money, description: str, expires_in_s: int) -> str | Declined:
        if amount.currency != "BTC":
            return Declined("lnd takes bitcoin")
        asked = {
            "memo": memo(description),
            "value_msat": str(amount.amount),
            "expiry": str(expires_in_s),
        }
        reply = self._client.command("/v1/invoices", asked)
        added = reply.read(Added) if isinstance(reply, Reply) else None
        if added is None:
            return Declined("the node makes no invoice")
        return added.payment_request
