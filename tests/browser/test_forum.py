"""The forum of examples/forum, seen by two people at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

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
    vote,
    votes,
    write_comment,
    write_post,
    zap,
    zapped,
)
from tests.waiting import wait_until

__all__ = ["seen_by", "served"]

pytestmark = pytest.mark.browser

LATER = "() => new Promise((resolve) => setTimeout(resolve, 1000))"


def test_a_post_is_seen_by_its_author_only_until_it_is_paid(
    served: Served, seen_by: SeenBy
) -> None:
    empty_purse(served, "ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, "Rivers at night")
    phase(ann, "waiting")
    mine = seen_by("ann")
    expect(mine.get_by_text("Rivers at night")).to_be_visible()
    expect(mine.get_by_text("pending: pay")).to_be_visible()
    expect(bob.get_by_text(TEA)).to_be_visible()
    expect(bob.get_by_text("Rivers at night")).to_have_count(0)
    cheat(ann, "pay")
    expect(bob.get_by_text("Rivers at night")).to_be_visible()  # without a reload
    expect(mine.get_by_text(re.compile(r"edit 9:\d\d")).first).to_be_visible()


def test_expired_and_tried_again_from_the_notifications(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, "Rivers at night")
    phase(ann, "waiting")
    cheat(ann, "let it expire")
    phase(ann, "expired")
    ann.get_by_role("button", name="Close").click()
    ann.goto(f"{served.url}/notifications")
    ann.get_by_role("button", name="retry payment").click()
    phase(ann, "waiting")
    cheat(ann, "pay")
    phase(ann, "paid")
    expect(bob.get_by_text("Rivers at night")).to_be_visible()


def test_a_logged_out_comment_is_paid_first(served: Served, seen_by: SeenBy) -> None:
    nobody, bob = seen_by(None), seen_by("bob")
    go(bob, TEA, "**/items/*")
    write_comment(nobody, "From nobody")
    phase(nobody, "waiting")
    expect(nobody.locator("#tree").get_by_text("From nobody")).to_have_count(0)
    cheat(nobody, "pay")
    phase(nobody, "paid")
    expect(bob.locator("#tree").get_by_text("From nobody")).to_be_visible()


def test_from_credits_nothing_is_asked(served: Served, seen_by: SeenBy) -> None:
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, "Rivers by day")
    expect(ann.get_by_role("heading", name="Rivers by day")).to_be_visible()
    expect(ann.locator("dialog")).to_have_count(0)
    expect(bob.get_by_text("Rivers by day")).to_be_visible()


def test_a_zap_counts_at_once_and_is_taken_off_when_it_fails(
    served: Served, seen_by: SeenBy
) -> None:
    empty_purse(served, "bob")
    bob, carol = seen_by("bob"), seen_by("carol")
    before = zapped(bob, TEA)
    zap(bob, TEA, 50)
    phase(bob, "waiting")
    assert zapped(bob, TEA) == before + 50
    assert zapped(carol, TEA) == before
    cheat(bob, "let it expire")
    phase(bob, "expired")
    bob.get_by_role("button", name="Close").click()
    wait_until(lambda: zapped(bob, TEA) == before)
    zap(bob, TEA, 50)
    phase(bob, "waiting")
    cheat(bob, "pay")
    phase(bob, "paid")
    wait_until(lambda: zapped(carol, TEA) == before + 50)


def test_what_somebody_writes_outlives_a_change(served: Served, seen_by: SeenBy) -> None:
    bob = seen_by("bob")
    amount = bob.locator("li", has_text=TEA).get_by_label("Sats to zap")
    amount.fill("50")
    served.forum.flow.perform(Discussion(title="Rivers by day"), actor="ann")
    expect(bob.get_by_text("Rivers by day")).to_be_visible()
    expect(amount).to_have_value("50")
    expect(amount).to_be_focused()


def test_a_link_is_followed_although_the_list_changes_while_it_is_pressed(
    served: Served, seen_by: SeenBy
) -> None:
    bob = seen_by("bob")
    link = bob.get_by_role("link", name=TEA)

    def is_pressed() -> bool:
        """It may have moved on the way to it."""
        bob.mouse.up()
        link.hover()
        bob.mouse.down()
        return link.evaluate("(it) => it.matches(':active')")

    wait_until(is_pressed)
    served.forum.flow.perform(Discussion(title="Rivers by day"), actor="ann")
    bob.evaluate(LATER)  # if it did not wait, the list would be another one by then
    bob.mouse.up()
    bob.wait_for_url("**/items/*")


def test_the_list_changes_once_nothing_is_pressed(served: Served, seen_by: SeenBy) -> None:
    bob = seen_by("bob")
    bob.get_by_role("heading").first.hover()
    bob.mouse.down()
    served.forum.flow.perform(Discussion(title="Rivers by day"), actor="ann")
    bob.evaluate(LATER)
    bob.mouse.up()
    expect(bob.get_by_text("Rivers by day")).to_be_visible()


def test_counters_that_follow_late_are_shown(served: Served, seen_by: SeenBy) -> None:
    carol = seen_by("carol")
    before = zapped(carol, TEA)
    (tea,) = [one["id"] for one in served.forum.items.recent(viewer="bob") if one["title"] == TEA]
    folding, looks = served.forum.folding, []
    with pytest.MonkeyPatch.context() as late:
        late.setattr(folding, "run_once", lambda: 0)
        carol.on("response", lambda answer: looks.append(answer.url))
        served.forum.flow.perform(Zap(item_id=tea, amount_sats=50), actor="bob")
        carol.wait_for_timeout(1_000)  # so that all looks which do not wait for the view are over
        assert looks
        assert zapped(carol, TEA) == before
    expect(carol.locator("li", has_text=TEA).locator(".sats")).to_have_text(str(before + 50))


def test_a_vote_is_blind(served: Served, seen_by: SeenBy) -> None:
    dave = seen_by("dave")
    vote(dave, "never")
    expect(dave.get_by_text("nobody knows for what")).to_be_visible()
    expect(votes(dave, "never")).to_have_text("1")
    assert dave.locator(".poll input:checked").count() == 0


def test_the_server_is_restarted_while_somebody_pays(served: Served, seen_by: SeenBy) -> None:
    empty_purse(served, "ann")
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, "Rivers at night")
    phase(ann, "waiting")
    served.stop()
    served.start()
    cheat(ann, "pay")
    ann.wait_for_url("**/items/*")
    expect(bob.get_by_text("Rivers at night")).to_be_visible()


def test_what_people_write_is_no_script(served: Served, seen_by: SeenBy) -> None:
    evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    ann, bob = seen_by("ann"), seen_by("bob")
    write_post(ann, evil[:80])
    ann.wait_for_url("**/items/*")
    form = ann.locator("main > form.write-comment")
    form.get_by_label("Your comment").fill(evil)
    form.get_by_role("button").click()
    expect(ann.locator("#tree").get_by_text(evil)).to_be_visible()
    bob.goto(ann.url)
    expect(bob.locator("#tree").get_by_text(evil)).to_be_visible()
    assert bob.locator("main script, main img").count() == 0
    assert "owned" not in (bob.evaluate("document.title").split(" · ")[0].replace(evil[:80], ""))


def test_pages_fit_a_narrow_screen(served: Served, seen_by: SeenBy) -> None:
    ann = seen_by("ann")
    ann.set_viewport_size({"width": 320, "height": 640})
    for path in ("/", "/new/poll", "/wallet", "/notifications", "/territories", "/rewards"):
        ann.goto(served.url + path)
        assert ann.evaluate("document.documentElement.scrollWidth") <= 320, path
