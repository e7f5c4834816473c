"""Paying in a browser: the callbacks in their order, the panel, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from paidflow import sats
from paidflow.payments.contract import PayerAction
from tests.web.site import Site

pytestmark = pytest.mark.browser


def told(page: Page) -> list[list[Any]]:
    return page.evaluate("window.told")


def invoice(page: Page, site: Site) -> str:
    """The invoice that the panel shows."""
    shown = page.get_by_label("Invoice", exact=True)
    expect(shown).to_be_visible()
    action_id = page.locator(".paidflow-panel").get_attribute("data-action")
    assert action_id is not None
    receipt = site.flow.get(action_id, actor="ann")
    assert receipt.invoice_id is not None
    assert shown.input_value() == receipt.payment_request
    return receipt.invoice_id


def pay(site: Site, invoice_id: str) -> None:
    assert site.bank.pay(invoice_id)
    site.flow.sync("sandbox", invoice_id)


def phase(page: Page, wanted: str) -> None:
    expect(page.locator(f".paidflow-panel[data-phase={wanted}]")).to_be_visible()


def test_optimistic(page: Page, shop: Site) -> None:
    page.click("#buy")
    found = invoice(page, shop)
    assert told(page) == [["update", "PENDING", None], ["onCompleted", "PENDING", None]]
    pay(shop, found)
    phase(page, "paid")
    assert told(page)[2:] == [["onPaid", "PAID", None]]
    page.get_by_role("button", name="Close").click()
    expect(page.locator("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "buy"


def test_pessimistic(page: Page, shop: Site) -> None:
    page.evaluate("window.buy('held-note')")
    found = invoice(page, shop)
    assert told(page) == []
    pay(shop, found)
    page.wait_for_function("window.told.length == 3")
    assert [name for name, _, _ in told(page)] == ["update", "onCompleted", "onPaid"]


def test_from_the_purse_nothing_is_shown(page: Page, shop: Site) -> None:
    shop.flow.grant("ann", sats(10), key="a present")
    page.click("#buy")
    page.wait_for_function("window.told.length == 3")
    assert [name for name, _, _ in told(page)] == ["update", "onCompleted", "onPaid"]
    expect(page.locator("dialog")).to_have_count(0)


def test_expired_and_tried_again(page: Page, shop: Site) -> None:
    page.click("#buy")
    first = invoice(page, shop)
    shop.bank.expire(first)
    shop.flow.sync("sandbox", first)
    phase(page, "expired")
    assert told(page)[2:] == [["onPayError", "FAILED", False]]
    page.get_by_role("button", name="Try again").click()
    phase(page, "waiting")
    second = invoice(page, shop)
    assert second != first
    pay(shop, second)
    phase(page, "paid")
    assert [name for name, _, _ in told(page)[3:]] == ["update", "onCompleted", "onPaid"]


def test_an_answer_that_comes_late_is_not_shown(page: Page, shop: Site) -> None:
    late: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    page.route("**/panel", hold_the_first)
    page.evaluate("window.buy('note')")
    page.wait_for_function("window.receipt")
    pay(shop, page.evaluate("window.receipt.invoice_id"))
    expect(page.locator("[data-phase=paid]")).to_be_attached()
    route, answer = late[0]
    route.fulfill(response=answer)
    phase(page, "paid")


def test_given_up(page: Page, shop: Site) -> None:
    page.click("#buy")
    invoice(page, shop)
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page.wait_for_function("window.told.length == 3")
    assert told(page)[2] == ["onPayError", "FAILED", True]


def test_given_up_at_the_moment_of_payment(page: Page, shop: Site) -> None:
    page.click("#buy")
    shop.bank.pay(invoice(page, shop))  # and the flow has not seen it
    page.get_by_role("button", name="Cancel").click()
    phase(page, "paid")
    page.wait_for_function("window.told.length == 3")
    assert told(page)[2] == ["onPaid", "PAID", None]


def test_given_up_without_an_answer(page: Page, shop: Site) -> None:
    page.click("#buy")
    found = invoice(page, shop)
    page.route("**/cancel", lambda route: route.abort())
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("nothing is known")
    assert len(told(page)) == 2
    pay(shop, found)
    phase(page, "paid")


def test_asking_takes_over_where_no_events_come(page: Page, shop: Site) -> None:
    page.route("**/events", lambda route: route.abort())
    page.click("#buy")
    pay(shop, invoice(page, shop))
    phase(page, "paid")


def test_a_request_whose_answer_is_lost_is_made_once(page: Page, shop: Site) -> None:
    lost = 0

    def lose(route: Route) -> None:
        nonlocal lost
        if lost:
            route.continue_()
            return
        lost += 1
        route.fetch()
        route.abort()

    page.route("**/actions/note", lose)
    page.click("#buy")
    pay(shop, invoice(page, shop))
    phase(page, "paid")
    assert lost == 1
    with shop.flow.transaction() as tx:
        row = tx.execute("select count(*) as n from wall").fetchone()
    assert row is not None
    assert row["n"] == 1


def test_a_wallet_pays_and_nothing_is_shown(page: Page, shop: Site) -> None:
    def wallet(request: str) -> None:
        assert shop.bank.pay(request.removeprefix("sandbox:").split("?")[0])

    page.expose_function("walletPays", wallet)
    page.evaluate("window.buy('note', { wallet: window.walletPays })")
    page.wait_for_function("window.told.length == 2")
    page.wait_for_function("window.receipt")
    shop.flow.sync("sandbox", page.evaluate("window.receipt.invoice_id"))
    page.wait_for_function("window.told.length == 3")
    assert told(page)[2][0] == "onPaid"
    expect(page.locator("dialog")).to_have_count(0)


def test_a_wallet_that_fails(page: Page, shop: Site) -> None:
    page.evaluate("window.buy('note', { wallet: () => Promise.reject(new Error('no route')) })")
    pay(shop, invoice(page, shop))
    phase(page, "paid")


def test_a_client_secret_goes_to_the_card_and_to_no_wallet(page: Page, shop: Site) -> None:
    shop.bank._profile = replace(shop.bank.profile, payer_action=PayerAction.CONFIRM_CARD)
    given: list[tuple[str, str]] = []
    page.expose_function("given", lambda to, secret: given.append((to, secret)))
    page.evaluate(
        """window.buy('note', {
            wallet: (secret) => window.given('wallet', secret),
            card: (secret) => window.given('card', secret).then(() => { throw new Error('no'); }),
        })"""
    )
    phase(page, "confirming")
    action_id = page.locator(".paidflow-panel").get_attribute("data-action")
    receipt = shop.flow.get(str(action_id), actor="ann")
    assert given == [("card", receipt.payment_request)]
    assert str(receipt.payment_request) not in page.content()
    pay(shop, str(receipt.invoice_id))
    phase(page, "paid")


def test_copy(page: Page, shop: Site) -> None:
    page.click("#buy")
    invoice(page, shop)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.get_by_label("Invoice", exact=True).input_value()


@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits(page: Page, shop: Site, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    page.click("#buy")
    invoice(page, shop)
    box = page.locator("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.locator("dialog").evaluate("shown => shown.scrollWidth <= shown.clientWidth")
