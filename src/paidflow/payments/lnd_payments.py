"""The money that a node of lnd holds, and what it sends to others. Needs httpx."""

from __future__ import annotations

from datetime import timedelta

from paidflow.clock import Clock
from paidflow.money import Money, msats
from paidflow.payments import bolt11
from paidflow.payments.bolt11 import Network
from paidflow.payments.contract import (
    CommandOutcome,
    Declined,
    Destination,
    HeightDeadline,
    NotFound,
    NotSent,
    PaymentLookup,
    PayOutCommand,
    Unreachable,
)
from paidflow.payments.lnd_client import LndClient, outcome
from paidflow.payments.lnd_messages import (
    ChannelBalance,
    Channels,
    PaymentUpdate,
    PendingChannels,
    WalletBalance,
    is_hash,
    to_base64,
)

_NOT_BEGUN = (
    *("is already paid", "already exists", "payment is in transition"),
    *("self-payments not allowed", "invoice expired", "should be greater than"),
    *("checksum failed", "invoice not for current active network"),
)
_NOTHING_KNOWN = Unreachable("the node does not say what it holds")


class LndPayments:
    """Pays invoices from a node, each payment hash once, ever.

    Args:
        client: the node.
        network: the network of its invoices.
        clock: what tells the time.
    """

    def __init__(self, client: LndClient, network: Network, clock: Clock) -> None:
        self._client = client
        self._network = network
        self._clock = clock

    def decode(self, destination: str) -> Destination | Declined:
        """Read an invoice; see ``PayingGateway``."""
        return bolt11.decode(destination, self._network)

    def pay_out(self, command: PayOutCommand) -> CommandOutcome:
        """Pay an invoice; see ``PayingGateway``.

        lnd pays a hash again whose payment has failed, so it is asked first. The macaroon is valid
        until ``give_up_at`` and no longer, so what is stuck on its way is refused by the node.
        """
        read = self._payable(command)
        if not isinstance(read, Destination):
            return read
        limit = self._time_lock(command)
        if not isinstance(limit, int):
            return limit
        left = command.give_up_at - self._clock.now()
        body = {
            "payment_request": bolt11.bare(command.destination),
            "fee_limit_msat": str(command.fee_max.amount),
            "timeout_seconds": max(int(left / timedelta(seconds=1)), 1),
            "cltv_limit": limit,
        }
        if read.amount is None:
            body["amt_msat"] = str(command.amount.amount)
        reply = self._client.command(
            "/v2/router/send", body, only_before=command.give_up_at, first_line=True
        )
        return outcome(reply, declined=_NOT_BEGUN)

    def lookup_payment(self, payment_id: str) -> PaymentLookup:
        """How a payment stands; see ``PayingGateway``."""
        if not is_hash(payment_id):
            return NotFound()
        path = f"/v2/router/track/{to_base64(payment_id, url=True)}"
        found = self._client.ask(path, PaymentUpdate, first_line=True)
        return found.result.means() if isinstance(found, PaymentUpdate) else found

    def holdings(self) -> tuple[Money, ...] | Unreachable:
        """All money of the node; see ``HoldingsGateway``."""
        channels = self._client.ask("/v1/channels", Channels)
        balance = self._client.ask("/v1/balance/channels", ChannelBalance)
        wallet = self._client.ask("/v1/balance/blockchain", WalletBalance)
        closing = self._client.ask("/v1/channels/pending", PendingChannels)
        match channels, balance, wallet, closing:
            case Channels(), ChannelBalance(), WalletBalance(), PendingChannels():
                whole_sats = channels.fees_sats + wallet.total_balance
                whole_sats += closing.total_limbo_balance
                return (msats(balance.ours_msats + 1000 * whole_sats),)
            case _:
                told = (channels, balance, wallet, closing)
                return next((one for one in told if isinstance(one, Unreachable)), _NOTHING_KNOWN)

    def _payable(self, command: PayOutCommand) -> Destination | Declined | NotSent:
        """The invoice, if it is the one that was meant, and nobody has tried to pay it before."""
        read = self.decode(command.destination)
        if isinstance(read, Declined):
            return read
        if read.payment_id != command.payment_id or read.amount not in (None, command.amount):
            return Declined("the invoice is not the one that was meant")
        if self._clock.now() >= command.give_up_at:
            return Declined("it is too late to begin")
        known = self.lookup_payment(command.payment_id)
        if isinstance(known, Unreachable):
            return NotSent(known.reason)
        if not isinstance(known, NotFound):
            return Declined("there was a payment with this payment hash")
        return read

    def _time_lock(self, command: PayOutCommand) -> int | Declined | NotSent:
        """How many blocks the way may lock our money; 0 for as many as the node allows."""
        if command.hold_deadline is None:
            return 0
        if not isinstance(command.hold_deadline, HeightDeadline):
            return Declined("a time lock is counted in blocks")
        height = self._client.height()
        if isinstance(height, Unreachable):
            return NotSent(height.reason)
        left = command.hold_deadline.height - height
        return left if left > 0 else Declined("the payer's time lock is too short")
