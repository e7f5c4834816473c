"""LNbits: to be paid to a wallet of it, to pay from it, and to hold money where its node can.

The rules are those of LNbits 1.6.2 (lnbits/lnbits). docs/lnbits.md says what follows from them.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from paidflow.clock import Clock, SystemClock
from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.money import msats
from paidflow.payments import bolt11
from paidflow.payments import contract as c
from paidflow.payments.lnbits_api import LnbitsApi, Row, memo
from paidflow.payments.lnbits_payments import LnbitsPayments, external_id
from paidflow.payments.lnbits_webhook import LnbitsWebhook

TIMEOUT_S = 15.0
_HASH = re.compile(r"[0-9a-f]{64}")
_LOCKS = 64


class LnbitsGateway(LnbitsPayments):
    """Payments to and from one wallet of an LNbits.

    Args:
        url: the address of the server.
        wallet_id: the id of the wallet, which is the account.
        invoice_key: the wallet's key for invoices.
        admin_key: the wallet's key to pay; without it nothing is paid out or held.
        node: the gateway of the node that funds this LNbits, such as ``Lnd``. LNbits does not
            show that money is locked, so only with it there are holds.
        network: the network that its invoices are of; ``FakeWallet`` makes those of the main one.
        webhook: where LNbits is to say that an invoice was paid, if it is to say so.
        clock: the time.
        invoice_expiry_s: how long an invoice can be paid. LNbits passes it on for ordinary
            invoices only; hold invoices live as long as its node wants.
        patience_s: how long a hold may wait for work that cannot be done at once.
        close_grace_s: how long after its expiry an invoice counts as closed. LNbits only looks at
            its own clock, so without a node nobody confirms that.
        pay_out_s: how long it is tried to begin a payment.
        timeout_s: how long to wait for a connection, and for an answer.
        certificate: what the server's certificate is checked with; the public ones if ``None``.

    Raises:
        InvalidConfiguration: when the address does not fit, or ``node`` without ``admin_key``.
    """

    def __init__(
        self,
        url: str,
        *,
        wallet_id: str,
        invoice_key: str,
        admin_key: str | None = None,
        node: c.Gateway | None = None,
        network: bolt11.Network = bolt11.Network.MAINNET,
        webhook: LnbitsWebhook | None = None,
        clock: Clock | None = None,
        invoice_expiry_s: int = 600,
        patience_s: int = 60,
        close_grace_s: int = 60,
        pay_out_s: int = 60,
        timeout_s: float = TIMEOUT_S,
        certificate: ssl.SSLContext | None = None,
    ) -> None:
        if node is not None and admin_key is None:
            raise InvalidConfiguration("with node, admin_key is needed, too: it settles holds")
        api = LnbitsApi(
            url,
            wallet_id=wallet_id,
            invoice_key=invoice_key,
            admin_key=admin_key,
            timeout_s=timeout_s,
            certificate=certificate,
        )
        super().__init__(api, network, clock or SystemClock())
        self._node = node
        self._webhook = webhook
        self._opening = [threading.Lock() for _ in range(_LOCKS)]
        able = {
            c.Capability.HOLD: node is not None,
            c.Capability.CANCEL: node is not None,
            c.Capability.UPDATES: True,
            c.Capability.WEBHOOKS: webhook is not None,
            c.Capability.PAY_OUT: admin_key is not None,
            c.Capability.HOLDINGS: True,
        }
        self._profile = c.Profile(
            capabilities=frozenset(capability for capability, can in able.items() if can),
            currencies=frozenset({"BTC"}),
            account=f"lnbits:{wallet_id}",
            invoice_expiry_s=invoice_expiry_s,
            patience_s=patience_s,
            close_grace_s=close_grace_s if node is None else None,
            pay_out_s=pay_out_s,
            forwards=False,
        )

    def __repr__(self) -> str:
        return f"LnbitsGateway(account={self._profile.account!r})"

    @property
    def profile(self) -> c.Profile:
        """What it supports."""
        return self._profile

    def close(self) -> None:
        """Let go of connections."""
        self._api.close()

    # To be paid.

    def open(self, command: c.OpenCommand) -> c.OpenOutcome:
        """Make an invoice, or find the one that was made with the same key."""
        if refused := self._refused(command):
            return c.Declined(refused)
        key = external_id(command.key)
        with self._opening[hash(key) % _LOCKS]:
            found = self._rows.made_with(key)
            if isinstance(found, c.Unreachable):
                return c.NotSent(found.reason)
            if found is None:
                made = self._create(key, command)
                if not isinstance(made, Row):
                    return made
                found = self._rows.made_with(key)
        if isinstance(found, Row):
            return self._opened(found, command)
        return c.Unknown(found.reason if found else "LNbits does not show what it has made")

    def lookup(self, invoice_id: str) -> c.Lookup:
        """What LNbits shows about an invoice, and its node."""
        row = self._rows.find(invoice_id, incoming=True)
        if isinstance(row, Row) and row.status == "pending":
            row = self._api.rechecked(row)
        if isinstance(row, c.Unreachable):
            return row
        if row is None:
            return c.NotFound()
        if row.status == "success":
            return c.Settled(msats(row.amount))
        return self._unpaid(row) if self._node is None else self._shown_by(self._node, row)

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        """Hand over all of the locked money."""
        hashed = hashlib.sha256(command.preimage or b"").hexdigest()
        if command.preimage is None or hashed != command.invoice_id.lower():
            return c.Declined("the preimage does not fit")
        shown = self.lookup(command.invoice_id)
        match shown:
            case c.Settled():
                return c.Accepted()
            case c.Held(amount) if amount == command.amount:
                return self._api.settle(command.preimage) or c.Accepted()
            case c.Held():
                return c.Declined("on Lightning all of it is captured")
            case c.Unreachable(reason):
                return c.NotSent(reason)
            case _:
                return c.Declined(f"it is {type(shown).__name__.lower()}")

    def cancel(self, command: c.CancelCommand) -> c.CommandOutcome:
        """Close an unpaid invoice, or give the locked money back; only its node can do that."""
        if self._node is None:
            return c.Declined("without a node, LNbits closes nothing")
        shown = self.lookup(command.invoice_id)
        match shown:
            case c.Cancelled() | c.Expired():
                return c.Accepted()
            case c.Open() | c.Held():
                return self._api.cancel(command.invoice_id) or c.Accepted()
            case c.Unreachable(reason):
                return c.NotSent(reason)
            case _:
                # LNbits would take back the money of an invoice that was paid within it.
                return c.Declined(f"it is {type(shown).__name__.lower()}")

    def updates(self, cursor: str | None) -> c.Updates:
        """The invoices that LNbits has changed since, and those of its node."""
        since, of_node = _cursors(cursor)
        changed = self._rows.changed_since(since)
        if isinstance(changed, c.Unreachable):
            return c.Updates((), cursor or "")
        news = (row for row in changed if row.incoming and row.status != "pending")
        hints = [c.Hint(row.payment_hash) for row in news]
        if self._node is not None:
            more = self._node.updates(of_node)
            hints += more.hints
            of_node = more.cursor
        newest = changed[-1].updated_at if changed else since or _BEGINNING
        return c.Updates(tuple(hints), json.dumps([newest.isoformat(), of_node]))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        """The invoice that a webhook is about.

        Raises:
            WebhookRefused: when it does not show that its sender has seen the invoice.
        """
        if self._webhook is None:
            raise WebhookRefused("no webhooks were asked for")
        return self._webhook.parse(body)

    # What it refuses, and what it makes.

    def _refused(self, command: c.OpenCommand) -> str | None:
        amount = command.amount
        if amount.currency != "BTC":
            return f"no {amount.currency} here"
        if amount.amount <= 0 or amount.amount % 1000:
            return "LNbits asks for whole satoshis, and for more than none"
        if command.expires_in_s <= 0:
            return "it would have expired already"
        if command.hold and self._node is None:
            return "without a node, LNbits does not show what is held"
        if command.hold and not _HASH.fullmatch(command.payment_hash or ""):
            return "a hold needs a payment hash"
        return None

    def _create(self, key: str, command: c.OpenCommand) -> Row | c.Declined | c.NotSent | c.Unknown:
        body: dict[str, object] = {
            "amount": command.amount.amount // 1000,
            "unit": "sat",
            "memo": memo(command.description),
            "expiry": command.expires_in_s,
            "external_id": key,
        }
        if command.hold and command.payment_hash is not None:
            here = self._api.is_here(command.payment_hash)
            if here is not False:
                return c.NotSent(here.reason) if here is not True else _ONE_INSTANCE
            body["payment_hash"] = command.payment_hash
        if self._webhook is not None:
            body |= self._webhook.asked_for(key)
        return self._api.create(body)

    def _opened(self, row: Row, command: c.OpenCommand) -> c.OpenOutcome:
        read = bolt11.decode(row.bolt11, self._network)
        if isinstance(read, c.Declined) or read.payment_id is None or read.amount is None:
            return c.Declined("network is not the one that LNbits makes invoices of")
        if read.amount != command.amount or row.hold is not command.hold:
            return c.Declined("this key was used for another invoice")
        return c.Opened(c.Invoice(read.payment_id, read.amount, row.bolt11, read.expires_at))

    def _unpaid(self, row: Row) -> c.Lookup:
        """Closed if the funding source has said so; that time has run out says nothing of it."""
        read = bolt11.decode(row.bolt11, self._network)
        ends = read.expires_at if isinstance(read, c.Destination) else None
        if row.status == "failed" and ends is not None and row.updated_at < ends:
            return c.Cancelled()
        return c.Open()

    def _shown_by(self, node: c.Gateway, row: Row) -> c.Lookup:
        """What is true of an invoice that LNbits does not show as paid."""
        shown = node.lookup(row.payment_hash)
        match shown:
            case c.Settled():
                return c.Pending()  # its node has the money, and LNbits has not noticed yet
            case c.Cancelled() | c.Expired() if row.status == "pending":
                return c.Open()  # within LNbits it can still be paid
            case _:
                return shown


_BEGINNING = datetime.fromtimestamp(0, UTC)
_ONE_INSTANCE = c.Declined("payer and receiver would share one LNbits")


def _cursors(cursor: str | None) -> tuple[datetime | None, str | None]:
    """Where LNbits and its node go on; a cursor that nobody can read is the beginning."""
    try:
        since, of_node = json.loads(cursor or "")
        moment = datetime.fromisoformat(since)
    except (ValueError, TypeError):
        return None, None
    if not moment.tzinfo:
        return None, None
    return moment, of_node if isinstance(of_node, str) else None
