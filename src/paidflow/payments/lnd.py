"""Payments by a Lightning node of ours that runs lnd. Needs ``paidflow[lnd]``.

Written after lnd 0.20.1 (``lnrpc/*.proto`` and what its servers do with it). The id of an invoice
is its payment hash, and so is the id of an outgoing payment.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from paidflow.clock import Clock, SystemClock
from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.money import Money
from paidflow.payments import lnd_updates
from paidflow.payments.bolt11 import Network
from paidflow.payments.contract import (
    CancelCommand,
    Capability,
    CaptureCommand,
    CommandOutcome,
    Declined,
    Destination,
    Hint,
    Invoice,
    Lookup,
    NotFound,
    NotSent,
    OpenCommand,
    Opened,
    OpenOutcome,
    PaymentLookup,
    PayOutCommand,
    Profile,
    Unknown,
    Unreachable,
    Updates,
)
from paidflow.payments.http import Reply
from paidflow.payments.lnd_client import LndClient, Refusal, outcome
from paidflow.payments.lnd_messages import Added, NodeInvoice, is_hash, memo, to_base64
from paidflow.payments.lnd_payments import LndPayments

__all__ = ["HOLD_BLOCKS", "Lnd", "Network"]

HOLD_BLOCKS = 360
"""How long payers lock their money at most: 80 blocks to capture it after it was passed on, 80 for
the receiver, 80 for each of two nodes on the way to him, and what lnd lets go of before the end."""

_CAPABILITIES = frozenset(
    {
        *(Capability.HOLD, Capability.CANCEL, Capability.UPDATES),
        *(Capability.PAY_OUT, Capability.HOLDINGS),
    }
)
_NO_SUCH_INVOICE = ("unable to locate invoice", "there are no existing invoices")
_NOT_OPENED = ("too large", "greater than max")
_CANNOT_BE_CANCELLED = ("invoice already settled", *_NO_SUCH_INVOICE)
_CANNOT_BE_SETTLED = ("invoice still open", "invoice already canceled", *_NO_SUCH_INVOICE)


class Lnd:
    """A gateway that is a node of ours.

    Args:
        url: the address of its REST interface, such as ``https://127.0.0.1:8080``.
        macaroon: hexadecimal, or the file; it must allow what ``docs/lnd.md`` lists.
        tls_certificate: the certificate of the node, as text or a file; nobody else is trusted
            then. ``None`` if its certificate is one that everybody trusts.
        account: what this node is called in the log, such as its public key.
        secret: 16 bytes or more; the preimages of invoices that are not held derive from it.
        network: the network of the node.
        invoice_expiry_s: how long an invoice can be paid.
        hold_blocks: how long payers lock their money at most, 40 to 2,000 blocks.
        timeout_s: how long to wait for an answer of the node.
        clock: what tells the time.

    Raises:
        InvalidConfiguration: when a setting cannot be used; the text names it.
    """

    def __init__(
        self,
        url: str,
        *,
        macaroon: str | Path,
        tls_certificate: str | Path | None,
        account: str,
        secret: bytes,
        network: Network = Network.MAINNET,
        invoice_expiry_s: int = 600,
        hold_blocks: int = HOLD_BLOCKS,
        timeout_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        if len(secret) < 16:
            raise InvalidConfiguration("secret must have 16 bytes or more")
        if not 40 <= hold_blocks <= 2000:
            raise InvalidConfiguration("hold_blocks must be 40 to 2000")
        self._client = LndClient(
            url, macaroon=macaroon, tls_certificate=tls_certificate, timeout_s=timeout_s
        )
        self._secret = secret
        self._hold_blocks = hold_blocks
        self._clock = clock or SystemClock()
        self._payments = LndPayments(self._client, network, self._clock)
        self._profile = Profile(
            capabilities=_CAPABILITIES,
            currencies=frozenset({"BTC"}),
            account=account,
            invoice_expiry_s=invoice_expiry_s,
        )

    def __repr__(self) -> str:
        return f"Lnd(account={self._profile.account!r})"

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    @property
    def profile(self) -> Profile:
        return self._profile

    def open(self, command: OpenCommand) -> OpenOutcome:
        if command.amount.currency != "BTC" or command.amount.amount <= 0:
            return Declined("lnd takes more than nothing, in bitcoin")
        if command.hold and not is_hash(command.payment_hash or ""):
            return Declined("a hold needs a payment hash")
        if command.hold:
            return self._open_hold(command, command.payment_hash or "")
        preimage = hmac.digest(self._secret, f"preimage of {command.key}".encode(), "sha256")
        body = {"r_preimage": to_base64(preimage.hex()), **_asked(command)}
        reply = self._client.command("/v1/invoices", body)
        return self._opened(hashlib.sha256(preimage).hexdigest(), "", reply)

    def _open_hold(self, command: OpenCommand, payment_hash: str) -> OpenOutcome:
        """Open an invoice with a hash that may be of somebody else, so it also carries our key."""
        tag = hmac.digest(self._secret, f"tag of {command.key}".encode(), "sha256")[:4].hex()
        body = {
            "hash": to_base64(payment_hash),
            "cltv_expiry": str(self._hold_blocks),
            **_asked(command, f" [{tag}]"),
        }
        reply = self._client.command("/v2/invoices/hodl", body)
        return self._opened(payment_hash, f" [{tag}]", reply)

    def _opened(
        self, payment_hash: str, tag: str, reply: Reply | Refusal | NotSent | Unknown
    ) -> OpenOutcome:
        match reply:
            case Reply():
                return self._read(payment_hash, reply)
            case Refusal() if reply.says("invoice with payment hash already exists"):
                return self._opened_before(payment_hash, tag)
            case Refusal() if reply.says(*_NOT_OPENED):
                return Declined("the node refuses such an invoice")
            case Refusal():
                return Unknown(f"status {reply.status}")
            case _:
                return reply

    def _read(self, payment_hash: str, reply: Reply) -> OpenOutcome:
        added = reply.read(Added)
        read = self.decode(added.payment_request) if added else None
        if added is None or not isinstance(read, Destination) or read.amount is None:
            return Unknown("an invoice that nobody understands")
        if read.payment_id != payment_hash:
            return Unknown("the invoice has another payment hash")
        invoice = Invoice(payment_hash, read.amount, added.payment_request, read.expires_at)
        return Opened(invoice)

    def _opened_before(self, payment_hash: str, tag: str) -> OpenOutcome:
        """The invoice that there is, if it was opened with the same key."""
        found = self._client.ask(f"/v1/invoice/{payment_hash}", NodeInvoice)
        if not isinstance(found, NodeInvoice):
            return Unknown("the invoice is there, and does not show")
        if not found.memo.endswith(tag):
            return Declined("the payment hash belongs to another invoice")
        return Opened(found.invoice())

    def lookup(self, invoice_id: str) -> Lookup:
        if not is_hash(invoice_id):
            return NotFound()
        found = self._client.ask(f"/v1/invoice/{invoice_id}", NodeInvoice)
        if not isinstance(found, NodeInvoice):
            return found
        height = self._client.height() if found.is_held else 0
        if isinstance(height, Unreachable):
            return height
        return found.means(self._clock.now(), height)

    def capture(self, command: CaptureCommand) -> CommandOutcome:
        preimage = command.preimage
        if preimage is None or hashlib.sha256(preimage).hexdigest() != command.invoice_id:
            return Declined("the preimage does not fit the invoice")
        found = self._client.ask(f"/v1/invoice/{command.invoice_id}", NodeInvoice)
        if isinstance(found, Unreachable):
            return NotSent(found.reason)
        if isinstance(found, NodeInvoice) and found.is_held and found.locked < command.amount:
            return Declined("less is locked")
        body = {"preimage": to_base64(preimage.hex())}
        reply = self._client.command("/v2/invoices/settle", body)
        return outcome(reply, declined=_CANNOT_BE_SETTLED, done="invoice already settled")

    def cancel(self, command: CancelCommand) -> CommandOutcome:
        if not is_hash(command.invoice_id):
            return Declined("this is no payment hash")
        body = {"payment_hash": to_base64(command.invoice_id)}
        reply = self._client.command("/v2/invoices/cancel", body)
        return outcome(reply, declined=_CANNOT_BE_CANCELLED)

    def updates(self, cursor: str | None) -> Updates:
        return lnd_updates.updates(self._client, cursor)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        raise WebhookRefused("lnd sends no webhooks")

    def decode(self, destination: str) -> Destination | Declined:
        return self._payments.decode(destination)

    def pay_out(self, command: PayOutCommand) -> CommandOutcome:
        return self._payments.pay_out(command)

    def lookup_payment(self, payment_id: str) -> PaymentLookup:
        return self._payments.lookup_payment(payment_id)

    def holdings(self) -> tuple[Money, ...] | Unreachable:
        return self._payments.holdings()


def _asked(command: OpenCommand, tag: str = "") -> dict[str, object]:
    return {
        "memo": memo(command.description, tag),
        "value_msat": str(command.amount.amount),
        "expiry": str(command.expires_in_s),
    }
