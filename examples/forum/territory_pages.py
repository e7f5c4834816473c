"""Pages of territories: all of them, one, and what its owner can set."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from examples.forum.page import Cursor, Page, Viewer, more
from paidflow.views.territories import TerritoryLine


def add(api: APIRouter, page: Page) -> None:
    """Add them."""
    forum = page.forum

    @api.get("/territories")
    def territories(request: Request, viewer: Viewer) -> Response:
        return page(request, "territories", viewer, territories=forum.territories.by_posts())

    @api.get("/territories/{name}")
    def territory(request: Request, name: str, viewer: Viewer, before: Cursor = None) -> Response:
        one = _known(name)
        found = forum.items.by_territory(one.name, viewer=viewer, before=before)
        title = f"~{one.name}"
        return page(
            request, "territory", viewer, title=title, one=one, items=found, more=more(found)
        )

    @api.get("/territories/{name}/settings")
    def settings(request: Request, name: str, viewer: Viewer) -> Response:
        one = _known(name)
        if viewer is None or (one.owner != viewer and one.status != "stopped"):
            raise HTTPException(404)
        return page(request, "territory_settings", viewer, one=one)

    def _known(name: str) -> TerritoryLine:
        one = forum.territories.one(name)
        if one is None:
            raise HTTPException(404)
        return one
