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

from paidflow.clock import Clock, SystemClock
from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.money import Money, msats
from paidflow.payments import bolt11
from paidflow.payments import contract as c
from paidflow.payments.lnbits_api import PAGE_ROWS, LnbitsApi, Row
from paidflow.payments.lnbits_webhook import LnbitsWebhook

MEMO_BYTES_MAX = 600
TIMEOUT_S = 15.0
PAGES_MAX = 10
"""How many pages of changes are read at once; what is older is found by the schedule."""

HOLDINGS_TRIES = 3

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,256}")
_HASH = re.compile(r"[0-9a-f]{64}")
_LOCKS = 64


class LnbitsGateway:
    """Payments to and from one wallet of an LNbits.

    Args:
        url: the address of the server.
        wallet_id: the id of the wallet, which is the account.
        invoice_key: the wallet's key for invoices.
        admin_key: the wallet's key to pay; without it nothing is paid out or held.
        node: the gateway of the LND node that funds this LNbits, such as ``LndGateway``. LNbits
            does not show that money is locked, so only with it there are holds.
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
        self._api = LnbitsApi(
            url,
            wallet_id=wallet_id,
            invoice_key=invoice_key,
            admin_key=admin_key,
            timeout_s=timeout_s,
            certificate=certificate,
        )
        self._node = node
        self._network = network
        self._webhook = webhook
        self._clock = clock or SystemClock()
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
        key = _external_id(command.key)
        with self._opening[hash(key) % _LOCKS]:
            found = self._made_with(key)
            if isinstance(found, c.Unreachable):
                return c.NotSent(found.reason)
            if found is None:
                outcome = self._create(key, command)
                if outcome is not None:
                    return outcome
                found = self._made_with(key)
        if isinstance(found, Row):
            return self._opened(found, command)
        return c.Unknown(found.reason if found else "LNbits does not show what it has made")

    def lookup(self, invoice_id: str) -> c.Lookup:
        """What LNbits shows about an invoice, and its node."""
        row = self._row(invoice_id, incoming=True)
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
            case c.Open() | c.Held() | c.Pending():
                return self._api.cancel(command.invoice_id) or c.Accepted()
            case c.Unreachable(reason):
                return c.NotSent(reason)
            case _:
                # LNbits would take back the money of an invoice that was paid within it.
                return c.Declined(f"it is {type(shown).__name__.lower()}")

    def updates(self, cursor: str | None) -> c.Updates:
        """The invoices that LNbits has changed since, and those of its node."""
        since, of_node = _cursors(cursor)
        changed = self._changed_since(since)
        if isinstance(changed, c.Unreachable):
            return c.Updates((), cursor or "")
        hints = [c.Hint(row.payment_hash) for row in changed if row.incoming]
        if changed:
            since = changed[-1].updated_at.isoformat()
        if self._node is not None:
            more = self._node.updates(of_node or None)
            hints += more.hints
            of_node = more.cursor
        return c.Updates(tuple(hints), json.dumps([since, of_node]))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        """The invoice that a webhook is about.

        Raises:
            WebhookRefused: when it does not show that its sender has seen the invoice.
        """
        if self._webhook is None:
            raise WebhookRefused("no webhooks were asked for")
        return self._webhook.parse(body)

    # To pay.

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
        key = _external_id(command.key)
        return self._api.pay(_plain(command.destination), key) or c.Accepted()

    def lookup_payment(self, payment_id: str) -> c.PaymentLookup:
        """What LNbits shows about an outgoing payment."""
        row = self._row(payment_id, incoming=False)
        if isinstance(row, Row) and row.status == "pending":
            rechecked = self._api.rechecked(row)
            # What its node says of a payment on its way may take longer than we wait.
            row = rechecked if isinstance(rechecked, Row) else row
        match row:
            case c.Unreachable():
                return row
            case None:
                return c.NotFound()
            case Row(status="success"):
                preimage = bytes.fromhex(row.preimage) if row.preimage else None
                return c.PaidOut(msats(-row.amount), msats(abs(row.fee)), preimage)
            case Row(status="failed"):
                return c.PayFailed(c.PayFailure.OTHER)
            case _:
                return c.InFlight()

    def holdings(self) -> tuple[Money, ...] | c.Unreachable:
        """What the wallet has; LNbits has already taken off what is on its way out."""
        before = self._on_its_way_out()
        for _ in range(HOLDINGS_TRIES):
            balance, after = self._api.balance_msats(), self._on_its_way_out()
            if isinstance(balance, c.Unreachable):
                return balance
            if isinstance(after, c.Unreachable):
                return after
            if before == after:
                reserved = sum(abs(row.amount) + abs(row.fee) for row in after)
                return (msats(balance + reserved),)
            before = after
        return c.Unreachable("it changes while it is read")

    # What LNbits keeps.

    def _row(self, payment_hash: str, *, incoming: bool) -> Row | c.Unreachable | None:
        rows = self._api.rows({"payment_hash": payment_hash})
        if isinstance(rows, c.Unreachable):
            return rows
        fit = (row for row in rows if row.payment_hash == payment_hash and row.incoming is incoming)
        return next(fit, None)

    def _made_with(self, key: str) -> Row | c.Unreachable | None:
        """The first invoice that was made with a key."""
        rows = self._api.rows({"external_id": key})
        if isinstance(rows, c.Unreachable):
            return rows
        fit = [row for row in rows if row.external_id == key and row.incoming]
        return min(fit, key=lambda row: (row.created_at, row.payment_hash), default=None)

    def _changed_since(self, since: str) -> list[Row] | c.Unreachable:
        """What has changed, the oldest first.

        The newest is read first: rows that change meanwhile move to the front, so that a row may
        be read twice, and none is left out.
        """
        changed: list[Row] = []
        for page in range(PAGES_MAX):
            rows = self._api.rows(
                {
                    "sortby": "updated_at",
                    "direction": "desc",
                    "limit": PAGE_ROWS,
                    "offset": page * PAGE_ROWS,
                }
            )
            if isinstance(rows, c.Unreachable):
                return rows
            newer = [row for row in rows if row.updated_at.isoformat() > since]
            changed += newer
            if len(newer) < PAGE_ROWS:
                break
        return changed[::-1]

    def _on_its_way_out(self) -> list[Row] | c.Unreachable:
        found: list[Row] = []
        while True:
            rows = self._api.rows(
                {
                    "status": "pending",
                    "amount[lt]": 0,
                    "sortby": "created_at",
                    "direction": "asc",
                    "limit": PAGE_ROWS,
                    "offset": len(found),
                }
            )
            if isinstance(rows, c.Unreachable):
                return rows
            found += rows
            if len(rows) < PAGE_ROWS:
                return found

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

    def _create(self, key: str, command: c.OpenCommand) -> c.OpenOutcome | None:
        body: dict[str, object] = {
            "amount": command.amount.amount // 1000,
            "unit": "sat",
            "memo": command.description.encode()[:MEMO_BYTES_MAX].decode(errors="ignore"),
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

    def _refused_payment(self, command: c.PayOutCommand) -> c.CommandOutcome | None:
        read, now = self.decode(command.destination), self._clock.now()
        if isinstance(read, c.Declined):
            return read
        if (read.payment_id, read.amount) != (command.payment_id, command.amount):
            return c.Declined("the invoice asks for something else")
        if now >= command.give_up_at or (read.expires_at is not None and read.expires_at <= now):
            return c.Declined("it is too late")
        if command.hold_deadline is not None:
            return c.Declined("LNbits cannot limit how long a payment takes")
        sent = self._row(command.payment_id, incoming=False)
        reserve = self._api.fee_reserve_msats(_plain(command.destination))
        if isinstance(sent, c.Unreachable):
            return c.NotSent(sent.reason)
        if isinstance(reserve, c.Unreachable):
            return c.NotSent(reserve.reason)
        if sent is not None:
            return c.Declined("it was sent before")
        if reserve > command.fee_max.amount:
            return c.Declined(f"LNbits may spend {reserve} msats on the way")
        return None


_ONE_INSTANCE = c.Declined("payer and receiver would share one LNbits")


def _external_id(key: str) -> str:
    """A key as LNbits takes it."""
    return key if _KEY.fullmatch(key) else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _plain(payment_request: str) -> str:
    return payment_request.strip().lower().removeprefix("lightning:")


def _cursors(cursor: str | None) -> tuple[str, str]:
    """Where LNbits and its node go on; a cursor that nobody can read is the beginning."""
    try:
        since, of_node = json.loads(cursor or "[]")
    except ValueError:
        return "", ""
    return str(since), str(of_node)
