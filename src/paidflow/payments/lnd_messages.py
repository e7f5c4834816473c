"""What lnd says about invoices and payments, and what that means. Pure.

The fields are those of ``lnrpc/lightning.proto`` of lnd 0.20.1. Bytes are base64.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator

from paidflow.money import Money, msats
from paidflow.payments.contract import (
    Cancelled,
    Expired,
    HeightDeadline,
    Held,
    InFlight,
    Invoice,
    Lookup,
    Open,
    PaidOut,
    PayFailed,
    PayFailure,
    PaymentLookup,
    Pending,
    Settled,
    Unreachable,
)

HOLD_EXPIRY_BLOCKS = 18
"""So long before the end of its time lock lnd lets go of held money: 12 blocks in 0.20, and 18 in
later versions (``DefaultHoldInvoiceExpiryDelta`` in ``lncfg/invoices.go``)."""

MEMO_BYTES_MAX = 639
"""BOLT 11: 1023 words of five bits."""

_FAILURES = {
    "FAILURE_REASON_TIMEOUT": PayFailure.RECEIVER_UNREACHABLE,
    "FAILURE_REASON_NO_ROUTE": PayFailure.RECEIVER_UNREACHABLE,
    "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS": PayFailure.REFUSED,
    "FAILURE_REASON_INSUFFICIENT_BALANCE": PayFailure.INSUFFICIENT_BALANCE,
}


def to_base64(hexadecimal: str, *, url: bool = False) -> str:
    """Bytes as lnd wants to have them."""
    raw = bytes.fromhex(hexadecimal)
    return (base64.urlsafe_b64encode(raw) if url else base64.b64encode(raw)).decode()


def memo(description: str, end: str = "") -> str:
    """A description that fits into an invoice, with an end that is never cut off."""
    return description.encode()[: MEMO_BYTES_MAX - len(end)].decode(errors="ignore") + end


def is_hash(text: str) -> bool:
    """Whether it is a payment hash as paidflow writes them."""
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def _from_base64(value: object) -> object:
    return base64.b64decode(value, validate=True).hex() if isinstance(value, str) else value


Hexadecimal = Annotated[str, BeforeValidator(_from_base64)]


class Htlc(BaseModel):
    """A part of a payment that has come in."""

    state: Literal["ACCEPTED", "SETTLED", "CANCELED"]
    amt_msat: int
    expiry_height: int


class NodeInvoice(BaseModel):
    """An invoice."""

    add_index: int
    r_hash: Hexadecimal
    memo: str
    value_msat: int
    amt_paid_msat: int
    state: Literal["OPEN", "SETTLED", "CANCELED", "ACCEPTED"]
    creation_date: int
    expiry: int
    payment_request: str
    htlcs: list[Htlc]

    @property
    def expires_at(self) -> datetime:
        """Until when it can be paid."""
        return datetime.fromtimestamp(self.creation_date + self.expiry, UTC)

    @property
    def is_held(self) -> bool:
        """Whether all of the payment is locked."""
        return self.state == "ACCEPTED"

    @property
    def locked(self) -> Money:
        """How much of the payers' money is locked."""
        return msats(sum(htlc.amt_msat for htlc in self._locked_parts))

    @property
    def _locked_parts(self) -> list[Htlc]:
        return [htlc for htlc in self.htlcs if htlc.state == "ACCEPTED"]

    def invoice(self) -> Invoice:
        """What a payer is shown."""
        return Invoice(
            self.r_hash, msats(self.value_msat), self.payment_request, expires_at=self.expires_at
        )

    def means(self, now: datetime, height: int) -> Lookup:
        """What is known of it.

        Args:
            now: the current moment, UTC.
            height: the block height now.
        """
        locked = self._locked_parts
        match self.state:
            case "SETTLED":
                return Settled(msats(self.amt_paid_msat))
            case "ACCEPTED" if locked:
                end = min(htlc.expiry_height for htlc in locked) - HOLD_EXPIRY_BLOCKS
                return Held(self.locked, HeightDeadline(end), height)
            case "ACCEPTED":
                return Unreachable("money is locked, and in no part of a payment")
            case "CANCELED" if not self.htlcs and now >= self.expires_at:
                return Expired()
            case "CANCELED":
                return Cancelled()
            case "OPEN":
                return Pending() if locked else Open()


class NodePayment(BaseModel):
    """An outgoing payment."""

    status: str
    value_msat: int
    fee_msat: int
    payment_preimage: str
    failure_reason: str

    def means(self) -> PaymentLookup:
        """What is known of it."""
        match self.status:
            case "SUCCEEDED":
                preimage = bytes.fromhex(self.payment_preimage)
                return PaidOut(msats(self.value_msat), msats(self.fee_msat), preimage)
            case "FAILED":
                return PayFailed(_FAILURES.get(self.failure_reason, PayFailure.OTHER))
            case "IN_FLIGHT" | "INITIATED":
                return InFlight()
            case _:
                return Unreachable("the node does not know how it stands")


class PaymentUpdate(BaseModel):
    """A message of the stream of one payment."""

    result: NodePayment


class InvoicePage(BaseModel):
    """Some of all invoices."""

    invoices: list[NodeInvoice]
    last_index_offset: int


class Added(BaseModel):
    """The answer to a new invoice."""

    payment_request: str


class Info(BaseModel):
    """What the node says of itself."""

    block_height: int


class Amount(BaseModel):
    """An amount in a channel."""

    msat: int


class ChannelBalance(BaseModel):
    """The money in all channels."""

    local_balance: Amount
    unsettled_remote_balance: Amount
    pending_open_local_balance: Amount

    @property
    def ours_msats(self) -> int:
        """What is ours until it has arrived elsewhere.

        What is on its way to others counts as unsettled on their side (``ChannelBalance`` in
        ``rpcserver.go``), and so does what payers have locked on ours.
        """
        parts = (
            self.local_balance,
            self.unsettled_remote_balance,
            self.pending_open_local_balance,
        )
        return sum(part.msat for part in parts)


class Channel(BaseModel):
    """A channel."""

    initiator: bool
    commit_fee: int


class Channels(BaseModel):
    """All channels that are open."""

    channels: list[Channel]

    @property
    def fees_sats(self) -> int:
        """What closing them now would cost us: whoever has opened a channel pays for that.

        It changes with every payment on its way, and is in no balance.
        """
        return sum(channel.commit_fee for channel in self.channels if channel.initiator)


class WalletBalance(BaseModel):
    """The money on the chain."""

    total_balance: int


class PendingChannels(BaseModel):
    """The money that is on its way from channels to the chain."""

    total_limbo_balance: int
