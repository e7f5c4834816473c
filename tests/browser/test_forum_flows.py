"""What people do in the forum, one after the other and at once, until it is paid or not."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from paidflow import sats
from tests.browser.served_forum import (
    POLL,
    TEA,
    SeenBy,
    Served,
    another_tab,
    cheat,
    close,
    empty_purse,
    go,
    invoice,
    phase,
    seen_by,
    served,
    unpaid,
    vote,
    votes,
    write_comment,
    zap,
    zapped,
)
from tests.waiting import wait_until

__all__ = ["seen_by", "served"]

pytestmark = pytest.mark.browser


PANELS_READ = """(most) => performance.getEntriesByType("resource")
    .filter((one) => one.name.endsWith("/panel")).length >= most"""


def expire(page: Page) -> None:
    cheat(page, "let it expire")
    phase(page, "expired")


def test_a_comment_is_tried_again_where_it_stands(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    go(bob, TEA, "**/items/*")
    write_comment(ann, "Mint")
    first = invoice(ann)
    expire(ann)
    close(ann)
    ann.locator(".comment", has_text="Mint").get_by_role("button", name="retry payment").click()
    second = invoice(ann)
    assert second != first
    assert served.payable == [second]
    expect(bob.locator("#tree")).not_to_contain_text("Mint")
    cheat(ann, "pay")
    phase(ann, "paid")
    expect(bob.locator("#tree")).to_contain_text("Mint")


def test_a_logged_out_comment_is_tried_again_in_the_panel(served: Served, seen_by: SeenBy) -> None:
    nobody, bob = seen_by(None), seen_by("bob")
    go(bob, TEA, "**/items/*")
    write_comment(nobody, "Sage")
    first = invoice(nobody)
    expire(nobody)
    nobody.get_by_role("button", name="Try again").click()
    second = invoice(nobody)
    assert second != first
    assert served.payable == [second]
    expect(nobody.locator("dialog")).to_have_count(1)
    cheat(nobody, "pay")
    phase(nobody, "paid")
    expect(bob.locator("#tree").get_by_text("Sage")).to_have_count(1)
    expect(nobody.locator("#tree").get_by_text("Sage")).to_have_count(1)


def test_a_logged_out_comment_is_tried_again_after_a_reload(
    served: Served, seen_by: SeenBy
) -> None:
    nobody, bob = seen_by(None), seen_by("bob")
    go(bob, TEA, "**/items/*")
    write_comment(nobody, "Sage")
    invoice(nobody)
    expire(nobody)
    nobody.reload()
    nobody.get_by_role("button", name="comment not paid: retry payment").click()
    again = invoice(nobody)
    assert served.payable == [again]
    cheat(nobody, "pay")
    phase(nobody, "paid")
    expect(bob.locator("#tree").get_by_text("Sage")).to_have_count(1)
    expect(nobody.locator("#unpaid")).to_be_hidden()


def test_a_vote_counts_when_it_is_paid(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "dave")
    dave, ann = seen_by("dave"), seen_by("ann")
    go(ann, POLL, "**/items/*")
    vote(dave, "never")
    invoice(dave)
    expect(unpaid(dave, "vote pending: pay")).to_be_attached()
    expect(votes(ann, "never")).to_have_text("0")
    cheat(dave, "pay")
    phase(dave, "paid")
    expect(votes(ann, "never")).to_have_text("1")
    close(dave)
    expect(dave.get_by_text("nobody knows for what")).to_be_visible()
    expect(dave.locator(".poll input:checked")).to_have_count(0)


def test_a_vote_is_tried_again(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "dave")
    dave, ann = seen_by("dave"), seen_by("ann")
    go(ann, POLL, "**/items/*")
    vote(dave, "never")
    invoice(dave)
    expire(dave)
    close(dave)
    dave.get_by_role("button", name="retry vote").click()
    again = invoice(dave)
    assert served.payable == [again]
    expect(votes(ann, "never")).to_have_text("0")
    cheat(dave, "pay")
    phase(dave, "paid")
    expect(votes(ann, "never")).to_have_text("1")


def test_of_two_zaps_at_once_the_one_that_fails_is_taken_off(
    served: Served, seen_by: SeenBy
) -> None:
    empty_purse(served, "bob")
    one, carol = seen_by("bob"), seen_by("carol")
    two = another_tab(one)
    before = zapped(carol, TEA)
    zap(one, TEA, 50)
    invoice(one)
    zap(two, TEA, 30)
    invoice(two)
    for tab in (one, two):
        wait_until(lambda tab=tab: zapped(tab, TEA) == before + 80)
    assert zapped(carol, TEA) == before
    expire(two)
    for tab in (one, two):
        wait_until(lambda tab=tab: zapped(tab, TEA) == before + 50)
    cheat(one, "pay")
    phase(one, "paid")
    for page in (one, two, carol):
        wait_until(lambda page=page: zapped(page, TEA) == before + 50)


def test_a_zap_goes_to_the_wallet_that_somebody_has_attached(
    served: Served, seen_by: SeenBy
) -> None:
    empty_purse(served, "bob")
    ann, bob = seen_by("ann"), seen_by("bob")
    credits = served.forum.flow.balance("ann")
    ann.goto(f"{served.url}/wallet")
    ann.get_by_role("button", name="attach one").click()
    expect(ann.get_by_text("It has got 0 sats")).to_be_visible()
    before = zapped(bob, TEA)
    zap(bob, TEA, 100)
    invoice(bob)
    cheat(bob, "pay")
    phase(bob, "paid")
    expect(ann.get_by_text("It has got 70 sats")).to_be_visible()
    assert served.forum.flow.balance("ann") == credits
    wait_until(lambda: zapped(bob, TEA) == before + 100)
    ann.get_by_role("button", name="detach it").click()
    expect(ann.get_by_role("button", name="attach one")).to_be_visible()


def test_money_that_came_twice_is_claimed_after_logging_in(served: Served, seen_by: SeenBy) -> None:
    nobody = seen_by(None)
    write_comment(nobody, "Mint")
    invoice(nobody)
    cheat(nobody, "pay twice")
    phase(nobody, "paid")
    close(nobody)
    before = served.forum.flow.balance("ann")
    with nobody.expect_navigation():
        nobody.get_by_label("Who you are").select_option("ann")
    go(nobody, nobody.locator("#balance"), "**/wallet")
    into = nobody.get_by_role("button", name="into the purse")
    into.click()
    expect(into).to_have_count(0)
    expect(nobody.locator("#claims")).to_be_hidden()
    assert served.forum.flow.balance("ann") == before + sats(50)


def test_the_panel_is_closed_at_the_moment_of_payment(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    write_comment(ann, "Mint")
    go(bob, TEA, "**/items/*")
    assert served.bank.pay(invoice(ann))  # and nobody has told the flow
    ann.keyboard.press("Escape")
    expect(bob.locator("#tree")).to_contain_text("Mint")
    expect(ann.locator("#told")).to_have_text("Paid.")
    assert [book.status for book in served.bank.books()] == ["settled"]


def test_a_panel_that_is_closed_is_cancelled_without_a_word(
    served: Served, seen_by: SeenBy
) -> None:
    empty_purse(served, "ann")
    ann = seen_by("ann")
    write_comment(ann, "Mint")
    invoice(ann)
    ann.get_by_role("button", name="Cancel").click()
    expect(ann.locator("dialog")).to_have_count(0)
    expect(ann.get_by_role("button", name="retry payment")).to_be_visible()
    expect(ann.locator("#told")).not_to_contain_text("not paid")
    assert served.payable == []


def two_tabs(served: Served, seen_by: SeenBy) -> tuple[Page, Page, str]:
    """Two tabs that both show the invoice of one comment."""
    empty_purse(served, "ann")
    one = seen_by("ann")
    write_comment(one, "Mint")
    first = invoice(one)
    two = another_tab(one)
    unpaid(two, "pending: pay").click()
    assert invoice(two) == first
    assert served.opened == [first]
    return one, two, first


def test_two_tabs_pay_one_invoice(served: Served, seen_by: SeenBy) -> None:
    one, two, _ = two_tabs(served, seen_by)
    cheat(two, "pay")
    for tab in (one, two):
        phase(tab, "paid")


def test_two_tabs_try_again_with_one_invoice(served: Served, seen_by: SeenBy) -> None:
    one, two, first = two_tabs(served, seen_by)
    expire(one)
    phase(two, "expired")
    for tab in (one, two):
        tab.get_by_role("button", name="Try again").click()
    again = invoice(one)
    assert invoice(two) == again
    assert served.payable == [again]
    assert served.opened == [first, again]
    cheat(one, "pay")
    for tab in (one, two):
        phase(tab, "paid")


def test_a_double_click_is_one_post(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "ann")
    ann = seen_by("ann")
    sent: list[str] = []
    ann.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    go(ann, "write", "**/new/discussion")
    ann.get_by_label("Title").fill("Rivers at night")
    ann.locator("form.write-post > button").dblclick()
    invoice(ann)
    assert sent.count(f"POST {served.url}/pay/actions/discussion") == 1


@pytest.mark.parametrize("failed", [False, True])
def test_a_double_click_opens_one_panel(served: Served, seen_by: SeenBy, failed: bool) -> None:
    empty_purse(served, "ann")
    ann = seen_by("ann")
    write_comment(ann, "Mint")
    invoice(ann)
    if failed:
        expire(ann)
    ann.reload()
    unpaid(ann, "retry payment" if failed else "pending: pay").dblclick()
    ann.wait_for_function(PANELS_READ, arg=2)
    again = invoice(ann)
    assert served.payable == [again]
    expect(ann.locator("dialog")).to_have_count(1)
