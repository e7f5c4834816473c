"""The pages of examples/forum in a browser: what is edited, taken back, held, won and set."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from paidflow import Folding, sats
from paidflow.forum import Discussion, Zap
from tests.browser.served_forum import (
    TEA,
    SeenBy,
    Served,
    cheat,
    empty_purse,
    go,
    phase,
    seen_by,
    served,
    write_comment,
    write_post,
    zap,
    zapped,
)
from tests.browser.test_accessibility import serious
from tests.waiting import wait_until

__all__ = ["seen_by", "served"]

pytestmark = pytest.mark.browser

NOON, LATER = "2030-01-01T12:00:00Z", "2030-01-01T13:00:00Z"
TICK_MS, UNDO_MS = 1_000, 5_000


def stop_time(page: Page) -> None:
    """From now on timers of the page run only when a test says so."""
    page.clock.install(time=NOON)
    page.clock.pause_at(LATER)


def sent(page: Page) -> list[str | None]:
    """The zaps that a page sends, from now on."""
    found: list[str | None] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/actions/zap"):
            found.append(request.post_data)

    page.on("request", note)
    return found


def undo_buttons(page: Page, count: int) -> None:
    expect(page.get_by_role("button", name="undo")).to_have_count(count)


@pytest.mark.parametrize("way", ["button", "escape"])
def test_a_zap_is_taken_back_and_nothing_is_sent(served: Served, seen_by: SeenBy, way: str) -> None:
    bob = seen_by("bob")
    before, requests = zapped(bob, TEA), sent(bob)
    stop_time(bob)
    zap(bob, TEA, 50)
    undo_buttons(bob, 1)
    assert zapped(bob, TEA) == before + 50
    bob.clock.run_for(UNDO_MS - TICK_MS)
    if way == "button":
        bob.get_by_role("button", name="undo").click()
    else:
        bob.keyboard.press("Escape")
    undo_buttons(bob, 0)
    assert zapped(bob, TEA) == before
    bob.clock.run_for(10 * UNDO_MS)
    assert requests == []


def test_a_zap_is_sent_when_its_time_is_over(served: Served, seen_by: SeenBy) -> None:
    bob, carol = seen_by("bob"), seen_by("carol")
    before, requests = zapped(bob, TEA), sent(bob)
    stop_time(bob)
    zap(bob, TEA, 50)
    undo_buttons(bob, 1)
    bob.clock.run_for(UNDO_MS - TICK_MS)
    assert requests == []
    bob.clock.run_for(2 * TICK_MS)
    undo_buttons(bob, 0)
    wait_until(lambda: zapped(carol, TEA) == before + 50)
    wait_until(lambda: zapped(bob, TEA) == before + 50)
    assert len(requests) == 1


NUMBERS = """(place) => {
    window.numbers = [];
    const note = () => window.numbers.push(document.querySelector(place).textContent);
    const what = {childList: true, characterData: true, subtree: true};
    new MutationObserver(note).observe(document.body, what);
}"""


@pytest.mark.parametrize("purse", ["full", "empty"])
def test_a_number_that_went_up_never_falls_while_it_is_paid(
    served: Served, seen_by: SeenBy, monkeypatch: pytest.MonkeyPatch, purse: str
) -> None:
    """Even if the worker never comes to the sums."""
    monkeypatch.setattr(Folding, "run_once", lambda _: 0)
    if purse == "empty":
        empty_purse(served, "bob")
    bob, carol = seen_by("bob"), seen_by("carol")
    before = zapped(bob, TEA)
    tea = served.forum.items.search("long night tea", viewer=None)[0]["id"]
    zap(bob, TEA, 50)
    undo_buttons(bob, 1)
    bob.evaluate(NUMBERS, f"#zapped-{tea}")
    if purse == "empty":
        phase(bob, "waiting")
        cheat(bob, "pay")
        phase(bob, "paid")
    wait_until(lambda: zapped(carol, TEA) == before + 50)
    undo_buttons(bob, 0)
    wait_until(lambda: bob.evaluate("window.numbers.length") > 0)
    assert set(bob.evaluate("window.numbers")) == {str(before + 50)}


def test_what_waits_stays_on_top_of_what_others_do(served: Served, seen_by: SeenBy) -> None:
    bob = seen_by("bob")
    before = zapped(bob, TEA)
    stop_time(bob)
    zap(bob, TEA, 50)
    zap(bob, TEA, 7)
    undo_buttons(bob, 2)
    tea = served.forum.items.search("long night tea", viewer=None)[0]["id"]
    served.forum.flow.perform(Zap(item_id=tea, amount_sats=1_000), actor="carol")
    wait_until(lambda: zapped(bob, TEA) == before + 1_057)
    bob.get_by_role("button", name="undo").first.click()
    wait_until(lambda: zapped(bob, TEA) == before + 1_007)
    bob.get_by_role("button", name="undo").click()
    wait_until(lambda: zapped(bob, TEA) == before + 1_000)


def test_whoever_leaves_the_page_has_sent_it(served: Served, seen_by: SeenBy) -> None:
    bob, carol = seen_by("bob"), seen_by("carol")
    before = zapped(bob, TEA)
    stop_time(bob)
    zap(bob, TEA, 50)
    undo_buttons(bob, 1)
    go(bob, "rewards", "**/rewards")
    wait_until(lambda: zapped(carol, TEA) == before + 50)


def test_a_refused_zap_is_taken_off(served: Served, seen_by: SeenBy) -> None:
    bob = seen_by("bob")
    before = zapped(bob, TEA)
    tea = served.forum.items.search("long night tea", viewer=None)[0]
    stop_time(bob)
    zap(bob, TEA, 50)
    undo_buttons(bob, 1)
    served.forum.flow.refund(tea["id"], operator="dave", why="a mistake")
    bob.clock.run_for(UNDO_MS + TICK_MS)
    expect(bob.locator("#told")).not_to_be_empty()
    expect(bob.locator("li", has_text=TEA).locator(".sats")).to_have_count(0)
    assert before == 231


def edit_link(page: Page) -> None:
    go(page, page.locator("#post").get_by_role("link", name="edit"), "**/edit")


def test_an_edit_is_seen_by_others_at_once(served: Served, seen_by: SeenBy) -> None:
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, "Rivers by day")
    expect(bob.get_by_text("Rivers by day")).to_be_visible()
    edit_link(ann)
    ann.get_by_label("Title").fill("Rivers by night")
    ann.get_by_role("button", name="save").click()
    expect(ann.get_by_role("heading", name="Rivers by night")).to_be_visible()
    expect(bob.get_by_text("Rivers by night")).to_be_visible()
    expect(bob.get_by_text("Rivers by day")).to_have_count(0)


def test_an_edit_that_is_not_paid_is_tried_again_beside_the_post(
    served: Served, seen_by: SeenBy
) -> None:
    post = served.forum.flow.perform(Discussion(title="Rivers by day"), actor="ann")
    empty_purse(served, "ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    ann.goto(f"{served.url}/items/{post.action_id}/edit")
    ann.get_by_label("Boost in sats").fill("10000")
    ann.get_by_role("button", name="save").click()
    phase(ann, "waiting")
    cheat(ann, "let it expire")
    phase(ann, "expired")
    ann.goto(f"{served.url}/items/{post.action_id}")
    ann.get_by_role("button", name="an edit was not paid: retry").click()
    phase(ann, "waiting")
    cheat(ann, "pay")
    phase(ann, "paid")
    expect(
        bob.locator("li", has_text="Rivers by day").get_by_text("boosted 10,000")
    ).to_be_visible()


def test_a_deleted_comment_is_gone(served: Served, seen_by: SeenBy) -> None:
    bob, ann = seen_by("bob"), seen_by("ann")
    go(ann, TEA, "**/items/*")
    text = ann.get_by_text("Green, and not too hot.")
    expect(text).to_be_visible()
    bob.goto(ann.url)
    comment = bob.locator("article.comment", has_text="Green").first
    go(bob, comment.get_by_role("link", name=re.compile("edit|delete")).first, "**/edit")
    bob.get_by_text("delete it").click()
    bob.get_by_role("button", name="delete for ever").click()
    expect(bob.get_by_text("deleted", exact=True)).to_be_visible()
    expect(text).to_have_count(0)
    expect(ann.get_by_text("70 degrees, and two minutes.")).to_be_visible()


def test_a_bounty_is_paid_for_an_answer(served: Served, seen_by: SeenBy) -> None:
    dave, bob, carol = seen_by("dave"), seen_by("bob"), seen_by("carol")
    before = served.forum.flow.balance("bob")
    for page in (dave, bob, carol):
        go(page, "Find the bug in my compass", "**/items/*")
        expect(page.get_by_text("Is there iron in the table?")).to_be_visible()
    for page in (bob, carol):
        expect(page.get_by_role("button", name=re.compile("pay the bounty"))).to_have_count(0)
    dave.get_by_role("button", name="pay the bounty: 5,000 sats").click()
    phase(dave, "waiting")
    cheat(dave, "pay")
    phase(dave, "paid")
    for page in (dave, bob):
        expect(page.get_by_text("has won the bounty of 5,000 sats")).to_be_visible()
    expect(dave.get_by_role("button", name=re.compile("pay the bounty"))).to_have_count(0)
    assert served.forum.flow.balance("bob") == before + sats(5_000)


def test_the_money_of_a_logged_out_person_is_held(
    served: Served, seen_by: SeenBy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.forum.cheats.CAPTURES_HELD", 10_000)
    nobody, bob = seen_by(None), seen_by("bob")
    go(bob, TEA, "**/items/*")
    write_comment(nobody, "From nobody")
    phase(nobody, "waiting")
    cheat(nobody, "hold")
    phase(nobody, "held")
    expect(bob.locator("#tree").get_by_text("From nobody")).to_have_count(0)
    cheat(nobody, "pay")
    phase(nobody, "paid")
    expect(bob.locator("#tree").get_by_text("From nobody")).to_be_visible()


def test_what_is_paid_twice_is_not_lost(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "ann")
    ann = seen_by("ann")
    write_post(ann, "Rivers at night")
    phase(ann, "waiting")
    cheat(ann, "pay twice")
    ann.wait_for_url("**/items/*")
    expect(ann.locator("#balance")).to_have_text("100 sats")  # her second post in ten minutes


def test_the_owner_changes_a_territory(served: Served, seen_by: SeenBy) -> None:
    carol = seen_by("carol")
    carol.goto(f"{served.url}/territories/tea")
    go(carol, "settings", "**/settings")
    carol.get_by_label("What a post costs in sats").fill("12")
    carol.get_by_label("poll", exact=True).uncheck()
    carol.get_by_label("Bills are paid").select_option("false")
    carol.get_by_role("button", name="save").click()
    carol.wait_for_url("**/territories/tea")
    expect(carol.get_by_text("12 sats a post")).to_be_visible()
    line = served.forum.territories.one("tea")
    assert line is not None
    assert (line.post_kinds, line.auto_renew) == (("link", "discussion", "bounty", "job"), False)


def write_job(page: Page) -> None:
    page.get_by_label("Title").fill("A cartographer")
    page.get_by_label("Company").fill("Maps")
    page.get_by_label("Where to apply").fill("jobs@maps.example")
    page.get_by_label("It can be done from anywhere").check()
    page.get_by_label("Text").fill("Draw what is there.")


def write_poll(page: Page) -> None:
    page.get_by_label("Title").fill("Ink or pencil?")
    page.get_by_label("Option 1").fill("ink")
    page.get_by_label("Option 2").fill("pencil")


@pytest.mark.parametrize(
    ("kind", "write", "change", "seen"),
    [
        ("job", write_job, ("Company", "Better maps"), "Better maps, from anywhere"),
        ("poll", write_poll, ("Option 3", "chalk"), "chalk"),
    ],
)
def test_what_has_fields_of_its_own_is_written_and_edited(
    served: Served,
    seen_by: SeenBy,
    kind: str,
    write: Callable[[Page], None],
    change: tuple[str, str],
    seen: str,
) -> None:
    ann = seen_by("ann")
    ann.goto(f"{served.url}/new/{kind}")
    write(ann)
    ann.locator("form.write-post button").click()
    ann.wait_for_url("**/items/*")
    edit_link(ann)
    label, text = change
    ann.get_by_label(label).fill(text)
    ann.get_by_role("button", name="save").click()
    ann.wait_for_url(re.compile(r"/items/[^/]+$"))
    expect(ann.get_by_text(seen)).to_be_visible()


def test_an_edit_without_scripts(served: Served, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "person", "value": "ann", "url": served.url}])
    ann = context.new_page()
    tea = served.forum.items.search("long night tea", viewer=None)[0]["id"]
    ann.goto(f"{served.url}/items/{tea}/edit")
    ann.get_by_label("Title").fill("Which tea for a short night?")
    ann.get_by_role("button", name="save").click()
    expect(ann.get_by_role("heading", name="Which tea for a short night?")).to_be_visible()
    expect(ann.locator("#post").get_by_text("~tea")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_new_pages_are_accessible(served: Served, seen_by: SeenBy, scheme: Any) -> None:
    dave = seen_by("dave")
    dave.emulate_media(color_scheme=scheme)
    line = dave.locator("li", has_text=TEA).locator("form")
    line.evaluate("one => { one.dataset.undoS = 3600; }")
    zap(dave, TEA, 50)
    undo_buttons(dave, 1)
    assert serious(dave) == []
    dave.get_by_role("button", name="undo").click()
    compass = served.forum.items.search("compass", viewer=None)[0]["id"]
    for path in (f"/items/{compass}", f"/items/{compass}/edit", "/new/job", "/people/dave"):
        assert serious(all_open(dave, served.url + path)) == [], path
    for path in ("/territories/maps/settings", "/territories", "/wallet", "/rewards"):
        assert serious(all_open(dave, served.url + path)) == [], path


def all_open(page: Page, url: str) -> Page:
    page.goto(url)
    for details in page.locator("details").all():
        details.evaluate("one => { one.open = true; }")
    return page


def test_new_pages_fit_a_narrow_screen(served: Served, seen_by: SeenBy) -> None:
    ann = seen_by("ann")
    ann.set_viewport_size({"width": 320, "height": 640})
    tea = served.forum.items.search("long night tea", viewer=None)[0]["id"]
    for path in (f"/items/{tea}", f"/items/{tea}/edit", "/new/job", "/people/ann", "/search?q=tea"):
        all_open(ann, served.url + path)
        assert ann.evaluate("document.documentElement.scrollWidth") <= 320, path
