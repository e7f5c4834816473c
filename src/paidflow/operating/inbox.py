"""What is in the inbox of webhooks, for operators; never what the webhooks hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from paidflow.flow.inbox import UNREAD
from paidflow.flow.paid_flow import PaidFlow
from paidflow.store.records import as_time


class WebhookStanding(StrEnum):
    """What has become of a webhook."""

    UNREAD = "unread"
    UNMATCHED = "unmatched"
    WAITING = "waiting"
    LOOKED_AT = "looked at"


@dataclass(frozen=True, slots=True)
class KeptWebhook:
    """A webhook that is kept.

    Args:
        gateway: who sent it.
        invoice_id: what it is about; empty if it could not be read.
        standing: what has become of it.
        times: how often it came.
        received_at: when it came first.
        last_received_at: when it came last.
        due_at: when the next look is due; ``None`` if none is.
    """

    gateway: str
    invoice_id: str
    standing: WebhookStanding
    times: int
    received_at: datetime | None
    last_received_at: datetime | None
    due_at: datetime | None


def kept_webhooks(
    flow: PaidFlow, *, gateway: str = "", unmatched: bool = False, limit: int = 100
) -> list[KeptWebhook]:
    """The webhooks that are kept, the newest first.

    Args:
        flow: whose they are.
        gateway: only those of this one; all if empty.
        unmatched: only those that belong to no invoice, or could not be read.
        limit: how many at most.
    """
    with flow.store.reading() as tx:
        rows = tx.query(
            "select_webhooks", gateway=gateway, unmatched=unmatched, limit=limit
        ).fetchall()
    return [
        KeptWebhook(
            gateway=row["gateway"],
            invoice_id=row["invoice_id"],
            standing=_standing(row["invoice_id"], bool(row["matched"]), row["due_at"] is not None),
            times=row["times"],
            received_at=as_time(row["received_at"]),
            last_received_at=as_time(row["last_received_at"]),
            due_at=as_time(row["due_at"]),
        )
        for row in rows
    ]


def retry_webhooks(flow: PaidFlow, *, gateway: str = "", invoice_id: str = "") -> int:
    """Have a worker look again.

    Args:
        flow: whose webhooks they are.
        gateway: only those of this one; all if empty.
        invoice_id: only those about this invoice; all if empty.

    Returns:
        How many are due now.
    """
    with flow.store.transaction("retry_webhooks") as tx:
        given = {"gateway": gateway, "invoice_id": invoice_id}
        return tx.query("retry_webhooks", now=flow.clock.now(), **given).rowcount


def _standing(invoice_id: str, matched: bool, due: bool) -> WebhookStanding:
    if invoice_id == UNREAD:
        return WebhookStanding.UNREAD
    if not matched:
        return WebhookStanding.UNMATCHED
    return WebhookStanding.WAITING if due else WebhookStanding.LOOKED_AT
