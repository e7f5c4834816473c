"""Pages of people: what is known about them, and what they are told."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, HTTPException, Request, Response

from examples.forum.forum import PEOPLE, Forum
from examples.forum.page import Cursor, Member, Page, Viewer, more
from paidflow.views.items import Item
from paidflow.views.statistics import DayLine

STATISTICS_OF = timedelta(days=30)
BIO = """
    select i.id from forum_items i
    where i.author = :author and i.kind = 'bio' and i.deleted_at is null and visible(i.id)
"""


def add(api: APIRouter, page: Page) -> None:
    """Add them."""
    forum = page.forum

    @api.get("/people/{name}")
    def profile(request: Request, name: str, viewer: Viewer, before: Cursor = None) -> Response:
        if name not in PEOPLE:
            raise HTTPException(404)
        found = forum.items.by_author(name, viewer=viewer, before=before)
        return page(
            request,
            "profile",
            viewer,
            title="posts and comments",
            profile=forum.profiles.one(name, viewer=viewer),
            bio=_bio(forum, name, viewer),
            days=_days(forum, name) if viewer == name else [],
            items=[item for item in found if item["kind"] != "bio"],
            more=more(found),
        )

    @api.get("/notifications")
    def notifications(request: Request, viewer: Member) -> Response:
        lines = forum.notifications.page(viewer, limit=50)
        answer = page(request, "notifications", viewer, lines=lines)
        forum.notifications.mark_read(viewer)
        return answer


def _bio(forum: Forum, name: str, viewer: str | None) -> Item | None:
    """What somebody says about himself."""
    rows = forum.reader.select(BIO, viewer=viewer, author=name)
    return forum.items.one(rows[0]["id"], viewer=viewer) if rows else None


def _days(forum: Forum, name: str) -> list[DayLine]:
    """What somebody did lately, the newest first; only he may see it."""
    today = forum.flow.clock.now().date()
    return forum.statistics.days_of(name, today - STATISTICS_OF, today)[::-1]
