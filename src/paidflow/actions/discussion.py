"""A post that is there to be talked about."""

from __future__ import annotations

from paidflow.actions.post import Post


class Discussion(Post):
    """Start a discussion."""

    kind = "discussion"
    item_kind = "discussion"
