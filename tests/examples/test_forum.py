"""examples/forum without a browser: every page, for everybody, and what is not for everybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from examples.forum.forum import Forum
from examples.forum.seed import seeded
from examples.forum.site import site
from paidflow.forum import Discussion, Gift
from paidflow.operating.audit import audit

PAGES = (
    *("/", "/recent", "/top", "/search?q=tea", "/people/ann", "/territories", "/territories/tea"),
    *("/rewards", "/new/poll", "/new/discussion", "/new/link", "/new/bounty"),
)
OWN_PAGES = ("/wallet", "/notifications")


@pytest.fixture(scope="module")
def forum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forum]:
    opened = seeded(tmp_path_factory.mktemp("forum"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(forum: Forum) -> Iterator[TestClient]:
    with TestClient(site(forum)) as client:
        yield client


def be(client: TestClient, person: str) -> None:
    client.cookies.clear()
    if person:
        client.cookies.set("person", person)


@pytest.mark.parametrize("path", [*PAGES, *OWN_PAGES])
@pytest.mark.parametrize("person", ["ann", ""])
def test_every_page(client: TestClient, person: str, path: str) -> None:
    be(client, person)
    own = path in OWN_PAGES and not person
    answer = client.get(path)
    assert answer.status_code == (404 if own else 200)


def test_the_operator_is_dave(client: TestClient) -> None:
    for person, status in (("dave", 200), ("ann", 404), ("", 404)):
        be(client, person)
        assert client.get("/operator/").status_code == status


def test_items(client: TestClient, forum: Forum) -> None:
    be(client, "bob")
    for item in forum.items.recent(viewer="bob"):
        page = client.get(f"/items/{item['id']}")
        assert page.status_code == 200
        assert item["title"] in page.text
    assert client.get("/items/nothing").status_code == 404


def test_what_is_not_paid_is_on_no_page_of_others(client: TestClient, forum: Forum) -> None:
    credits = forum.flow.balance("ann").amount // 1000
    forum.flow.perform(Gift(to="bob", amount_sats=credits), actor="ann")
    secret = forum.flow.perform(Discussion(title="Not yet for others"), actor="ann")
    pages = [*PAGES, "/search?q=others", f"/items/{secret.action_id}"]
    for person in ("bob", "", "nobody-of-them"):
        be(client, person)
        assert not [path for path in pages if "Not yet for others" in client.get(path).text]
    be(client, "ann")
    assert "Not yet for others" in client.get("/recent").text


def test_the_switcher_knows_its_people_only(client: TestClient) -> None:
    be(client, "")
    assert client.post("/switch", content="name=ann").status_code == 200
    assert "wallet" in client.get("/").text
    elsewhere = {"origin": "https://evil.example"}
    assert client.post("/switch", content="name=bob", headers=elsewhere).status_code == 403
    client.post("/switch", content="name=mallory")
    assert client.cookies.get("person") is None


def test_the_books_are_right(forum: Forum) -> None:
    looked_at = list(audit(forum.flow))
    assert looked_at
    assert [found for found in looked_at if not found.agrees] == []
