"""The endpoints: actions, receipts, what owners can do, and that nobody else gets in."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx
import pytest

from paidflow.web import Rate
from tests.web.site import Site

KEY = "k" * 32


def perform(client: httpx.Client, kind: str = "note", **fields: Any) -> dict[str, Any]:
    answer = client.post(f"/actions/{kind}", json={"text": "gm"} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"]) == (status, code)
    return said


def test_from_request_to_paid(site: Site) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    assert (receipt["state"], receipt["next_action"]) == ("PENDING", "pay_invoice")
    path = f"/actions/{receipt['action_id']}"
    site.bank.pay(receipt["invoice_id"])
    site.flow.sync("sandbox", receipt["invoice_id"])
    paid = ann.get(path)
    assert paid.json()["state"] == "PAID"
    assert paid.headers["cache-control"] == "no-store"
    history = ann.get(f"{path}/history").json()
    assert [line["event"] for line in history][-1] == "paid-action.paid"
    assert paid.json()["version"] == len(history)


def test_a_failed_one_is_tried_again(site: Site) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    path = f"/actions/{receipt['action_id']}"
    cancelled = ann.post(f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "FAILED")
    again = ann.post(f"{path}/retry").json()
    assert again["state"] == "PENDING"
    assert again["invoice_id"] != receipt["invoice_id"]
    problem(ann.post(f"{path}/retry"), 409, "not_retriable")


def test_the_same_key_gives_the_same_receipt(site: Site) -> None:
    ann = site.client("ann", idempotency_key="form-1")
    first = ann.post("/actions/note", json={"text": "gm"})
    second = ann.post("/actions/note", json={"text": "gm"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["action_id"] == second.json()["action_id"]
    problem(ann.post("/actions/note", json={"text": "gn"}), 422, "idempotency_mismatch")


def test_a_logged_out_person_needs_the_proof(site: Site) -> None:
    stranger = site.client(idempotency_key=KEY)
    receipt = perform(stranger)
    path = f"/actions/{receipt['action_id']}"
    problem(stranger.get(path), 404, "action_not_found")
    mine = stranger.get(path, headers={"payment-proof": receipt["proof"]})
    assert mine.json()["action_id"] == receipt["action_id"]
    assert mine.json()["proof"] is None
    weak = site.client(idempotency_key="weak")
    problem(weak.post("/actions/note", json={"text": "gm"}), 400, "weak_idempotency_key")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/history"),
        ("GET", "/events"),
        ("POST", "/retry"),
        ("POST", "/cancel"),
        ("POST", "/claim"),
    ],
)
def test_nobody_else_gets_in(site: Site, method: str, path: str) -> None:
    mine, other = perform(site.client("ann")), perform(site.client())
    of_other = {"payment-proof": other["proof"]}
    for headers in ({}, {"payment-proof": secrets.token_urlsafe(32)}, of_other):
        bob = site.client("bob")
        answer = bob.request(method, f"/actions/{mine['action_id']}{path}", headers=headers)
        said = problem(answer, 404, "action_not_found")
        unknown = bob.request(method, f"/actions/{secrets.token_hex(16)}{path}", headers=headers)
        assert problem(unknown, 404, "action_not_found") == said
    assert site.client("ann").get(f"/actions/{mine['action_id']}").json()["state"] == "PENDING"


def test_what_is_not_valid(site: Site) -> None:
    ann = site.client("ann")
    said = problem(ann.post("/actions/note", json={"txt": "a secret"}), 422, "invalid_arguments")
    assert "body.text" in said["fields"]
    assert "a secret" not in json.dumps(said)
    problem(ann.post("/actions/note", content=b"{"), 422, "invalid_arguments")
    text = ann.post(
        "/actions/note", content=b'{"text": "gm"}', headers={"content-type": "text/plain"}
    )
    problem(text, 422, "invalid_arguments")
    too_dear = ann.post("/actions/note", json={"text": "gm", "price_sats": -1})
    problem(too_dear, 422, "negative_cost")
    assert ann.post("/actions/nothing", json={}).status_code in (404, 405)


def test_a_gateway_that_is_away(site: Site) -> None:
    site.bank.fault("open", "refuse")
    answer = site.client("ann").post("/actions/held-note", json={"text": "gm"})
    said = problem(answer, 503, "gateway_unavailable")
    assert said["retryable"]
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(site: Site, headers: dict[str, str]) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    cancel = f"/actions/{receipt['action_id']}/cancel"
    problem(ann.post(cancel, headers=headers), 403, "other_site")
    problem(ann.post("/actions/note", json={"text": "gm"}, headers=headers), 403, "other_site")
    own = {"origin": site.url, "sec-fetch-site": "same-origin"}
    assert ann.post(cancel, headers=own).status_code == 200


def test_an_origin_that_is_allowed(flow: Any, sandbox: Any) -> None:
    with Site(flow, sandbox, origins=["https://app.example"]) as site:
        headers = {"origin": "https://app.example", "sec-fetch-site": "cross-site"}
        answer = site.client("ann").post("/actions/note", json={"text": "gm"}, headers=headers)
        assert answer.status_code == 201


def test_too_many_requests(flow: Any, sandbox: Any) -> None:
    with Site(flow, sandbox, rate=Rate("2/hour")) as site:
        for actor in ("ann", None):
            client = site.client(actor)
            perform(client)
            receipt = perform(client)
            said = problem(
                client.post("/actions/note", json={"text": "gm"}), 429, "too_many_requests"
            )
            assert said["retryable"]
            proof = {"payment-proof": receipt["proof"]}
            cancelled = client.post(f"/actions/{receipt['action_id']}/cancel", headers=proof)
            assert cancelled.status_code == 200
            retry = client.post(f"/actions/{receipt['action_id']}/retry", headers=proof)
            problem(retry, 429, "too_many_requests")


def test_a_body_that_is_too_long(site: Site) -> None:
    answer = site.client("ann").post("/actions/note", json={"text": "x" * 1024 * 1024})
    assert answer.status_code == 413


def test_the_document(site: Site) -> None:
    document = site.client().get("/openapi.json").json()
    note = document["paths"]["/actions/note"]["post"]
    assert note["x-paidflow"]["optimistic"] is True
    schema = note["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    assert "price_sats" in document["components"]["schemas"][schema]["properties"]
    assert document["paths"]["/actions/{action_id}/cancel"]["post"]["operationId"] == "cancel"


def test_the_browser_client_is_small(site: Site) -> None:
    client = site.client().get("/paidflow.js")
    assert client.headers["content-type"].startswith("text/javascript")
    assert len(client.content) < 10_000


def test_health(site: Site) -> None:
    assert site.client().get("/health").json() == {"ok": True, "listening": 0}
    assert site.client().get("/ready").status_code == 200
