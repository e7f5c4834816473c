"""All pages. Each reads one or two views for whoever looks, and fills a template."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from examples.forum import item_pages, money_pages, people_pages, territory_pages
from examples.forum.forum import LISTS, PEOPLE, Forum
from examples.forum.page import Cursor, Page, Viewer, more
from paidflow.web.caller import refuse_other_sites

TOP_OF = timedelta(days=30)


def pages(forum: Forum) -> APIRouter:
    """All pages.

    Args:
        forum: what they show.
    """

    def caught_up(x_caught_up: Annotated[str | None, Header()] = None) -> None:
        """Whoever has just paid for something wants to see it in the sums, which follow the log."""
        if x_caught_up:
            forum.folding.catch_up()

    api = APIRouter(
        default_response_class=HTMLResponse,
        include_in_schema=False,
        dependencies=[Depends(caught_up)],
    )
    page = Page.of(forum)
    for part in (item_pages, people_pages, money_pages, territory_pages):
        part.add(api, page)
    _add(api, page)
    return api


def _add(api: APIRouter, page: Page) -> None:
    """Add the lists and the switcher."""
    forum = page.forum

    @api.get("/")
    def front(request: Request, viewer: Viewer, before: Cursor = None) -> Response:
        return listed(request, "hot", viewer, before)

    @api.get("/search")
    def search(
        request: Request, viewer: Viewer, q: Annotated[str, Query(max_length=200)] = ""
    ) -> Response:
        found = forum.items.search(q, viewer=viewer)
        return page(request, "search", viewer, title="search", q=q, items=found, more=None)

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
        return page(request, "list", viewer, title=name, items=found, more=more(found))
