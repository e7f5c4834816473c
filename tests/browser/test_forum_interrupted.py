"""What people do in the forum, interrupted in the middle: never a second invoice to be paid."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from paidflow.forum import Discussion
from tests.browser.deeds import DEEDS, Deed
from tests.browser.served_forum import (
    SeenBy,
    Served,
    cheat,
    empty_purse,
    invoice,
    phase,
    seen_by,
    served,
)
from tests.waiting import wait_until

__all__ = ["seen_by", "served"]

pytestmark = pytest.mark.browser
deeds = pytest.mark.parametrize("kind", DEEDS, ids=lambda kind: kind.__name__)


def reload(page: Page) -> None:
    page.reload()


def back_and_forward(page: Page) -> None:
    page.go_back()
    page.go_forward()


def two_people(served: Served, seen_by: SeenBy, deed: Deed) -> tuple[Page, Page]:
    """Who does it, with nothing in the purse, and somebody who looks on."""
    if deed.person is not None:
        empty_purse(served, deed.person)
    other = seen_by("carol")
    deed.watch(other)
    return seen_by(deed.person), other


@deeds
@pytest.mark.parametrize("interrupt", [reload, back_and_forward])
def test_the_page_is_left(
    served: Served, seen_by: SeenBy, kind: type[Deed], interrupt: Callable[[Page], None]
) -> None:
    deed = kind()
    page, other = two_people(served, seen_by, deed)
    deed.begin(page)
    first = invoice(page)
    interrupt(page)
    deed.reopen(page)
    assert invoice(page) == first
    assert served.opened == [first]
    assert served.payable == [first]
    assert not deed.seen(other)
    cheat(page, "pay")
    phase(page, "paid")
    wait_until(lambda: deed.seen(other))


@deeds
def test_it_is_paid_while_the_server_restarts(
    served: Served, seen_by: SeenBy, kind: type[Deed]
) -> None:
    deed = kind()
    page, other = two_people(served, seen_by, deed)
    deed.begin(page)
    first = invoice(page)
    served.stop()
    assert served.bank.pay(first)
    served.start()
    wait_until(lambda: deed.seen(other))
    deed.told(page)
    assert served.opened == [first]


@deeds
def test_no_events_come(served: Served, seen_by: SeenBy, kind: type[Deed]) -> None:
    deed = kind()
    page, other = two_people(served, seen_by, deed)
    for seen in (page, other):
        seen.context.route("**/events", lambda route: route.abort())
        seen.context.route("**/live", lambda route: route.abort())
        seen.reload()
    deed.begin(page)
    assert served.bank.pay(invoice(page))
    wait_until(lambda: deed.seen(other))
    deed.told(page)


def hide(page: Page, hidden: bool) -> None:
    """Behave as if another tab were shown, or this one again."""
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_page_in_the_background_takes_no_connection(served: Served, seen_by: SeenBy) -> None:
    bob = seen_by("bob")
    asked: list[str] = []
    bob.on("request", lambda request: asked.append(request.url))
    with bob.expect_response("**/live"):
        bob.reload()
    bob.on("requestfailed", lambda request: asked.clear())  # only what comes behind it counts
    with bob.expect_event("requestfailed", lambda request: request.url.endswith("/live")):
        hide(bob, True)
    with bob.expect_response("**/pay/health"):  # what was asked for before is known now
        bob.evaluate("() => void fetch('/pay/health')")
    assert f"{served.url}/live" not in asked
    served.forum.flow.perform(Discussion(title="Rivers by day"), actor="ann")
    hide(bob, False)
    expect(bob.get_by_text("Rivers by day")).to_be_visible()
