"""The forum in a browser that runs no script: forms, the page for paying, and its reloading."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from examples.forum.forum import Forum
from examples.forum.seed import seeded
from examples.forum.site import site
from paidflow import Receipt, sats
from paidflow.forum import Gift
from tests.browser.served_forum import browser_of
from tests.waiting import wait_until
from tests.web.site import Running

pytestmark = [pytest.mark.browser, pytest.mark.empty]

TEA = "Which tea for a long night?"
POLL = "When should an invoice expire?"
NEW = "Rivers at night"
GREEN, BELOW_GREEN = "Green, and not too hot.", "70 degrees, and two minutes."


@dataclass(frozen=True)
class Served:
    """A forum behind a server.

    Args:
        forum: what is served.
        url: where.
    """

    forum: Forum
    url: str

    def invoice(self, page: Page) -> str:
        """The invoice that a page shows, as a code and as a text."""
        phase(page, "waiting")
        expect(page.locator("svg.paidflow-qr")).to_be_visible()
        shown = page.get_by_label("Invoice", exact=True).input_value()
        return shown.removeprefix("sandbox:").split("?")[0]

    def pay(self, invoice_id: str) -> Receipt:
        assert self.forum.bank.pay(invoice_id)
        return self.forum.flow.sync("sandbox", invoice_id)

    def expire(self, invoice_id: str) -> None:
        self.forum.bank.expire(invoice_id)
        self.forum.flow.sync("sandbox", invoice_id)

    def empty_purse(self, person: str) -> None:
        balance = self.forum.flow.balance(person)
        gift = Gift(to="dave", amount_sats=balance.amount // 1000)
        self.forum.flow.perform(gift, actor=person)
        assert self.forum.flow.balance(person) < sats(1)


SeenBy = Callable[[str | None], Page]


@pytest.fixture
def served(store_url: str, tmp_path: Path) -> Iterator[Served]:
    """The forum, on each store."""
    forum = seeded(tmp_path, url=store_url)
    running = Running(site(forum))
    running.start()
    yield Served(forum, f"http://127.0.0.1:{running.port}")
    running.stop()
    forum.close()


@pytest.fixture
def seen_by(chromium: Browser, served: Served) -> Iterator[SeenBy]:
    """The newest posts as somebody sees them without a script."""
    contexts = []

    def look(person: str | None) -> Page:
        context = browser_of(chromium, served.url, person, scripts=False)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{served.url}/recent")
        return page

    yield look
    for context in contexts:
        context.close()


def phase(page: Page, wanted: str) -> None:
    expect(page.locator(f".paidflow-panel[data-phase={wanted}]")).to_be_visible()


def still(page: Page) -> None:
    """Look at the page for paying as one that does not load itself; then no click crosses that."""
    link = page.get_by_role("link", name="do not load it by itself")
    page.goto(urljoin(page.url, str(link.get_attribute("href"))))
    expect(page.get_by_text("This page does not load itself again.")).to_be_visible()


def write_post(page: Page, title: str) -> None:
    page.get_by_role("link", name="write").click()
    page.get_by_label("Title").fill(title)
    page.locator("form.write-post button").click()


def listed(served: Served, page: Page, title: str) -> int:
    page.goto(f"{served.url}/recent")
    return page.get_by_role("link", name=title).count()


def test_a_post_is_paid_and_the_page_says_so(served: Served, seen_by: SeenBy) -> None:
    served.empty_purse("ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, NEW)
    invoice = served.invoice(ann)
    expect(ann.get_by_role("button", name="Copy")).to_have_count(0)  # only a script can copy
    assert listed(served, bob, NEW) == 0
    served.pay(invoice)
    phase(ann, "paid")  # nobody has clicked
    expect(ann).to_have_title("Paid")
    ann.get_by_role("link", name="Go on").click()
    expect(ann.get_by_role("heading", name=NEW)).to_be_visible()
    assert listed(served, bob, NEW) == 1


def test_the_page_can_be_kept_still(served: Served, seen_by: SeenBy) -> None:
    served.empty_purse("ann")
    ann = seen_by("ann")
    write_post(ann, NEW)
    invoice = served.invoice(ann)
    still(ann)
    served.pay(invoice)
    phase(ann, "waiting")
    ann.get_by_role("link", name="Look again now").click()
    phase(ann, "paid")


def test_expired_and_tried_again(served: Served, seen_by: SeenBy) -> None:
    served.empty_purse("ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, NEW)
    first = served.invoice(ann)
    served.expire(first)
    ann.get_by_role("link", name="Look again now").click()
    phase(ann, "expired")
    ann.get_by_role("button", name="Try again").click()
    second = served.invoice(ann)
    assert second != first
    served.expire(second)
    retry = ann.get_by_role("button", name="retry payment")
    wait_until(lambda: ann.goto(f"{served.url}/notifications") and retry.count() == 1)
    retry.click()
    served.pay(served.invoice(ann))
    phase(ann, "paid")
    ann.get_by_role("link", name="Go on").click()
    ann.wait_for_url("**/notifications")
    assert listed(served, bob, NEW) == 1


def test_given_up_and_paid_after_all(served: Served, seen_by: SeenBy) -> None:
    served.empty_purse("ann")
    ann = seen_by("ann")
    write_post(ann, NEW)
    still(ann)
    ann.get_by_role("link", name="Go back").click()
    expect(ann.get_by_role("heading", name=NEW)).to_be_visible()
    ann.get_by_role("link", name="pending: pay").click()
    still(ann)
    ann.get_by_role("button", name="Cancel").click()
    phase(ann, "cancelled")
    ann.get_by_role("link", name="Go back").click()
    ann.get_by_role("button", name="retry payment").click()
    served.pay(served.invoice(ann))
    phase(ann, "paid")


def test_a_logged_out_comment_is_paid_first(served: Served, seen_by: SeenBy) -> None:
    nobody, bob = seen_by(None), seen_by("bob")
    nobody.get_by_role("link", name=TEA).click()
    item = nobody.url
    form = nobody.locator("main > form.write-comment")
    form.get_by_label("Your comment").fill("From nobody\nto everybody")
    form.get_by_role("button").click()
    invoice = served.invoice(nobody)
    checkout = nobody.url
    assert "proof" not in checkout
    bob.goto(item)
    expect(bob.get_by_text("From nobody")).to_have_count(0)
    bob.goto(checkout)
    expect(bob.get_by_text("There is no such action, or it is not yours.")).to_be_visible()
    served.pay(invoice)
    phase(nobody, "paid")
    nobody.get_by_role("link", name="Go on").click()
    nobody.wait_for_url(item)
    bob.goto(item)
    expect(bob.locator("#tree").get_by_text("From nobody")).to_be_visible()


def test_from_credits_nothing_is_asked(served: Served, seen_by: SeenBy) -> None:
    dave = seen_by("dave")
    dave.get_by_role("link", name=POLL).click()
    poll = dave.url
    dave.get_by_label(re.compile("never")).check()
    dave.get_by_role("button", name="vote for 1 sat").click()
    expect(dave.get_by_text("nobody knows for what")).to_be_visible()
    assert dave.url == poll


def test_a_poll_has_a_list_of_options(served: Served, seen_by: SeenBy) -> None:
    ann = seen_by("ann")
    ann.goto(f"{served.url}/new/poll")
    ann.get_by_label("Title").fill("Which way?")
    for number, way in ((1, "left"), (2, "right")):
        ann.get_by_label(f"Option {number}").fill(way)
    ann.locator("form.write-post button").click()
    expect(ann.locator(".poll label")).to_have_count(2)


def test_sent_twice_is_paid_once(served: Served, seen_by: SeenBy) -> None:
    ann = seen_by("ann")
    before = served.forum.flow.balance("ann")
    ann.goto(f"{served.url}/new/discussion")
    ann.get_by_label("Title").fill(NEW)
    ann.locator("form.write-post button").dblclick()
    expect(ann.get_by_role("heading", name=NEW)).to_be_visible()
    ann.go_back()
    ann.get_by_label("Title").fill(NEW)
    ann.locator("form.write-post button").click()
    expect(ann.get_by_role("heading", name=NEW)).to_be_visible()
    receipt = served.forum.flow.get(ann.url.rsplit("/", 1)[1], actor="ann")
    assert before - served.forum.flow.balance("ann") == receipt.cost
    assert listed(served, ann, NEW) == 1


def test_what_is_refused_is_still_in_the_form(served: Served, seen_by: SeenBy) -> None:
    ann = seen_by("ann")
    ann.goto(f"{served.url}/wallet")
    form = ann.locator("form", has=ann.get_by_label("To whom"))
    form.get_by_label("To whom").fill("ann")
    form.get_by_role("button").click()
    expect(ann.get_by_role("heading", name="This did not work")).to_be_visible()
    ann.go_back()
    expect(form.get_by_label("To whom")).to_have_value("ann")
    form.get_by_label("To whom").fill("bob")
    form.get_by_role("button").click()
    ann.wait_for_url("**/wallet")
    expect(ann.locator("#lines").get_by_text("gift")).to_be_visible()


def test_every_form_can_be_sent(served: Served, seen_by: SeenBy) -> None:
    dave = seen_by("dave")
    item, own = (
        next(one["id"] for one in served.forum.items.search(words, viewer="dave"))
        for words in (TEA, "compass")
    )
    for path in (
        *("/recent", f"/items/{item}", "/new/poll", "/wallet", "/rewards", "/territories"),
        *(f"/items/{own}/edit", "/people/dave", "/people/ann", "/search?q=tea"),
        *("/territories/tea", "/territories/maps/settings"),
    ):
        dave.goto(served.url + path)
        forms = dave.locator("form[data-kind]")
        assert forms.count() > 0, path
        ready = dave.locator("form[data-kind][method=post][action^='/pay/actions/']").filter(
            has=dave.locator("input[type=hidden][name=idempotency-key]")
        )
        assert ready.count() == forms.count(), path


def test_a_comment_is_edited_and_deleted(served: Served, seen_by: SeenBy) -> None:
    bob, nobody = seen_by("bob"), seen_by(None)
    nobody.get_by_role("link", name=TEA).click()
    seen = nobody.locator("#tree")
    expect(seen.get_by_text(GREEN)).to_be_visible()
    bob.goto(nobody.url)
    bob.locator("article.comment", has_text=GREEN).locator("a.edit").click()
    expect(bob.get_by_label("Text")).to_have_value(GREEN)
    bob.get_by_label("Text").fill("White.\nIn a cup of glass.")
    bob.get_by_role("button", name="save").click()
    expect(bob.get_by_role("heading", name="A comment")).to_be_visible()
    comment = bob.url
    nobody.reload()
    expect(seen.get_by_text("In a cup of glass.")).to_be_visible()
    expect(seen.get_by_text("edited", exact=True)).to_be_visible()
    expect(seen.get_by_text(GREEN)).to_have_count(0)
    bob.locator("a.edit").click()
    bob.get_by_text("delete it").click()
    bob.get_by_role("button", name="delete for ever").click()
    expect(bob.locator("#post").get_by_text("deleted", exact=True)).to_be_visible()
    assert bob.url == comment
    nobody.reload()
    expect(seen.get_by_text("deleted", exact=True)).to_be_visible()
    expect(seen.get_by_text("In a cup of glass.")).to_have_count(0)
    expect(seen.get_by_text(BELOW_GREEN)).to_be_visible()
