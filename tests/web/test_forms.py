"""Actions that forms ask for: fields, double clicks, where it goes on, and who was logged out."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient

from paidflow import PaidFlow, State, sats
from paidflow.forum import Discussion, Poll, UpdatePost
from paidflow.payments.sandbox import SandboxGateway
from paidflow.web import Rate, router
from paidflow.web.form_fields import action_of
from tests.wall import Note, WrappedNote
from tests.web.site import Site, who
from tests.web.test_checkout import page, phase


def form(**fields: Any) -> dict[str, Any]:
    """The fields of a form that was just loaded."""
    return {"text": "gm", "idempotency-key": secrets.token_urlsafe(32)} | fields


def post(client: httpx.Client, fields: dict[str, Any], kind: str = "note") -> httpx.Response:
    return client.post(f"/actions/{kind}/form?then=/notes/{{action_id}}", data=fields)


def action_id(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].split("/")[1]


def stored(site: Site) -> int:
    with site.flow.transaction() as tx:
        row = tx.execute("select count(*) as n from wall").fetchone()
    assert row is not None
    return row["n"]


def test_to_the_page_for_paying_and_on(site: Site) -> None:
    ann = site.client("ann", origin=site.url)
    answer = post(ann, form())
    found = action_id(answer)
    assert answer.headers["location"] == f"../{found}/checkout?then=%2Fnotes%2F{found}"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.next_request is not None
    shown = page(ann.get(str(answer.next_request.url)))
    assert phase(shown) == "waiting"
    assert f'href="/notes/{found}"' in shown


def test_what_is_paid_at_once_goes_on(site: Site) -> None:
    site.flow.grant("ann", sats(10), key="a present")
    answer = post(site.client("ann"), form())
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/notes/")
    receipt = site.flow.get(answer.headers["location"].split("/")[2], actor="ann")
    assert receipt.state is State.PAID


def test_the_fields(site: Site) -> None:
    ann = site.client("ann")

    def asked(kind: str = "note", **fields: Any) -> Any:
        found = action_id(post(ann, form(**fields), kind))
        return (site.flow.get(found, actor="ann").arguments or {}).items()

    assert {"text": "a\nb ü+&", "price_sats": 7}.items() <= asked(text="a\r\nb ü+&", price_sats="7")
    assert asked(price_sats="", claim="") == Note(text="gm").model_dump(mode="json").items()
    assert ("valid_when_late", True) in asked(valid_when_late=["false", "on"])
    assert ("wallets", ["bob-home"]) in asked("wrapped-note", wallets=["", "bob-home", ""])
    assert ("wallets", []) in asked("wrapped-note", wallets=[""])
    assert ("wallets", list(WrappedNote(text="").wallets)) in asked("wrapped-note")


def test_fields_inside_of_fields() -> None:
    post = {"post.title": ["A title"], "post.text": [""], "post.territory": ["", "tea"]}
    poll = {"post.options": ["left", "right", ""], "post.vote_cost_sats": ["2"]}
    assert action_of(UpdatePost, {"item_id": ["7"], **post}) == UpdatePost(
        item_id="7", post=Discussion(title="A title", territory="tea")
    )
    assert action_of(UpdatePost, {"item_id": ["7"], "post": ["x"], **post, **poll}) == UpdatePost(
        item_id="7",
        post=Poll(title="A title", territory="tea", options=("left", "right"), vote_cost_sats=2),
    )
    for sent in ({"post.titel": ["x"]}, {"item_id.x": ["x"]}, {"post": ["x"]}, {".": ["x"]}):
        with pytest.raises(RequestValidationError) as refused:
            action_of(UpdatePost, {"item_id": ["7"], **post, **sent})
        assert "'x'" not in str(refused.value.errors())


def test_twice_is_once(site: Site) -> None:
    for client in (site.client("ann"), site.client()):
        sent = form()
        first, second = post(client, sent), post(client, sent)
        assert action_id(first) == action_id(second)
        said = page(post(client, sent | {"text": "gn"}), 422)
        assert "sent before with something else" in said
    assert stored(site) == 1  # that of nobody is not written before it is paid


@pytest.mark.parametrize("key", [None, "", "guess"])
def test_without_a_key_that_nobody_guesses(site: Site, key: str | None) -> None:
    sent = form(**{"idempotency-key": key})
    said = page(post(site.client("ann"), {k: v for k, v in sent.items() if v is not None}), 422)
    assert "idempotency-key" in said
    assert stored(site) == 0


def test_what_is_not_valid_is_said_and_stores_nothing(site: Site) -> None:
    ann = site.client("ann")
    sent = form(price_sats="<b>seven", txt="")
    said = page(post(ann, sent), 422)
    assert "<dt>price_sats</dt>" in said
    assert "<dt>txt</dt>" in said
    assert "seven" not in said
    page(post(ann, form(price_sats="-1")), 422)
    page(post(ann, form(), "nothing"), 404)
    page(ann.post("/actions/note/form", json=form()), 415)
    page(post(ann, form(), "note/form?then=//evil.example&"), 422)
    form_type = {"content-type": "application/x-www-form-urlencoded"}
    for body in (b"text=\xff", b"text=%ff", b"&".join([b"a=1"] * 2_000)):
        page(ann.post("/actions/note/form", content=body, headers=form_type), 415)
    assert stored(site) == 0
    del sent["txt"]
    assert post(ann, sent | {"price_sats": "7"}).status_code == 303


def test_pages_of_other_sites_send_no_forms(site: Site) -> None:
    page(post(site.client("ann", origin="https://evil.example"), form()), 403)
    assert stored(site) == 0


def test_forms_are_counted(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with Site(flow, sandbox, rate=Rate("1/hour")) as site:
        assert post(site.client("ann"), form()).status_code == 303
        page(post(site.client("ann"), form()), 429)


def test_a_browser_remembers_what_nobody_did(site: Site) -> None:
    nobody = site.client(origin=site.url)
    answer = post(nobody, form(), "held-note")
    mine = action_id(answer)
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", f"Path=/actions/{mine};", "Max-Age="):
        assert part in cookie
    assert "Secure" not in cookie  # this is no TLS
    (proof,) = nobody.cookies.values()
    assert proof not in answer.headers["location"]
    assert phase(page(nobody.get(f"/actions/{mine}/checkout"))) == "waiting"
    page(site.client().get(f"/actions/{mine}/checkout"), 404)

    other = action_id(post(nobody, form(), "held-note"))
    cancelled = nobody.post(f"/actions/{other}/checkout", data={"do": "cancel"})
    assert cancelled.status_code == 303
    assert phase(page(nobody.get(f"/actions/{other}/checkout"))) == "cancelled"
    invoice = nobody.get(f"/actions/{mine}").json()["invoice_id"]
    site.bank.pay(invoice)
    site.flow.sync("sandbox", invoice)
    assert phase(page(nobody.get(f"/actions/{mine}/checkout"))) == "paid"


def test_who_is_logged_in_gets_no_cookie(site: Site) -> None:
    assert "set-cookie" not in post(site.client("ann"), form()).headers


def test_the_cookie_behind_a_proxy(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    app = FastAPI()
    app.include_router(router(flow, actor=who), prefix="/pay")
    with TestClient(app, base_url="https://shop.example", root_path="/shop") as client:
        path = "/shop/pay/actions/held-note/form"
        answer = client.post(path, data=form(), follow_redirects=False)
    assert f"Path=/shop/pay/actions/{action_id(answer)};" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].endswith("Secure")
