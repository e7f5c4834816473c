"""Pages of items: one with its comments, and those where they are written and edited."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response

from examples.forum.boosts import boosts
from examples.forum.edited import edited
from examples.forum.forum import WRITTEN
from examples.forum.page import Page, Viewer
from examples.forum.unpaid import unpaid


def add(api: APIRouter, page: Page) -> None:
    """Add them."""
    forum = page.forum

    @api.get("/new/{kind}")
    def write(request: Request, kind: str, viewer: Viewer) -> Response:
        if kind not in WRITTEN:
            raise HTTPException(404)
        return page(request, "write", viewer, kind=kind, territories=forum.territories.by_name())

    @api.get("/items/{item_id}")
    def item(request: Request, item_id: str, viewer: Viewer) -> Response:
        tree = forum.threads.tree(item_id, viewer=viewer)
        if tree is None:
            raise HTTPException(404, "There is nothing here that you may see.")
        root = forum.items.one(tree.item["root_id"], viewer=viewer)
        return page(
            request,
            "item",
            viewer,
            tree=tree,
            root=root,
            poll=forum.polls.one(item_id, viewer=viewer) if tree.item["kind"] == "poll" else None,
            boosts=boosts(forum, item_id, viewer),
            unpaid=unpaid(forum, viewer),
        )

    @api.get("/items/{item_id}/edit")
    def edit(request: Request, item_id: str, viewer: Viewer) -> Response:
        found = edited(forum, item_id, viewer)
        if found is None:
            raise HTTPException(404, "There is nothing here that is yours.")
        territories = forum.territories.by_name()
        return page(request, "edit", viewer, territories=territories, **found)
