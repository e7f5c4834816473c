"""Posts of every kind: what each of them needs, and what is written of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from paidflow import PaidAction
from paidflow.errors import LoginRequired
from paidflow.forum import Bounty, Discussion, ForumSettings, Forward, Job, Link, Poll
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.payer import pay
from tests.actions.support import refused, rows
from tests.forum import Forum, open_forum

OPTIONS = "select position, text from forum_poll_options order by position"
FORWARDS = "select actor, percent from forum_forwards order by actor"


def forwarding(*lines: tuple[str, int]) -> Discussion:
    """A discussion that forwards to people."""
    forwards = tuple(Forward(actor=actor, percent=percent) for actor, percent in lines)
    return Discussion(title="For all of you", forwards=forwards)


def test_a1_forwards_are_written(forum: Forum) -> None:
    forum.done(forwarding(("bob", 60), ("carol", 40)))
    assert rows(forum, FORWARDS) == [("bob", 60), ("carol", 40)]


WRONG_FORWARDS: dict[str, list[tuple[str, int]]] = {
    "six": [(f"person-{number}", 10) for number in range(6)],
    "twice the same": [("bob", 10), ("bob", 20)],
    "oneself": [("ann", 10)],
    "nobody": [("", 10)],
    "nothing": [("bob", 0)],
    "less than nothing": [("bob", -10), ("carol", 50)],
    "more than all": [("bob", 101)],
    "more than all together": [("bob", 60), ("carol", 41)],
}


def test_a8_forwards_are_limited(forum: Forum) -> None:
    for case, lines in WRONG_FORWARDS.items():
        with refused("forwards", case=case):
            forum.flow.perform(forwarding(*lines), actor="ann")
    assert rows(forum, "select count(*) from forum_items") == [(0,)]


class OnlyBob:
    """Nobody but bob has an account."""

    def knows(self, ctx: object, actor: str) -> bool:
        return actor == "bob"


def test_a8_forwards_go_to_people_who_exist(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    with open_forum(store_url, sandbox, clock, ForumSettings(people=OnlyBob())) as forum:
        with refused("forwards", "carol"):
            forum.flow.perform(forwarding(("carol", 10)), actor="ann")
        forum.done(forwarding(("bob", 10)))


def test_a1_poll_options_are_written_and_a_vote_costs_a_sat(forum: Forum) -> None:
    ends = forum.clock.now() + timedelta(days=1)
    poll = forum.done(Poll(title="Tea or coffee?", options=("tea ", "coffee"), expires_at=ends))
    assert rows(forum, OPTIONS) == [(1, "tea"), (2, "coffee")]
    row = forum.item(poll)
    assert row is not None
    assert row["poll_cost_msats"] == 1_000


def test_a1_a_bounty_is_not_charged_when_it_is_promised(forum: Forum) -> None:
    receipt = forum.paid(Bounty(title="Who finds it?", bounty_sats=700_000))
    row = forum.item(receipt.action_id)
    assert row is not None
    assert (receipt.cost.amount, row["bounty_msats"]) == (1_000, 700_000_000)


def poll(*options: str, after: timedelta | None = None) -> Callable[[Forum], PaidAction]:
    """A poll with options that ends after some time."""
    return lambda forum: Poll(
        title="Tea or coffee?",
        options=options,
        expires_at=None if after is None else forum.clock.now() + after,
    )


def job(**changed: object) -> Callable[[Forum], PaidAction]:
    """A job with other fields."""
    fields: dict[str, object] = {
        "title": "Taster",
        "text": "Sip.",
        "company": "Tea & Co",
        "url": "jobs@tea.example",
        "location": "London",
    }
    return lambda forum: Job.model_validate(fields | changed)


def link(url: str) -> Callable[[Forum], PaidAction]:
    """A link to somewhere."""
    return lambda forum: Link(title="Look at this", url=url)


def bounty(amount_sats: int) -> Callable[[Forum], PaidAction]:
    """A bounty of so much."""
    return lambda forum: Bounty(title="Who finds it?", bounty_sats=amount_sats)


REFUSED: dict[str, tuple[str, Callable[[Forum], PaidAction]]] = {
    "poll with one option": ("options", poll("tea")),
    "poll with eleven options": ("options", poll(*"abcdefghijk")),
    "poll with a long option": ("options", poll("tea", "c" * 41)),
    "poll with an empty option": ("options", poll("tea", " ")),
    "poll with an option twice": ("options", poll("tea", "tea ")),
    "poll that ends too soon": ("expires_at", poll("tea", "coffee", after=timedelta(hours=23))),
    "bounty too small": ("bounty_sats", bounty(999)),
    "bounty too large": ("bounty_sats", bounty(700_001)),
    "link without a host": ("url", link("https://")),
    "link of a script": ("url", link("javascript:alert(1)")),
    "link that is no address": ("url", link("http://[")),
    "link with a blank": ("url", link("https://example.org/a b")),
    "link too long": ("url", link("https://example.org/" + "a" * 2_048)),
    "job without a company": ("company", job(company="")),
    "job without a text": ("text", job(text=None)),
    "job without a place": ("location", job(location=None)),
    "job without a way to apply": ("url", job(url="call me")),
}


def test_a8_what_a_kind_of_post_needs(forum: Forum) -> None:
    for case, (field, action) in REFUSED.items():
        with refused(field, case=case):
            forum.flow.perform(action(forum), actor="ann")
    assert rows(forum, "select count(*) from forum_items") == [(0,)]


ALLOWED = [
    poll(*"abcdefghij", after=timedelta(days=1)),
    bounty(1_000),
    link("http://localhost:8080/a?b=c#d"),
    job(),
    job(location=None, remote=True),
    job(url="https://tea.example/jobs"),
]


def test_a8_what_is_just_allowed(forum: Forum) -> None:
    for action in ALLOWED:
        forum.done(action(forum))
        forum.clock.tick(601)


def test_a8_a_job_needs_somebody_who_is_logged_in(forum: Forum) -> None:
    with pytest.raises(LoginRequired):
        forum.flow.perform(job()(forum))


def test_a_logged_out_poll_has_its_options_once_it_is_paid(forum: Forum) -> None:
    receipt = forum.pending(poll("tea", "coffee")(forum), None)
    assert rows(forum, OPTIONS) == []
    pay(forum.flow, forum.sandbox, receipt)
    assert len(rows(forum, OPTIONS)) == 2
