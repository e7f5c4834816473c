"""HTML and script in every text of every action: on all pages of the forum they are only text."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from examples.forum.forum import SETTINGS, Forum
from examples.forum.site import site
from paidflow import sats
from paidflow.actions.system_action import SystemAction
from paidflow.errors import InvalidField, PaidflowError
from paidflow.forum import ACTIONS, Comment, Discussion, Job, Link, TerritoryCreate

EVIL = "\"'><img src=x onerror=o()><script>"
ADDRESSES = (
    "javascript:owned()",
    " javascript:owned()//",
    "data:text/html,<script>owned()</script>",
)
POST: dict[str, Any] = {"title": "A title", "text": "A text", "territory": "tea", "upload_ids": []}
POST["forwards"] = [{"actor": "bob", "percent": 10}]
LINK = POST | {"url": "https://log.example/paid"}
DAY = {"day": "2030-01-31"}

POSTS = ("bounty", "discussion", "job", "link", "poll")

Arguments = dict[str, Any]
Place = tuple[str | int, ...]


class Seen(HTMLParser):
    """What a page would run, where it leads, and its texts.

    Args:
        page: its HTML.
    """

    RUNS: ClassVar = {"img", "iframe", "object", "embed", "base", "frame", "applet", "math"}
    LEAD: ClassVar = {"href", "src", "action", "formaction", "data", "xlink:href", "poster"}

    def __init__(self, page: str) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.leads: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        own = tag == "script" and values.get("src", "").startswith("/static/")
        handlers = [name for name in values if name.startswith("on")]
        if (tag == "script" and not own) or tag in self.RUNS or handlers:
            self.runs.append(self.get_starttag_text() or tag)
        self.texts += values.values()
        for name in self.LEAD & values.keys() if tag != "link" else ():
            where = values[name].strip()
            if urlsplit(where).scheme not in ("", "http", "https", "lightning"):
                self.runs.append(where)
            if tag == "a":
                self.leads.add(where)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_what_is_looked_for_is_found() -> None:
    assert Seen(f"<p>{EVIL}</p>").runs == ["<img src=x onerror=o()>", "<script>"]
    for address in ADDRESSES:
        assert Seen(f'<a href="{address}">').runs
    assert Seen("<p onclick='owned()'>").runs


def mine(forum: Forum, actor: str) -> dict[str, str]:
    """Things that belong to an actor, so that he can change them."""
    territory = f"of_{secrets.token_hex(8)}"
    created = TerritoryCreate(name=territory, description="mine", base_cost_sats=10)
    forum.flow.perform(created, actor=actor)
    post = forum.flow.perform(Discussion(title="A title"), actor=actor).action_id
    comment = forum.flow.perform(Comment(parent_id=post, text="gm"), actor=actor).action_id
    return {"territory": territory, "post": post, "comment": comment}


def first(forum: Forum, kind: str) -> str:
    """The id of the oldest item of a kind."""
    with forum.flow.transaction() as tx:
        found = tx.execute(
            "select id from forum_items where kind = :kind order by id limit 1", kind=kind
        ).fetchone()
    assert found is not None
    return found["id"]


def arguments(forum: Forum, actor: str) -> dict[str, Arguments]:
    """What can be requested, for each kind, with all its texts."""
    own = mine(forum, actor)
    amount = {"item_id": own["post"], "amount_sats": 10_000}
    terms = {"name": own["territory"], "description": "Leaves", "post_kinds": ["link"]}
    seen = {"name": own["territory"], "seen_version": 1}
    money = {"amount": 1_000, "currency": "BTC"}
    return {
        "auto-withdrawal": {"destination": "somewhere", "amount": money, "fee_max": money},
        "bio": {"text": "I am", "upload_ids": []},
        "boost": amount,
        "bounty": POST | {"bounty_sats": 1_000},
        "bounty-payment": {"item_id": first(forum, "bounty")},
        "buy-credits": {"amount_sats": 10},
        "comment": {"parent_id": own["post"], "text": "gm", "upload_ids": []},
        "delete-item": {"item_id": own["comment"]},
        "discussion": POST,
        "donate": {"amount_sats": 10},
        "downzap": amount,
        "gift": {"to": "bob", "amount_sats": 10},
        "job": LINK | {"company": "A firm", "location": "Here"},
        "link": LINK,
        "poll": POST | {"options": ["one", "two"]},
        "poll-vote": {"item_id": first(forum, "poll"), "option": 1},
        "rewards-payout": DAY | {"rewards_msats": {"ann": 1}},
        "streak-reward": DAY | {"winner": "ann", "streak_days": 3},
        "territory-billing": seen,
        "territory-create": terms | {"name": f"of_{secrets.token_hex(8)}"},
        "territory-renewal": seen,
        "territory-revenue": DAY | {"name": "tea", "owner": "carol", "amount_msats": 10_000},
        "territory-transfer": seen | {"to": "bob"},
        "territory-unarchive": terms | seen,
        "territory-update": terms | seen,
        "update-comment": {"item_id": own["comment"], "text": "gm", "upload_ids": []},
        "update-post": {"item_id": own["post"], "post": POST},
        "upload": {"upload_ids": []},
        "zap": amount,
    }


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Where a text could be: each that is there, and one in each empty list."""
    if isinstance(value, str):
        yield above
    elif isinstance(value, dict):
        for name, inside in value.items():
            yield from places(inside, (*above, name))
    elif isinstance(value, list):
        for number, inside in enumerate(value or [""]):
            yield from places(inside, (*above, number))


def put(whole: Arguments, place: Place, text: str) -> Arguments:
    """The same with another text at a place."""
    changed = deepcopy(whole)
    at: Any = changed
    for step in place[:-1]:
        at = at[step]
    if isinstance(at, list) and not at:
        at.append(text)
    else:
        at[place[-1]] = text
    return changed


def test_no_text_is_forgotten(forum: Forum) -> None:
    forum.flow.grant("writer", sats(1_000_000), key="writer")
    known = arguments(forum, "writer")
    assert set(known) == {action.kind for action in ACTIONS}
    for action in ACTIONS:
        texts = {name for name, one in action.model_fields.items() if "str" in str(one.annotation)}
        assert texts - {"billing"} <= set(known[action.kind]), action.kind


def write_everywhere(forum: Forum, text: str) -> set[str]:
    """Have the text in each place of each action; returns where it was accepted."""
    accepted: set[str] = set()
    everything = arguments(forum, rich(forum))
    for action in ACTIONS:
        for place in places(everything[action.kind]):
            actor = rich(forum, text)
            asker = SETTINGS.system if issubclass(action, SystemAction) else actor
            whole = put(arguments(forum, actor)[action.kind], place, text)
            try:
                forum.flow.perform(action.model_validate(whole), actor=asker)
            except (PaidflowError, ValidationError):
                continue
            accepted.add(".".join((action.kind, *map(str, place))))
    forum.worker().run_until_idle()
    return accepted


def rich(forum: Forum, name: str = "writer") -> str:
    """Somebody new with enough in the purse."""
    actor = f"{name} {secrets.token_hex(4)}"
    forum.flow.grant(actor, sats(1_000_000), key=actor)
    return actor


def crawl(client: httpx.Client, person: str | None) -> dict[str, Seen]:
    """Every page that somebody comes to from the front page and from those of the operator."""
    client.cookies.clear()
    if person is not None:
        client.cookies.set("person", person)
    found: dict[str, Seen] = {}
    waiting = ["/", "/recent", "/operator/"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.headers["content-type"].startswith("text/html"):
            found[path] = Seen(answer.text)
            assert "default-src" in answer.headers["content-security-policy"], path
            leads = (urljoin(path, one) for one in found[path].leads)
            waiting += [one for one in leads if one.startswith("/") and not one.startswith("//")]
    return found


OF_THE_SYSTEM = {action.kind for action in ACTIONS if issubclass(action, SystemAction)}
ACCEPTED = {
    *("bio.text", "comment.text", "update-comment.text"),
    *(f"{kind}.{name}" for kind in POSTS for name in ("title", "text")),
    *("poll.options.0", "poll.options.1", "job.company", "job.location"),
    *("update-post.post.title", "update-post.post.text"),
    *("territory-create.description", "territory-update.description"),
}


@pytest.mark.parametrize("text", [EVIL, ADDRESSES[0]], ids=["html", "address"])
def test_texts_are_only_texts(forum: Forum, text: str) -> None:
    accepted = write_everywhere(forum, text)
    assert {one for one in accepted if one.split(".")[0] not in OF_THE_SYSTEM} == ACCEPTED
    with TestClient(site(forum)) as client:
        for person in ("bob", "dave", None):
            pages = crawl(client, person)
            assert {path: seen.runs for path, seen in pages.items() if seen.runs} == {}
            texts = "\n".join(text for seen in pages.values() for text in seen.texts)
            assert texts.count(text) > len(accepted)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("action", [Job, Link])
def test_links_lead_to_pages_only(forum: Forum, action: type[Job | Link], address: str) -> None:
    actor = rich(forum)
    whole = arguments(forum, actor)[action.kind]
    forum.flow.perform(action.model_validate(whole), actor=actor)
    with pytest.raises(InvalidField, match="https"):
        forum.flow.perform(action.model_validate(whole | {"url": address}), actor=actor)
