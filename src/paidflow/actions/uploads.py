"""Files for what people write: noted when they are stored, and collected if nobody pays."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from paidflow.actions.contract import Context
from paidflow.actions.fields import check_distinct
from paidflow.actions.forum_action import settings_of
from paidflow.actions.forum_settings import ForumSettings
from paidflow.actions.statements import Statements
from paidflow.errors import InvalidField
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money, sats

logger = logging.getLogger("paidflow.forum")

SQL = Statements("uploads")

DAY = timedelta(hours=24)
COLLECTED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A file that somebody has stored.

    Args:
        id: its id.
        owner: who has stored it; ``None`` for a logged-out person, whose files everybody may use
            who knows the id.
        size_bytes: how large it is.
        paid: whether it is paid.
    """

    id: str
    owner: str | None
    size_bytes: int
    paid: bool


def add_upload(flow: PaidFlow, *, actor: str | None, size_bytes: int) -> str:
    """Note that a file has been stored; it stays if it is paid in time.

    Args:
        flow: the forum.
        actor: who has stored it; ``None`` for a logged-out person.
        size_bytes: how large it is.

    Returns:
        Its id, to store it under, and for ``upload_ids``.

    Raises:
        InvalidField: when it is empty.
    """
    if size_bytes <= 0:
        raise InvalidField("size_bytes", "more than nothing")
    upload_id, now = flow.ids.new_id(), flow.clock.now()
    with flow.transaction() as tx:
        SQL.run(tx, "insert_upload", id=upload_id, owner=actor, size_bytes=size_bytes, now=now)
    return upload_id


def collect_uploads(flow: PaidFlow, now: datetime) -> list[str]:
    """Remove files that nobody has paid in time, as ``ForumSettings.files`` does it.

    It may run as often as one likes, also twice at once, and goes on where it was interrupted.

    Args:
        flow: the forum.
        now: the time.

    Returns:
        The ids of those that are gone.
    """
    settings = flow.registry.settings.get(ForumSettings, ForumSettings())
    assert isinstance(settings, ForumSettings)
    with flow.transaction() as tx:
        SQL.run(
            tx,
            "collect_unpaid",
            now=now,
            before=now - settings.unpaid_uploads_kept,
            logged_out_before=now - settings.logged_out_uploads_kept,
        )
    with flow.store.reading() as tx:
        rows = SQL.run(tx, "select_collected", limit=COLLECTED_AT_ONCE).fetchall()
    return [row["id"] for row in rows if _removed(flow, settings, row["id"])]


def _removed(flow: PaidFlow, settings: ForumSettings, upload_id: str) -> bool:
    try:
        settings.files.remove(upload_id)
    except Exception:
        # One file that cannot be removed must not keep the others; it is tried again next time.
        logger.exception("the file %s could not be removed", upload_id)
        return False
    with flow.transaction() as tx:
        SQL.run(tx, "delete_upload", id=upload_id)
    return True


def upload_cost(ctx: Context, upload_ids: Sequence[str]) -> Money:
    """What files cost of which some may be paid already: so much for each of the others."""
    unpaid = [upload for upload in find_uploads(ctx, upload_ids) if not upload.paid]
    if not unpaid:
        return sats(0)
    rules = settings_of(ctx)
    if ctx.actor is None:
        return sats(rules.logged_out_upload_cost_sats * len(unpaid))
    row = SQL.one(ctx.tx, "sum_paid", owner=ctx.actor, since=ctx.now - DAY)
    paid = int(row["size_bytes"]) if row else 0
    size = paid + sum(upload.size_bytes for upload in unpaid)
    tiers = (cost for most, cost in rules.upload_costs_sats if size <= most)
    return sats(next(tiers, rules.large_upload_cost_sats) * len(unpaid))


def find_uploads(ctx: Context, upload_ids: Sequence[str]) -> list[StoredUpload]:
    """Files that the actor may use.

    Raises:
        InvalidField: when one is there twice, is somebody else's, or has been removed.
    """
    most = settings_of(ctx).uploads_max
    if len(upload_ids) > most:
        raise InvalidField("upload_ids", f"{most} files at most")
    check_distinct("upload_ids", upload_ids)
    return [_find(ctx, upload_id) for upload_id in upload_ids]


def _find(ctx: Context, upload_id: str) -> StoredUpload:
    row: Any = SQL.one(ctx.tx, "select_upload", id=upload_id)
    if row is None or row["owner"] not in (None, ctx.actor):
        raise InvalidField("upload_ids", f"there is no such file of yours: {upload_id}")
    return StoredUpload(row["id"], row["owner"], row["size_bytes"], row["paid_at"] is not None)


def take_uploads(ctx: Context, upload_ids: Sequence[str]) -> None:
    """Keep files as long as somebody is paying for them.

    Raises:
        InvalidField: when one has been removed.
    """
    for upload_id in upload_ids:
        if SQL.run(ctx.tx, "take_upload", id=upload_id).rowcount != 1:
            raise InvalidField("upload_ids", f"this file has been removed: {upload_id}")


def mark_uploads_paid(ctx: Context, upload_ids: Sequence[str]) -> None:
    """They stay."""
    for upload_id in upload_ids:
        SQL.run(
            ctx.tx,
            "mark_upload_paid",
            id=upload_id,
            action_id=ctx.action_id,
            actor=ctx.actor,
            now=ctx.now,
        )


def mark_uploads_unpaid(ctx: Context, upload_ids: Sequence[str]) -> None:
    """They stay for as long as unpaid files do."""
    for upload_id in upload_ids:
        SQL.run(ctx.tx, "mark_upload_unpaid", id=upload_id, action_id=ctx.action_id, now=ctx.now)


def link_uploads(ctx: Context, item_id: str, upload_ids: Sequence[str]) -> None:
    """Have an item show these files and no others."""
    for row in SQL.run(ctx.tx, "select_links", item_id=item_id).fetchall():
        if row["upload_id"] not in upload_ids:
            SQL.run(ctx.tx, "delete_link", item_id=item_id, upload_id=row["upload_id"])
    for upload_id in upload_ids:
        SQL.run(ctx.tx, "insert_link", item_id=item_id, upload_id=upload_id)
