"""The inbox: webhooks are kept as they came, and looked into later. Nothing in them is believed.

What is forged is counted and not kept, so that a flood of it fills no disk.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from paidflow.clock import Clock
from paidflow.errors import InvalidConfiguration
from paidflow.flow.gateways import Gateways
from paidflow.flow.hints import hints
from paidflow.payments.contract import Declined, Gateway, Unknown
from paidflow.spans import span
from paidflow.store.contract import Store, Transaction

logger = logging.getLogger("paidflow.webhooks")

KEPT_OF_INVOICE_MAX = 100
"""So many different messages about one invoice are kept; more of them only lead to a look."""

HEADERS_BYTES_MAX = 16 * 1024
COUNT_EVERY = timedelta(seconds=1)
"""How often a process writes down how many webhooks it has refused."""

UNREAD = ""
"""The invoice of a message that the adapter could not read yet."""


class WebhookAnswer(Enum):
    """What a gateway is to be told about its webhook."""

    ACCEPTED = 200
    REFUSED = 400
    UNKNOWN_GATEWAY = 404
    TOO_LARGE = 413
    TRY_LATER = 503

    @property
    def http_status(self) -> int:
        """The status for the answer over HTTP (RFC 9110, section 15)."""
        return self.value


@dataclass(frozen=True, slots=True)
class WebhookLimits:
    """What is kept of webhooks.

    Args:
        bytes_max: how long a body may be, from 1.
        unmatched_max: how many messages of a gateway are kept that belong to no invoice, from 1.
        kept: how long a message is kept after it came last.

    Raises:
        InvalidConfiguration: when one of them is too small.
    """

    bytes_max: int = 256 * 1024
    unmatched_max: int = 1_000
    kept: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        if self.bytes_max < 1 or self.unmatched_max < 1 or self.kept <= timedelta():
            raise InvalidConfiguration("webhooks must be allowed some room and some time")


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook as it came.

    Args:
        gateway: whose it is.
        headers: those that the adapter reads, as JSON.
        body: the bytes.
    """

    gateway: str
    headers: str
    body: bytes

    def __repr__(self) -> str:
        return f"Message(gateway={self.gateway!r}, {len(self.body)} bytes)"

    @property
    def digest(self) -> str:
        """By what it is known when it comes again; the headers of a repetition may differ."""
        return hashlib.sha256(self.body).hexdigest()


class Inbox:
    """Takes webhooks in.

    Args:
        store: where they are kept.
        gateways: who sends them, and reads them.
        clock: the time.
        limits: what is kept.
    """

    def __init__(
        self, store: Store, gateways: Gateways, clock: Clock, limits: WebhookLimits
    ) -> None:
        self._store = store
        self._gateways = gateways
        self._clock = clock
        self.limits = limits
        self.refusals = Refusals(store)

    def receive(self, gateway: str, headers: Mapping[str, str], body: bytes) -> WebhookAnswer:
        """Keep a webhook, if it is genuine, and say what its sender is to be told."""
        sender = self._gateways.gateway(gateway)
        if sender is None:
            return WebhookAnswer.UNKNOWN_GATEWAY
        with span("webhook", gateway=gateway) as measured:
            answer = self._receive(gateway, sender, headers, body)
            measured.note(outcome=answer.name)
        return answer

    def _receive(
        self, gateway: str, sender: Gateway, headers: Mapping[str, str], body: bytes
    ) -> WebhookAnswer:
        wanted = sender.profile.webhook_headers
        given = {name.lower(): value for name, value in headers.items()}
        kept = json.dumps({name: given[name] for name in sorted(wanted) if name in given})
        if len(body) > self.limits.bytes_max or len(kept) > HEADERS_BYTES_MAX:
            return WebhookAnswer.TOO_LARGE
        if self._gateways.locked:  # the one that lives will get it
            return WebhookAnswer.TRY_LATER
        read = hints(gateway, sender, headers, body)
        try:
            if isinstance(read, Declined):
                logger.info("a webhook of %s was refused: %s", gateway, read.reason)
                self.refusals.add(gateway, self._clock.now())
                return WebhookAnswer.REFUSED
            invoice_ids = (UNREAD,) if isinstance(read, Unknown) else read
            message = Message(gateway, kept, body)
            return self._keep(message, invoice_ids) if invoice_ids else WebhookAnswer.ACCEPTED
        except Exception as error:
            if not self._store.passing(error):
                raise
            logger.warning("a webhook of %s cannot be kept: %s", gateway, type(error).__name__)
            return WebhookAnswer.TRY_LATER

    def _keep(self, message: Message, invoice_ids: Iterable[str]) -> WebhookAnswer:
        now = self._clock.now()
        with self._store.transaction("webhook") as tx:
            kept = [self.keep(tx, message, invoice_id, now) for invoice_id in sorted(invoice_ids)]
        return WebhookAnswer.ACCEPTED if all(kept) else WebhookAnswer.TRY_LATER

    def keep(self, tx: Transaction, message: Message, invoice_id: str, now: datetime) -> bool:
        """Keep one message about one invoice; false if there is no room for it."""
        about = {"gateway": message.gateway, "invoice_id": invoice_id}
        digest, most = message.digest, self.limits.unmatched_max
        known = tx.query("weigh_webhook", digest=digest, limit=most, **about).fetchone()
        if known is None:
            raise AssertionError("a question without a table has an answer")
        matched = bool(known["matched"])
        if not known["known"]:
            if not matched and known["unmatched"] >= most:
                return False
            if known["of_invoice"] >= KEPT_OF_INVOICE_MAX:
                tx.query("look_again", now=now, **about)
                return True
        tx.query(
            "upsert_webhook",
            digest=digest,
            headers=message.headers,
            body=message.body,
            now=now,
            matched=matched,
            due_at=now if matched or invoice_id == UNREAD else None,
            **about,
        )
        return True


class Refusals:
    """Counts webhooks that were refused; each process writes its count down once a second.

    Args:
        store: where the counts are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: dict[str, int] = {}
        self._written_at: dict[str, datetime] = {}

    def add(self, gateway: str, now: datetime) -> None:
        """Count one more."""
        self._counts[gateway] = self._counts.get(gateway, 0) + 1
        written_at = self._written_at.get(gateway)
        if written_at is None or not written_at <= now < written_at + COUNT_EVERY:
            self._write(gateway, now)

    def flush(self, now: Callable[[], datetime]) -> None:
        """Write down what was counted since."""
        for gateway in [name for name, refused in self._counts.items() if refused]:
            self._write(gateway, now())

    def _write(self, gateway: str, now: datetime) -> None:
        refused, self._counts[gateway] = self._counts[gateway], 0
        self._written_at[gateway] = now
        with self._store.transaction("count_refused") as tx:
            tx.query("count_refused_webhooks", gateway=gateway, refused=refused, now=now)
