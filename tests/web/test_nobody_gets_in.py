"""Strangers at every endpoint of the forum: they learn nothing, and change nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import product

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from examples.forum.forum import Forum
from examples.forum.site import site
from paidflow import Receipt
from paidflow.forum import ACTIONS, Comment, Discussion, Gift

ACTION = "/pay/actions/{action_id}"
OF_ITS_OWNER = {
    ("GET", ACTION),
    ("GET", f"{ACTION}/history"),
    ("GET", f"{ACTION}/panel"),
    ("GET", f"{ACTION}/events"),
    ("GET", f"{ACTION}/checkout"),
    ("POST", f"{ACTION}/checkout"),
    ("POST", f"{ACTION}/retry"),
    ("POST", f"{ACTION}/cancel"),
    ("POST", f"{ACTION}/claim"),
}
OF_THE_OPERATOR = {
    ("GET", "/operator/"),
    ("GET", "/operator/actions/{action_id}"),
    ("POST", "/operator/actions/{action_id}/resolve"),
}
OF_WHOEVER_IS_LOGGED_IN = {
    *(("GET", path) for path in ("/wallet", "/notifications", "/pay/events")),
    ("POST", "/wallet/{name}"),
}
OF_WHOEVER_MADE_IT = ("/items/{item_id}/edit", "/territories/{name}/settings")
PAGES = {
    *(("GET", path) for path in ("/", "/{name}", "/search", "/rewards", "/territories")),
    *(("GET", path) for path in ("/new/{kind}", "/items/{item_id}", "/people/{name}")),
    *(("GET", path) for path in ("/territories/{name}", *OF_WHOEVER_MADE_IT)),
}
SAY_NOTHING = {
    *(("GET", path) for path in ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")),
    *(("GET", f"/pay/{name}") for name in ("paidflow.js", "panel.js", "card.js", "panel.css")),
    *(("GET", path) for path in ("/pay/health", "/pay/ready", "/live")),
}
BY_GATEWAYS = {("POST", "/pay/webhooks/{gateway}")}
BY_ANYBODY = {
    ("POST", "/switch"),
    ("POST", "/cheat/{name}/{invoice_id}"),
    ("POST", "/pay/actions/{kind}/form"),
}
PERFORM = {("POST", f"/pay/actions/{action.kind}") for action in ACTIONS}

ODD_IDS = (
    *("%00", "a%00b", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9"),
    *("x" * 4_000, "-1", "'%20or%201=1--", "%25s", "None", "%0d%0aset-cookie:%20a=b", "%u0000"),
)
OTHER_SITES = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
)


@pytest.fixture(scope="module")
def app(forum: Forum) -> FastAPI:
    """It is not started, so that no worker writes at the same time."""
    return site(forum)


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    client = TestClient(app, follow_redirects=False)
    yield client  # pyright: ignore[reportReturnType]
    client.close()


@pytest.fixture(scope="module")
def secret(forum: Forum) -> Receipt:
    """A post of Ann that waits for its payment."""
    rest = forum.flow.balance("ann").amount // 1000
    forum.flow.perform(Gift(to="bob", amount_sats=rest), actor="ann")
    return forum.flow.perform(Discussion(title="Not yet for others"), actor="ann")


@pytest.fixture(scope="module")
def of_nobody(forum: Forum) -> Receipt:
    """A comment of somebody who is not logged in, and has its proof."""
    tea = forum.items.recent(viewer=None)[-1]["id"]
    return forum.flow.perform(Comment(parent_id=tea, text="From nobody"), actor=None)


def be(client: httpx.Client, person: str | None) -> None:
    client.cookies.clear()
    if person is not None:
        client.cookies.set("person", person)


def routes(app: FastAPI) -> set[tuple[str, str]]:
    found = [(one.methods or set(), one.path) for one in iter_route_contexts(app.routes)]
    return {(method, path) for methods, path in found for method in methods - {"HEAD"}}


def test_every_endpoint_is_attacked_below(app: FastAPI) -> None:
    attacked = OF_ITS_OWNER | OF_THE_OPERATOR | OF_WHOEVER_IS_LOGGED_IN | PAGES
    assert routes(app) == attacked | SAY_NOTHING | BY_GATEWAYS | BY_ANYBODY | PERFORM


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.text


@pytest.mark.parametrize(("method", "path"), sorted(OF_ITS_OWNER))
def test_not_yours_is_like_not_there(
    client: httpx.Client,
    forum: Forum,
    secret: Receipt,
    of_nobody: Receipt,
    method: str,
    path: str,
) -> None:
    def there(action_id: object) -> str:
        return path.format(action_id=action_id)

    before = forum.flow.store.publish()
    guesses = (secret.action_id, str(secret.invoice_id), str(of_nobody.invoice_id))
    proofs = (None, secrets.token_urlsafe(32), "é".encode(), of_nobody.proof)
    sent = "do=cancel" if method == "POST" else None
    for person, proof in product(("bob", "dave", None), proofs):
        be(client, person)
        headers = {} if proof is None else {"payment-proof": proof}
        client.cookies.set("payment-proof", str(of_nobody.proof))
        nothing = said(client.request(method, there("0"), headers=headers, content=sent))
        assert nothing[0] == (401 if person is None and path.endswith("/claim") else 404)
        for guess in guesses:
            answer = client.request(method, there(guess), headers=headers, content=sent)
            assert said(answer) == nothing
    be(client, "ann")
    of_others = {"payment-proof": str(secret.proof)}
    answer = client.request(method, there(of_nobody.action_id), headers=of_others, content=sent)
    assert answer.status_code == 404
    assert forum.flow.store.publish() == before


@pytest.mark.parametrize("person", ["bob", None])
def test_what_is_not_paid_has_no_page(
    client: httpx.Client, secret: Receipt, of_nobody: Receipt, person: str | None
) -> None:
    be(client, person)
    nothing = said(client.get("/items/0"))
    assert nothing[0] == 404
    no_edit = said(client.get("/items/0/edit"))
    for guess in (secret.action_id, of_nobody.action_id, secret.invoice_id):
        assert said(client.get(f"/items/{guess}")) == nothing
        assert said(client.get(f"/items/{guess}/edit")) == no_edit
    be(client, "ann")
    assert client.get(f"/items/{secret.action_id}").status_code == 200


@pytest.mark.parametrize("person", ["bob", "dave", None])
def test_who_did_not_make_it_changes_nothing(
    client: httpx.Client, forum: Forum, person: str | None
) -> None:
    be(client, person)
    of_ann = [one["id"] for one in forum.items.by_author("ann", viewer=None)]
    paths = ["/territories/tea/settings", *(f"/items/{one}/edit" for one in of_ann)]
    assert len(paths) > 1
    assert {client.get(path).status_code for path in paths} == {404}


@pytest.mark.parametrize("person", ["ann", None, "Dave", "operator"])
def test_nobody_is_the_operator(
    client: httpx.Client, forum: Forum, secret: Receipt, person: str | None
) -> None:
    before = forum.flow.store.publish()
    be(client, person)
    for method, path in sorted(OF_THE_OPERATOR):
        answers = {
            said(client.request(method, path.format(action_id=guess), content="resolution=accept"))
            for guess in (secret.action_id, "0")
        }
        assert {status for status, _ in answers} == {404}
        assert len(answers) == 1
    assert forum.flow.store.publish() == before


@pytest.mark.parametrize("person", [None, "mallory", "system"])
def test_nobody_has_pages_of_his_own(client: httpx.Client, person: str | None) -> None:
    be(client, person)
    for method, path in sorted(OF_WHOEVER_IS_LOGGED_IN):
        assert client.request(method, path).status_code in (401, 404)


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_pages_of_other_sites_change_nothing(
    app: FastAPI, client: httpx.Client, forum: Forum, secret: Receipt, headers: dict[str, str]
) -> None:
    be(client, "ann")
    names = {"action_id": secret.action_id, "invoice_id": secret.invoice_id}
    names |= {"name": "pay", "kind": "comment"}
    before, cookies = forum.flow.store.publish(), dict(client.cookies)
    posts = sorted(path for method, path in routes(app) - BY_GATEWAYS if method == "POST")
    assert len(posts) > len(ACTIONS)
    for path in posts:
        if path.startswith("/operator"):
            be(client, "dave")
        answer = client.post(
            path.format(**names), headers=headers, json={"amount_sats": 1, "text": "gm"}
        )
        assert answer.status_code == 403, path
        assert "sent from a page of another site" in answer.text
        be(client, "ann")
    assert dict(client.cookies) == cookies
    assert forum.flow.store.publish() == before
    assert forum.bank.payable_invoices().count(str(secret.invoice_id)) == 1


def test_what_changes_something_is_asked_for_by_post_only(app: FastAPI) -> None:
    assert {method for method, _ in routes(app)} == {"GET", "POST"}


def test_odd_ids(app: FastAPI, client: httpx.Client, forum: Forum) -> None:
    before = forum.flow.store.publish()
    for method, path in sorted(routes(app) - {("GET", "/pay/events"), ("GET", "/live")}):
        for person in ("ann", "dave", None) if "{" in path else ():
            be(client, person)
            for odd in ODD_IDS:
                names = dict.fromkeys(("action_id", "item_id", "name", "kind"), odd)
                there = path.format(**names, invoice_id=odd, gateway=odd)
                answer = client.request(method, there)
                assert 400 <= answer.status_code < 500, (method, there, answer.text)
                assert "set-cookie" not in answer.headers
    assert forum.flow.store.publish() == before


@pytest.mark.parametrize(
    "path", ["/search?q=", "/recent?before=", "/?before=", "/people/ann?before="]
)
def test_odd_questions(client: httpx.Client, path: str) -> None:
    for odd in ODD_IDS:
        assert client.get(path + odd).status_code < 500, odd


def test_the_forum_limits_requests(forum: Forum) -> None:
    client = TestClient(site(forum), follow_redirects=False)
    for person in (None, "carol"):
        be(client, person)
        before = forum.flow.store.publish()
        answers = [
            client.post(
                "/pay/actions/comment",
                json={"parent_id": "0", "text": "gm"},
                headers={
                    "x-forwarded-for": f"10.0.0.{number}",
                    "forwarded": f"for=10.0.0.{number}",
                },
            ).status_code
            for number in range(61)
        ]
        assert answers == [422] * 60 + [429]
        assert forum.flow.store.publish() == before
    be(client, "ann")
    assert client.post("/pay/actions/comment", json={}).status_code == 422
    client.close()
