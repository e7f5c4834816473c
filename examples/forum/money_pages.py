"""Pages of money: one's own wallet, and the pool with what it has paid."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from examples.forum.forum import WRITTEN, Forum
from examples.forum.own_wallets import attach, detach, is_attached
from examples.forum.page import Cursor, Member, Page, Viewer
from paidflow import Money
from paidflow.views.wallet_history import WalletLine
from paidflow.web.caller import refuse_other_sites

LINES = 50
REWARDS = ("rewards-payout", "streak-reward")
WRITES = {*WRITTEN, "bio", "comment"}
OWN = {"attach": attach, "detach": detach}
ACTED_ON = "select a.id, a.item_id from forum_acts a where a.id in (:ids) and visible(a.id)"


def add(api: APIRouter, page: Page) -> None:
    """Add them."""
    forum = page.forum

    @api.get("/wallet")
    def wallet(request: Request, viewer: Member, before: Cursor = None) -> Response:
        lines = forum.wallet.credits(viewer, before=before, limit=LINES)
        return page(
            request,
            "wallet",
            viewer,
            lines=lines,
            items=_items(forum, viewer, lines),
            pending=forum.wallet.pending(viewer),
            failed=forum.reader.failed(viewer),
            more=lines[-1].line.cursor if len(lines) == LINES else None,
            own=_own(forum, viewer),
        )

    @api.post("/wallet/{name}")
    def own_wallet(request: Request, name: str, viewer: Member) -> Response:
        refuse_other_sites(request, ())
        if name not in OWN or forum.own_wallets is None:
            raise HTTPException(404)
        OWN[name](forum.flow, viewer)
        return RedirectResponse("/wallet", 303)

    @api.get("/rewards")
    def rewards(request: Request, viewer: Viewer) -> Response:
        lines = forum.wallet.credits(viewer, limit=1000) if viewer else []
        incomes = [line for line in lines if line.kind in REWARDS]
        return page(request, "rewards", viewer, pool=forum.rewards.pool(), incomes=incomes)


def _own(forum: Forum, viewer: str) -> tuple[bool, Money] | None:
    """Whether somebody has attached his wallet, and what has come in there."""
    if forum.own_wallets is None:
        return None
    return is_attached(forum.flow, viewer), forum.own_wallets.received(viewer)


def _items(forum: Forum, viewer: str, lines: list[WalletLine]) -> dict[str, str]:
    """Which items the lines of a statement are about, by their actions."""
    written = {line.line.source: line.line.source for line in lines if line.kind in WRITES}
    ids = sorted({line.line.source for line in lines})
    rows = forum.reader.select(ACTED_ON, viewer=viewer, ids=ids) if ids else []
    return written | {row["id"]: row["item_id"] for row in rows}
