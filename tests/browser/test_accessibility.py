"""The main pages of the forum, and the panel, as axe-core sees them: nothing serious."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from paidflow.forum import BuyCredits
from tests.browser.served_forum import (
    TEA,
    SeenBy,
    Served,
    empty_purse,
    go,
    phase,
    seen_by,
    served,
)

__all__ = ["seen_by", "served"]

pytestmark = pytest.mark.browser

PATHS = (
    *("/", "/recent", "/new/discussion", "/new/poll", "/wallet", "/notifications", "/territories"),
    *("/rewards", "/people/ann", "/search?q=tea"),
)


def serious(page: Page, besides: str | None = None) -> list[dict[str, Any]]:
    """What axe-core finds that is serious or worse, with the elements.

    Args:
        page: what is looked at.
        besides: a part that is not ours.
    """
    context = {"exclude": [[besides]]} if besides else None
    found = Axe().run(page, context=context).response["violations"]
    return [
        {"rule": one["id"], "where": [node["html"] for node in one["nodes"]]}
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages(served: Served, seen_by: SeenBy, scheme: Any) -> None:
    page = seen_by("ann")
    page.emulate_media(color_scheme=scheme)
    assert {path: serious(opened(page, served.url + path)) for path in PATHS} == {
        path: [] for path in PATHS
    }
    page.goto(f"{served.url}/recent")
    go(page, TEA, "**/items/*")
    assert serious(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_panel(served: Served, seen_by: SeenBy, scheme: Any) -> None:
    empty_purse(served, "bob")
    page = seen_by("bob")
    page.emulate_media(color_scheme=scheme)
    page.locator("li", has_text=TEA).get_by_role("button", name="Zap").click()
    phase(page, "waiting")
    assert serious(page) == []


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_without_javascript(served: Served, seen_by: SeenBy, scheme: Any) -> None:
    page = seen_by("ann")
    page.emulate_media(color_scheme=scheme)
    receipt = served.forum.flow.perform(BuyCredits(amount_sats=10), actor="ann")
    path = f"/pay/actions/{receipt.action_id}/checkout?then=/wallet"
    for shown in ("waiting", "cancelled"):
        assert serious(opened(page, served.url + path)) == []
        expect(page.locator(f".paidflow-panel[data-phase={shown}]")).to_be_visible()
        if shown == "waiting":
            served.forum.flow.cancel(receipt.action_id, actor="ann")
    assert serious(opened(page, f"{served.url}/pay/actions/nothing/checkout")) == []
    expect(page.get_by_role("heading", name="This did not work")).to_be_visible()
