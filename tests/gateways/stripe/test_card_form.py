"""The card form of the panel: the forum in a real Chromium, paid at localstripe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from examples.forum import gateways
from paidflow import State
from paidflow.clock import SystemClock
from paidflow.payments.stripe import StripeGateway
from tests.browser.served_forum import (
    SeenBy,
    Served,
    empty_purse,
    go,
    phase,
    seen_by,
    unpaid,
    write_post,
)
from tests.browser.test_accessibility import serious
from tests.gateways.stripe.account import PUBLISHABLE_KEY, SECRET_KEY
from tests.gateways.stripe.front import SCRIPT_PATH, Front
from tests.gateways.stripe.payer import DECLINED, GOOD, SECURE, Payer
from tests.waiting import wait_until

__all__ = ["seen_by"]

pytestmark = [pytest.mark.gateways, pytest.mark.timeout(600, method="thread")]

TITLE = "Rivers at night"
LIAR = """
Stripe = () => ({
    elements: () => ({ create: () => ({ mount: () => {}, on: () => {} }) }),
    confirmCardPayment: async () => ({ paymentIntent: { status: "succeeded" } }),
});
"""


@pytest.fixture
def clock() -> SystemClock:
    """A browser does not wait for a clock that stands."""
    return SystemClock()


@pytest.fixture
def served(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The forum, where Ann has to pay; ten sats are 60 cents."""
    monkeypatch.setattr(gateways, "StripeGateway", partial(StripeGateway, url=front.url))
    settings = {
        "FORUM_GATEWAY": "stripe",
        "FORUM_SECRET": "sixteen bytes or more, of one's own",
        "FORUM_STRIPE_API_KEY": SECRET_KEY,
        "FORUM_STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "FORUM_STRIPE_SCRIPT": f"{front.url}{SCRIPT_PATH}",
        "FORUM_STRIPE_ACCOUNT": "acct_1",
        "FORUM_STRIPE_RATE": "6000000",
    }
    server = Served(tmp_path, settings)
    server.start()
    empty_purse(server, "ann")
    yield server
    server.stop()


@pytest.fixture
def ann(seen_by: SeenBy) -> Page:
    return seen_by("ann")


@pytest.fixture
def bob(seen_by: SeenBy) -> Page:
    return seen_by("bob")


def number(page: Page) -> Locator:
    return page.get_by_placeholder("number", exact=True)


def pay_button(page: Page) -> Locator:
    return page.locator(".paidflow-card").get_by_role("button", name="Pay", exact=True)


def told(page: Page) -> Locator:
    return page.locator(".paidflow-card").get_by_role("alert")


def type_card(page: Page, card: str = GOOD) -> None:
    for field, value in (("number", card), ("exp_month", "12"), ("exp_year", "40"), ("cvc", "123")):
        page.get_by_placeholder(field, exact=True).fill(value)


def pay(page: Page, card: str = GOOD) -> None:
    type_card(page, card)
    pay_button(page).click()


def paid(writer: Page, reader: Page) -> None:
    """Wait until somebody else sees the post, and the writer's browser has gone to it."""
    expect(reader.get_by_role("link", name=TITLE)).to_be_visible()
    writer.wait_for_url("**/items/*")


class HeldBack:
    """A confirmation that is on its way until it is let go.

    Args:
        page: that sends it.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._routes: list[Route] = []
        page.route("**/confirm", lambda route: self._routes.append(route))

    def wait(self) -> None:
        pump = partial(self._page.wait_for_timeout, 5)
        wait_until(lambda: self._routes, "nothing was confirmed", meanwhile=pump)

    def let_go(self) -> None:
        for route in self._routes:
            route.continue_()


def payments(front: Front) -> list[dict[str, Any]]:
    """The payments at Stripe, the oldest first."""
    return [front.account.payment(payment_id) for payment_id in front.account.payments]


def confirmations(front: Front) -> int:
    """How often a payment was confirmed."""
    return sum(path.endswith("/confirm") for _, path, _ in front.requests)


def test_a_post_is_paid_by_card(front: Front, ann: Page, bob: Page) -> None:
    write_post(ann, TITLE)
    pay(ann)
    paid(ann, bob)
    assert [payment["status"] for payment in payments(front)] == ["succeeded"]


def test_a_declined_card_is_told_and_another_one_pays(front: Front, ann: Page, bob: Page) -> None:
    write_post(ann, TITLE)
    pay_button(ann).click()
    expect(told(ann)).to_have_text("Your card number is incomplete.")
    pay(ann, DECLINED)
    expect(told(ann)).to_have_text("Your card was declined.")
    phase(ann, "confirming")
    pay(ann)
    paid(ann, bob)
    assert [payment["status"] for payment in payments(front)] == ["succeeded"]


def test_the_bank_asks(ann: Page, bob: Page) -> None:
    """Its questions lie above the page, so the panel must not lie above them."""
    write_post(ann, TITLE)
    pay(ann, SECURE)
    ann.get_by_role("button", name="Fail authentication").click()
    expect(told(ann)).to_have_text("Your bank did not let this pass.")
    assert ann.locator("dialog:modal").count() == 1
    pay_button(ann).click()
    ann.get_by_role("button", name="Complete authentication").click()
    paid(ann, bob)


def test_money_is_held_until_the_work_is_done(front: Front, served: Served, ann: Page) -> None:
    go(ann, ann.locator("#balance"), "**/wallet")
    ann.get_by_role("button", name="buy credits").click()
    pay(ann)
    expect(ann.locator("#purse")).to_have_text("1,000 sats")
    (payment,) = payments(front)
    assert (payment["capture_method"], payment["status"]) == ("manual", "succeeded")


def test_a_double_click_pays_once(front: Front, ann: Page, bob: Page) -> None:
    confirmation = HeldBack(ann)
    write_post(ann, TITLE)
    type_card(ann)
    pay_button(ann).dblclick()
    confirmation.wait()
    number(ann).press("Enter")
    confirmation.let_go()
    paid(ann, bob)
    assert confirmations(front) == 1


def test_the_field_stays_when_the_panel_changes(ann: Page, bob: Page) -> None:
    ann.route("**/panel", lambda route: route.abort())
    write_post(ann, TITLE)
    number(ann).fill(GOOD)
    ann.unroute("**/panel")
    phase(ann, "confirming")
    expect(number(ann)).to_have_value(GOOD)
    pay(ann)
    paid(ann, bob)


def test_no_answer_is_not_a_no(front: Front, ann: Page, bob: Page) -> None:
    """The first request does not arrive, and the answer to the second one does not."""
    ann.route("**/confirm", lambda route: route.abort())
    write_post(ann, TITLE)
    pay(ann)
    expect(told(ann)).to_contain_text("nothing is known")
    assert confirmations(front) == 0
    ann.unroute("**/confirm")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    ann.route("**/confirm", lose)
    pay_button(ann).click()
    paid(ann, bob)
    assert [payment["status"] for payment in payments(front)] == ["succeeded"]


def test_what_the_script_says_is_not_believed(front: Front, served: Served, ann: Page) -> None:
    liar = {"body": LIAR, "content_type": "text/javascript"}
    ann.route(f"**{SCRIPT_PATH}", lambda route: route.fulfill(**liar))
    write_post(ann, TITLE)
    pay_button(ann).click()
    expect(told(ann)).to_contain_text("The news comes here by itself.")
    phase(ann, "confirming")
    action_id = ann.locator(".paidflow-panel").get_attribute("data-action")
    assert action_id is not None
    receipt = served.forum.flow.get(action_id, actor="ann")
    assert (receipt.state, confirmations(front)) == (State.PENDING, 0)
    payer = Payer(front.url)
    assert payer.pay(str(receipt.payment_request)) == "succeeded"
    payer.close()
    ann.wait_for_url("**/items/*")


def test_without_stripes_script_it_is_said(ann: Page) -> None:
    ann.route(f"**{SCRIPT_PATH}", lambda route: route.abort())
    write_post(ann, TITLE)
    expect(told(ann)).to_contain_text("did not load")
    expect(pay_button(ann)).to_be_disabled()


def test_given_up_with_half_a_card(front: Front, ann: Page, bob: Page) -> None:
    write_post(ann, TITLE)
    number(ann).fill(GOOD)
    ann.get_by_role("button", name="Cancel").click()
    expect(ann.locator("dialog")).to_have_count(0)
    go(ann, "recent", "**/recent")
    unpaid(ann, "retry payment").click()
    expect(number(ann)).to_have_value("")
    pay(ann)
    expect(bob.get_by_role("link", name=TITLE)).to_be_visible()
    phase(ann, "paid")
    assert [payment["status"] for payment in payments(front)] == ["canceled", "succeeded"]


def test_given_up_while_it_is_confirmed(front: Front, ann: Page) -> None:
    confirmation = HeldBack(ann)
    write_post(ann, TITLE)
    pay(ann)
    confirmation.wait()
    ann.get_by_role("button", name="Cancel").click()
    expect(ann.locator("dialog")).to_have_count(0)
    with ann.expect_response("**/confirm") as answer:
        confirmation.let_go()
    assert answer.value.status == 400
    assert [payment["status"] for payment in payments(front)] == ["canceled"]


def test_by_keyboard(ann: Page, bob: Page) -> None:
    write_post(ann, TITLE)
    phase(ann, "confirming")
    number(ann).focus()
    ann.keyboard.type(f"{GOOD}1240123")
    ann.keyboard.press("Tab")
    expect(pay_button(ann)).to_be_focused()
    ann.keyboard.press("Tab")
    expect(ann.get_by_role("button", name="Cancel")).to_be_focused()
    ann.keyboard.press("Shift+Tab")
    ann.keyboard.press("Enter")
    paid(ann, bob)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read(ann: Page, scheme: Any) -> None:
    ann.emulate_media(color_scheme=scheme)
    ann.set_viewport_size({"width": 320, "height": 640})
    write_post(ann, TITLE)
    pay(ann, DECLINED)
    expect(told(ann)).to_have_text("Your card was declined.")
    expect(ann.get_by_label("Card")).to_be_visible()
    assert serious(ann, besides=".paidflow-card-field") == []
    style = pay_button(ann).evaluate("button => ({ ...getComputedStyle(button) })")
    assert style["color"] != style["backgroundColor"]  # axe-core does not know what that means
    assert ann.locator("dialog").evaluate("shown => shown.scrollWidth <= shown.clientWidth")
    box = ann.locator("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320


def test_no_other_script_gets_in(front: Front, ann: Page) -> None:
    refused = """from => new Promise(resolve => {
        document.addEventListener("securitypolicyviolation", event => resolve(event.blockedURI));
        const script = document.createElement("script");
        if (from) script.src = from; else script.textContent = "window.owned = true";
        document.head.append(script);
    })"""
    assert ann.evaluate(refused, "http://127.0.0.1:1/script.js") == "http://127.0.0.1:1/script.js"
    assert ann.evaluate(refused, None) == "inline"
    assert ann.evaluate("window.owned") is None
    write_post(ann, TITLE)
    expect(number(ann)).to_be_visible()


def test_no_secret_is_on_a_page(front: Front, served: Served, ann: Page) -> None:
    bodies: list[str] = []
    ann.on("response", lambda answer: bodies.append(answer.url))
    write_post(ann, TITLE)
    expect(number(ann)).to_be_visible()
    (payment,) = payments(front)
    shown = ann.content()
    assert PUBLISHABLE_KEY in shown
    assert SECRET_KEY not in shown
    assert payment["client_secret"] not in shown
    assert not [url for url in bodies if re.search("secret|sk_test", url)]
