"""examples/forum: everything that a person can do is on some page that links lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from examples.forum.forum import PEOPLE, Forum
from examples.forum.seed import seeded
from examples.forum.site import site
from examples.forum.words import deed, in_sats
from paidflow import sats
from paidflow.actions.territory_billing import bill_territories
from paidflow.errors import InvalidField
from paidflow.forum import (
    ACTIONS,
    Bio,
    Boost,
    Comment,
    Discussion,
    Donate,
    Gift,
    Link,
    TerritoryCreate,
    TerritoryTransfer,
    UpdatePost,
)
from paidflow.testing import ManualClock

EXCEPTED = {
    "auto-withdrawal": "the task performs it, for those who have set an address",
    "rewards-payout": "the task performs it, once a day",
    "streak-reward": "the task performs it, once a day",
    "territory-renewal": "the task performs it, when a bill is due",
    "territory-revenue": "the task performs it, once a day",
    "upload": "this forum keeps no files; other actions carry it",
}
PAGES_MAX = 200


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2030, 1, 1, 12, tzinfo=UTC))


@pytest.fixture
def forum(tmp_path: Path, clock: ManualClock) -> Iterator[Forum]:
    opened = seeded(tmp_path, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def client(forum: Forum) -> TestClient:
    return TestClient(site(forum))  # without its worker, so that time stands still


def be(client: TestClient, person: str | None) -> None:
    client.cookies.clear()
    if person:
        client.cookies.set("person", person)


def offered(client: TestClient, person: str | None) -> set[str]:
    """The kinds of all forms on pages that links lead to from the first one."""
    be(client, person)
    kinds: set[str] = set()
    seen, waiting = {"/"}, ["/"]
    while waiting:
        assert len(seen) < PAGES_MAX
        answer = client.get(waiting.pop())
        assert answer.status_code == 200, answer.url
        kinds.update(re.findall(r'data-kind="([^"]*)"', answer.text))
        links = re.findall(r'href="(/[^"#]*)', answer.text)
        ours = {link for link in links if not link.startswith(("/pay/", "/static/"))} - seen
        seen |= ours
        waiting += sorted(ours)
    return kinds


def test_everything_that_a_person_can_do_is_on_some_page(
    forum: Forum, client: TestClient, clock: ManualClock
) -> None:
    terms = TerritoryCreate(name="old", description="It ends", auto_renew=False)
    forum.flow.perform(terms, actor="ann")
    found: set[str] = set()
    for later_days in (0, 31, 6):  # paid, in grace, stopped
        clock.tick(days=later_days)
        bill_territories(forum.flow)
        forum.worker().run_until_idle()
        for person in PEOPLE:
            found |= offered(client, person)
    kinds = {action.kind for action in ACTIONS}
    assert kinds - found == set(EXCEPTED)
    assert found <= kinds


def test_who_is_logged_out_is_offered_what_he_can_do(client: TestClient) -> None:
    anonymous = {action.kind for action in ACTIONS if action.anonymous}
    offered_to_nobody = offered(client, None)
    assert offered_to_nobody - anonymous == {"poll-vote", "job"}
    assert anonymous - offered_to_nobody == {"update-comment", "update-post", "upload"}


@pytest.mark.parametrize("person", ["bob", None])
def test_buttons_say_what_it_costs_at_least(
    forum: Forum, client: TestClient, clock: ManualClock, person: str | None
) -> None:
    clock.tick(days=1)  # who has just written something pays more for the next
    be(client, person)
    (item,) = [one for one in forum.items.recent(viewer=None) if one["title"].startswith("Which")]
    key = "k" * 64
    written = Comment(parent_id=item["id"], text="Mint.")
    comment = forum.flow.perform(written, actor=person, idempotency_key=key)
    post = forum.flow.perform(Discussion(title="Mint"), actor=person, idempotency_key="p" + key)
    for path, verb, cost in (
        (f"/items/{item['id']}", "comment", comment.cost),
        ("/new/discussion", "post", post.cost),
    ):
        assert f"{verb}, from {cost}" in client.get(path).text


def page(client: TestClient, person: str, path: str) -> str:
    be(client, person)
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2]))


def test_notifications_are_sentences(forum: Forum, client: TestClient) -> None:
    forum.flow.perform(Gift(to="bob", amount_sats=7), actor="ann")
    tea = forum.items.search("long night tea", viewer=None)[0]["id"]
    forum.flow.perform(Comment(parent_id=tea, text="White?"), actor="bob")
    _empty_purse(forum, "ann")
    unpaid = forum.flow.perform(Discussion(title="Not paid in time"), actor="ann")
    assert forum.bank is not None
    forum.bank.expire(unpaid.invoice_id or "")
    forum.worker().run_until_idle()
    said = page(client, "ann", "/notifications")
    for sentence in (
        "What you wrote was zapped 2 times; it has brought you 161.7 sats.",
        "Somebody has answered you.",
        "You have not paid for a discussion (100 sats): its invoice has expired.",
    ):
        assert sentence in said
    assert "You were given 7 sats." in page(client, "bob", "/notifications")


def test_nothing_is_given_to_nobody(forum: Forum) -> None:
    for gift in (
        Gift(to="mallory", amount_sats=1),
        TerritoryTransfer(name="tea", seen_version=1, to="mallory"),
    ):
        with pytest.raises(InvalidField, match="no such person"):
            forum.flow.perform(gift, actor="carol")


def test_every_kind_has_words() -> None:
    for action in ACTIONS:
        assert deed(action.kind) != action.kind
    assert deed(None) == "a grant"


@pytest.mark.parametrize(
    ("amount_msats", "said"),
    [(0, "0"), (1, "0.001"), (-2_500, "-2.5"), (1_000, "1"), (1_234_567_000, "1,234,567")],
)
def test_amounts_are_exact(amount_msats: int, said: str) -> None:
    assert in_sats(amount_msats) == said


def test_a_statement_says_what_it_was_for(forum: Forum, client: TestClient) -> None:
    said = page(client, "dave", "/wallet")
    for words in ("a grant now 500,000", "a new territory now -100,000", "a zap now 700"):
        assert words in said
    be(client, "dave")
    item = forum.items.search("draw a map", viewer=None)[0]["id"]
    assert f'<a href="/items/{item}">a zap</a>' in client.get("/wallet").text


def test_the_pool_is_divided_and_shown(
    forum: Forum, client: TestClient, clock: ManualClock
) -> None:
    forum.flow.perform(Donate(amount_sats=1_000), actor="bob")
    assert "Nothing yet" in page(client, "dave", "/rewards")
    clock.tick(days=1)
    forum.worker().run_until_idle()
    assert re.search(r"rewards now [\d,.]+ ", page(client, "dave", "/rewards"))


def test_boosts_are_seen_with_their_givers(forum: Forum, client: TestClient) -> None:
    link = forum.items.search("event log", viewer=None)[0]["id"]
    forum.flow.perform(Boost(item_id=link, amount_sats=20_000), actor="carol")
    forum.worker().run_until_idle()
    hot = [item["id"] for item in forum.items.hot(viewer=None)]
    assert hot[0] == link
    said = page(client, "ann", f"/items/{link}")
    assert "boosted by carol with 20000 sats" in said
    for place, item_id in enumerate(hot, start=1):
        assert f"Number {place} of the hot list" in page(client, "ann", f"/items/{item_id}")


def test_a_profile_has_a_bio_and_statistics_for_its_owner(forum: Forum, client: TestClient) -> None:
    forum.flow.perform(Bio(text="I drink tea"), actor="ann")
    forum.worker().run_until_idle()
    for person, own in (("ann", True), ("bob", False)):
        said = page(client, person, "/people/ann")
        assert "I drink tea" in said
        assert ("what you did in the last 30 days" in said) is own


def test_search_keeps_its_words(client: TestClient) -> None:
    be(client, None)
    text = client.get("/search?q=tea%22").text
    assert text.count('value="tea&#34;"') == 2


def test_an_edit_repeats_what_it_does_not_change(forum: Forum, client: TestClient) -> None:
    """Forwards are no field that people see, and must not get lost."""
    asked = Link.model_validate(
        {
            "title": "Forwarded",
            "url": "https://log.example/other",
            "forwards": [{"actor": "bob", "percent": 30}],
        }
    )
    item = forum.flow.perform(asked, actor="ann").action_id
    be(client, "ann")
    text = client.get(f"/items/{item}/edit").text
    forwards = re.search(r'name="post.forwards" data-json value="([^"]*)"', text)
    assert forwards is not None
    assert forwards[1].replace("&#34;", '"') == '[{"actor": "bob", "percent": 30}]'
    kept = UpdatePost(item_id=item, post=asked.model_copy(update={"title": "Forwarded on"}))
    forum.flow.perform(kept, actor="ann")
    assert client.get(f"/items/{item}/edit").text.count("data-json") == 1


def test_nobody_edits_what_is_not_his(forum: Forum, client: TestClient) -> None:
    tea = forum.items.search("long night tea", viewer=None)[0]["id"]
    for person, status in (("ann", 200), ("bob", 404), (None, 404)):
        be(client, person)
        assert client.get(f"/items/{tea}/edit").status_code == status


def test_too_late_to_edit_is_said(forum: Forum, client: TestClient, clock: ManualClock) -> None:
    tea = forum.items.search("long night tea", viewer=None)[0]["id"]
    assert "There is time for it" in page(client, "ann", f"/items/{tea}/edit")
    clock.tick(minutes=11)
    said = page(client, "ann", f"/items/{tea}/edit")
    assert "can be edited for 10 minutes" in said
    be(client, "ann")
    assert 'data-kind="update-post"' not in client.get(f"/items/{tea}/edit").text


def _empty_purse(forum: Forum, person: str) -> None:
    balance = forum.flow.balance(person)
    forum.flow.perform(Gift(to="carol", amount_sats=balance.amount // 1000), actor=person)
    assert forum.flow.balance(person) < sats(1)
