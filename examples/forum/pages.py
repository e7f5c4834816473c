"""The pages. Each reads one or two views for whoever looks, and fills a template."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

from examples.forum.forms import HELPERS
from examples.forum.forum import PEOPLE, SETTINGS, Forum
from examples.forum.people import person
from paidflow import Money, msats
from paidflow.forum import edit_timer
from paidflow.web.caller import refuse_other_sites

Viewer = Annotated[str | None, Depends(person)]
Cursor = Annotated[str | None, Query(max_length=200)]
LISTS = ("hot", "recent", "top")
KINDS = ("discussion", "link", "poll", "bounty")
TOP_OF = timedelta(days=30)


def pages(forum: Forum) -> APIRouter:
    """All pages.

    Args:
        forum: what they show.
    """
    api = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    templates = Jinja2Templates(Path(__file__).parent / "templates")
    templates.env.globals.update(people=PEOPLE, lists=LISTS, kinds=KINDS, **HELPERS)
    templates.env.filters.update(sats=_sats, purse=_purse, ago=lambda at: _ago(forum, at))
    templates.env.globals["timer"] = lambda item: edit_timer(
        item, now=forum.flow.clock.now(), edit_window=SETTINGS.edit_window
    )

    def show(request: Request, name: str, viewer: str | None, **parts: Any) -> Response:
        unread = forum.notifications.unread(viewer) if viewer else 0
        balance = forum.flow.balance(viewer) if viewer else None
        parts |= {"viewer": viewer, "unread": unread, "balance": balance}
        private = {"cache-control": "private"}  # the keys of the forms are secrets
        return templates.TemplateResponse(request, f"{name}.html", parts, headers=private)

    @api.get("/")
    def front(request: Request, viewer: Viewer, before: Cursor = None) -> Response:
        return listed(request, "hot", viewer, before)

    @api.get("/new/{kind}")
    def write(request: Request, kind: str, viewer: Viewer) -> Response:
        if kind not in KINDS:
            raise HTTPException(404)
        return show(request, "write", viewer, kind=kind, territories=forum.territories.by_name())

    @api.get("/items/{item_id}")
    def item(request: Request, item_id: str, viewer: Viewer) -> Response:
        tree = forum.threads.tree(item_id, viewer=viewer)
        if tree is None:
            raise HTTPException(404, "There is nothing here that you may see.")
        poll = forum.polls.one(item_id, viewer=viewer) if tree.item["kind"] == "poll" else None
        return show(request, "item", viewer, tree=tree, poll=poll)

    @api.get("/search")
    def search(
        request: Request, viewer: Viewer, q: Annotated[str, Query(max_length=200)] = ""
    ) -> Response:
        found = forum.items.search(q, viewer=viewer)
        return show(request, "list", viewer, title=f"Search: {q}", items=found, more=None)

    @api.get("/people/{name}")
    def profile(request: Request, name: str, viewer: Viewer, before: Cursor = None) -> Response:
        if name not in PEOPLE:
            raise HTTPException(404)
        found = forum.items.by_author(name, viewer=viewer, before=before)
        known = forum.profiles.one(name, viewer=viewer)
        return show(
            request,
            "profile",
            viewer,
            profile=known,
            title="posts and comments",
            items=found,
            more=_more(found),
        )

    @api.get("/territories")
    def territories(request: Request, viewer: Viewer) -> Response:
        return show(request, "territories", viewer, territories=forum.territories.by_posts())

    @api.get("/territories/{name}")
    def territory(request: Request, name: str, viewer: Viewer, before: Cursor = None) -> Response:
        if forum.territories.one(name) is None:
            raise HTTPException(404)
        found = forum.items.by_territory(name, viewer=viewer, before=before)
        return show(request, "list", viewer, title=f"~{name}", items=found, more=_more(found))

    @api.get("/wallet")
    def wallet(request: Request, viewer: Viewer) -> Response:
        if viewer is None:
            raise HTTPException(404)
        lines = forum.wallet.credits(viewer, limit=50)
        pending = forum.wallet.pending(viewer)
        return show(request, "wallet", viewer, lines=lines, pending=pending)

    @api.get("/notifications")
    def notifications(request: Request, viewer: Viewer) -> Response:
        if viewer is None:
            raise HTTPException(404)
        lines = forum.notifications.page(viewer, limit=50)
        answer = show(request, "notifications", viewer, lines=lines)
        forum.notifications.mark_read(viewer)
        return answer

    @api.get("/rewards")
    def rewards(request: Request, viewer: Viewer) -> Response:
        return show(request, "rewards", viewer, pool=forum.rewards.pool())

    @api.post("/switch")
    async def switch(request: Request) -> Response:
        refuse_other_sites(request, ())
        sent = parse_qs((await request.body()).decode(errors="replace"))
        name = sent.get("name", [""])[0]
        back = RedirectResponse(request.headers.get("referer") or "/", 303)
        if name in PEOPLE:
            back.set_cookie("person", name, httponly=True, samesite="strict")
        else:
            back.delete_cookie("person")
        return back

    @api.get("/{name}")
    def listed(request: Request, name: str, viewer: Viewer, before: Cursor = None) -> Response:
        if name not in LISTS:
            raise HTTPException(404)
        match name:
            case "top":
                since = forum.flow.clock.now() - TOP_OF
                found = forum.items.top(viewer=viewer, since=since, before=before)
            case "recent":
                found = forum.items.recent(viewer=viewer, before=before)
            case _:
                found = forum.items.hot(viewer=viewer, before=before)
        return show(request, "list", viewer, title=name, items=found, more=_more(found))

    return api


def _more(items: list[Any], page: int = 20) -> str | None:
    """Where the next page begins, if there may be one."""
    return items[-1]["cursor"] if len(items) == page else None


def _sats(amount_msats: int) -> str:
    return str(msats(amount_msats)) if amount_msats % 1000 else f"{amount_msats // 1000:,}"


def _purse(balance: Money) -> str:
    """What can be spent; the rest of a satoshi stays in the purse."""
    return f"{balance.amount // 1000:,} sats"


def _ago(forum: Forum, at: Any) -> str:
    seconds = max(int((forum.flow.clock.now() - at).total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "now"
