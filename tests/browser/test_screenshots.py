"""The main pages as pictures in build/screenshots, and that nothing sticks out or complains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import ConsoleMessage, Page

from tests.browser.served_forum import (
    POLL,
    TEA,
    SeenBy,
    Served,
    cheat,
    close,
    empty_purse,
    go,
    invoice,
    phase,
    seen_by,
    served,
    write_comment,
    write_post,
    zap,
)

__all__ = ["seen_by", "served"]

pytestmark = pytest.mark.browser
FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
SIZES = {"wide": (1280, 900), "narrow": (320, 700)}

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


OUTSIDE = """(width) => {
    const scrolls = (one) => one && (getComputedStyle(one).overflowX !== "visible"
        || scrolls(one.parentElement));
    return [...document.querySelectorAll("body *")].filter((one) => {
        const box = one.getBoundingClientRect();
        return box.width && box.right > width + 1 && !scrolls(one.parentElement);
    }).map((one) => one.outerHTML.slice(0, 100));
}"""


def take(page: Page, name: str) -> None:
    """Take pictures of a page in both colours and sizes, and look whether it fits."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(OUTSIDE, width) == [], name
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=FOLDER / f"{name}-{scheme}-{size}.png")


@pytest.fixture
def quiet(seen_by: SeenBy) -> Iterator[SeenBy]:
    """As somebody sees it; what the console says fails the test."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    def look(person: str | None) -> Page:
        page = seen_by(person)
        page.on("console", note)
        return page

    yield look
    assert said == []


def busy(served: Served, ann: Page) -> None:
    """Let something of everything be there: paid, pending, failed, and told."""
    empty_purse(served, "ann")
    zap(ann, POLL, 50)
    invoice(ann)
    ann.reload()
    write_post(ann, "Rivers at night, and how to find the way back without a lamp")
    invoice(ann)
    cheat(ann, "let it expire")
    phase(ann, "expired")
    close(ann)
    go(ann, "recent", "**/recent")


def test_pages(served: Served, quiet: SeenBy) -> None:
    ann = quiet("ann")
    busy(served, ann)
    for path, name in (
        *(("/", "front"), ("/recent", "recent"), ("/new/discussion", "write")),
        *(("/new/poll", "write-poll"), ("/wallet", "wallet"), ("/notifications", "notifications")),
        *(("/territories", "territories"), ("/rewards", "rewards"), ("/people/ann", "profile")),
        ("/search?q=tea", "search"),
    ):
        ann.goto(served.url + path)
        take(ann, name)
    for title, name in ((TEA, "item"), (POLL, "poll")):
        ann.goto(f"{served.url}/recent")
        go(ann, title, "**/items/*")
        take(ann, name)
    nobody = quiet(None)
    take(nobody, "logged-out")


def test_operator(served: Served, quiet: SeenBy) -> None:
    busy(served, quiet("ann"))
    dave = quiet("dave")
    dave.goto(f"{served.url}/operator/")
    take(dave, "operator")


def test_panel(served: Served, quiet: SeenBy) -> None:
    for deed, wanted in (
        *((None, "waiting"), ("pay", "paid"), ("let it expire", "expired")),
        ("pay half", "partly"),
    ):
        nobody = quiet(None)
        write_comment(nobody, "From nobody")
        invoice(nobody)
        if deed is not None:
            cheat(nobody, deed)
        phase(nobody, wanted)
        take(nobody, f"panel-{wanted}")
    served.bank.fault("capture", "time_out_before", times=1_000)
    nobody = quiet(None)
    write_comment(nobody, "From nobody, held")
    assert served.bank.pay(invoice(nobody))
    phase(nobody, "held")
    take(nobody, "panel-held")
    served.bank.clear_faults()
    phase(nobody, "paid")
