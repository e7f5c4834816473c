"""What Stripe's objects and answers look like, where localstripe has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

PAGE_USUAL = 10


class Refusal(Exception):
    """An error that Stripe answers with."""

    def __init__(self, status: int, code: str, *, kind: str = "invalid_request_error", **more: Any):
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": "No.", **more}}
        super().__init__(code)


@dataclass
class Payment:
    """What localstripe does not know of a payment."""

    created_s: int
    hold: bool
    metadata: Json
    description: str | None = None
    received: int = 0
    charged_at_s: int = 0
    cancellation_reason: str | None = None
    processing: bool = False
    refunds: list[Json] = field(default_factory=list)
    disputes: list[Json] = field(default_factory=list)


def page(newest_first: list[Json], query: Json) -> Json:
    """A page of a list (docs.stripe.com/api/pagination).

    Args:
        newest_first: the whole list.
        query: ``limit``, and one of ``starting_after`` and ``ending_before``.
    """
    limit, things, more = int(query.get("limit", PAGE_USUAL)), newest_first, False
    ids = [thing["id"] for thing in things]
    for name in ("starting_after", "ending_before"):
        if name in query and query[name] not in ids:
            raise Refusal(400, "resource_missing", param=name)
    if "ending_before" in query:
        things = things[: ids.index(query["ending_before"])]
        more, things = len(things) > limit, things[-limit:]
    else:
        start = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
        more, things = len(things) > start + limit, things[start : start + limit]
    return {"object": "list", "data": things, "has_more": more, "url": "/v1"}


def gone(known: Payment) -> int:
    """What refunds have taken of what was received."""
    return sum(
        refund["amount"]
        for refund in known.refunds
        if refund["status"] != "failed" and refund["balance_transaction"] is not None
    )


def said(status: str) -> str:
    """What the event about a dispute is called."""
    if status in ("won", "lost"):
        return "closed"
    return "created" if status == "needs_response" else "updated"
