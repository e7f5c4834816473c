"""Files that somebody pays for: alone, or with what he writes."""

from __future__ import annotations

from collections.abc import Sequence

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import ForumAction, cost_of
from paidflow.actions.uploads import (
    find_uploads,
    mark_uploads_paid,
    mark_uploads_unpaid,
    take_uploads,
    upload_cost,
)
from paidflow.errors import InvalidField
from paidflow.ledger.accounts import POOL
from paidflow.money import Money
from paidflow.states.postings import Posting


class Upload(ForumAction):
    """Pay for files, so that they stay.

    What a file costs depends on how much the actor has paid for within 24 hours; all files of one
    action cost the same.

    Args:
        upload_ids: what ``add_upload`` has returned for each.
    """

    kind = "upload"
    anonymous = True

    upload_ids: tuple[str, ...]

    def cost(self, ctx: Context) -> Money:
        return upload_cost(ctx, self.upload_ids)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        return (Posting(POOL, cost_of(ctx)),)

    def validate_request(self, ctx: Context) -> None:
        if not self.upload_ids:
            raise InvalidField("upload_ids", "at least one file")
        find_uploads(ctx, self.upload_ids)

    def perform(self, ctx: Context) -> None:
        take_uploads(ctx, self.upload_ids)

    def on_paid(self, ctx: Context) -> None:
        mark_uploads_paid(ctx, self.upload_ids)

    def on_failed(self, ctx: Context) -> None:
        mark_uploads_unpaid(ctx, self.upload_ids)

    def on_retry(self, ctx: Context) -> None:
        take_uploads(ctx, self.upload_ids)

    def on_reversed(self, ctx: Context) -> None:
        mark_uploads_unpaid(ctx, self.upload_ids)

    def describe(self, ctx: Context) -> str:
        return f"{len(self.upload_ids)} files"
