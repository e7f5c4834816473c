"""What the form to edit an item begins with: all that it says now, as an edit replaces all."""

from __future__ import annotations

from typing import Any

from examples.forum.forum import Forum

FORWARDS = """
    select f.actor, f.percent from forum_forwards f
    where f.item_id = :item_id and visible(f.item_id) order by f.actor
"""
UPLOADS = """
    select u.upload_id from forum_item_uploads u
    where u.item_id = :item_id and visible(u.item_id) order by u.upload_id
"""


def edited(forum: Forum, item_id: str, viewer: str | None) -> dict[str, Any] | None:
    """An item of the viewer with what an edit has to repeat; ``None`` if it is not his."""
    item = forum.items.one(item_id, viewer=viewer)
    if viewer is None or item is None or item["author"] != viewer or item["deleted_at"]:
        return None
    poll = forum.polls.one(item_id, viewer=viewer) if item["kind"] == "poll" else None
    return {
        "item": item,
        "options": [option.text for option in poll.options] if poll else [],
        "forwards": forum.reader.select(FORWARDS, viewer=viewer, item_id=item_id),
        "uploads": forum.reader.select(UPLOADS, viewer=viewer, item_id=item_id),
    }
