"""Looks where the webhooks in the inbox say that one should look: load, ask, decide, append."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from paidflow.clock import Clock
from paidflow.flow.gateways import Gateways
from paidflow.flow.hints import hints
from paidflow.flow.inbox import UNREAD, Inbox, Message
from paidflow.flow.settling import Settling
from paidflow.payments.contract import Declined, Unknown
from paidflow.store.contract import Store

LEASE = timedelta(seconds=60)
"""How long nobody else looks where somebody has begun to."""

AGAIN_S_MAX = 300
PURGED_AT_ONCE = 1_000


class InboxWork:
    """Does what the messages in the inbox ask for; any number of processes may.

    Args:
        store: where they are.
        gateways: who can read them.
        inbox: what takes them in.
        settling: looks at invoices.
        clock: the time.
    """

    def __init__(
        self, store: Store, gateways: Gateways, inbox: Inbox, settling: Settling, clock: Clock
    ) -> None:
        self._store = store
        self._gateways = gateways
        self._inbox = inbox
        self._settling = settling
        self._clock = clock

    def run_once(self, limit: int) -> int:
        """Match what belongs to an invoice by now, look where that is due, purge what is old.

        Args:
            limit: how many messages are worked on at most.

        Returns:
            How many messages were worked on.
        """
        now = self._clock.now()
        before = now - self._inbox.limits.kept
        with self._store.reading() as tx:
            there = tx.query("select_inbox", now=now, before=before).fetchone()
        if there is None:
            raise AssertionError("a question without a table has an answer")
        if there["matching"]:
            with self._store.transaction("match_webhooks") as tx:
                tx.query("match_webhooks", now=now)
        if there["old"]:
            with self._store.transaction("purge_webhooks") as tx:
                tx.query("purge_webhooks", before=before, limit=PURGED_AT_ONCE)
        return self._do_due(now, limit) if there["due"] or there["matching"] else 0

    def _do_due(self, now: datetime, limit: int) -> int:
        with self._store.transaction("lease_webhooks") as tx:
            leased = tx.query("lease_webhooks", now=now, until=now + LEASE, limit=limit).fetchall()
        of_gateway: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in leased:
            if row["invoice_id"] == UNREAD:
                self._read(row, now)
            else:
                of_gateway[row["gateway"]].append(row)
        for gateway, rows in sorted(of_gateway.items()):
            self._look(gateway, rows)
        return len(leased)

    def _look(self, gateway: str, rows: Iterable[Mapping[str, Any]]) -> None:
        left = set(self._settling.settle(gateway, [row["invoice_id"] for row in rows]))
        now = self._clock.now()
        with self._store.transaction("looked_at_webhooks") as tx:
            for row in rows:
                this = {"times": row["times"], **_key(row)}
                if row["invoice_id"] in left:
                    tx.query("look_later", due_at=_again_at(row, now), **this)
                else:
                    tx.query("webhook_done", nothing=b"", **this)

    def _read(self, row: Mapping[str, Any], now: datetime) -> None:
        """Have an adapter read what it could not read before; perhaps it is a newer one."""
        message = Message(row["gateway"], row["headers"], bytes(row["body"]))
        headers: dict[str, str] = json.loads(message.headers)
        sender = self._gateways.gateway(message.gateway)
        gone = Unknown("it is not configured")
        read = hints(message.gateway, sender, headers, message.body) if sender else gone
        with self._store.transaction("read_webhook") as tx:
            if isinstance(read, Unknown):
                again_at = _again_at(row, now)
                tx.query("look_later", due_at=again_at, times=row["times"], **_key(row))
                return
            tx.query("delete_webhook", **_key(row))
            for invoice_id in () if isinstance(read, Declined) else sorted(read):
                self._inbox.keep(tx, message, invoice_id, now)


def _key(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: row[name] for name in ("gateway", "invoice_id", "digest")}


def _again_at(row: Mapping[str, Any], now: datetime) -> datetime:
    return now + timedelta(seconds=min(2 ** min(row["tries"], 10), AGAIN_S_MAX))
