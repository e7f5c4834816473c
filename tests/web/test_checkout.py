"""The page for paying: what it shows, how long it loads itself, and what its forms do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import httpx
import pytest

from paidflow import PaidFlow, State
from paidflow.payments.contract import PayerAction
from paidflow.payments.sandbox import SandboxGateway
from paidflow.web import Rate
from tests.web.site import Site
from tests.web.test_router import perform


def page(answer: httpx.Response, status: int = 200) -> str:
    """The text of a page that nobody keeps or frames."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    return answer.text


def phase(html: str) -> str:
    found = re.search(r'data-phase="(\w+)"', html)
    assert found is not None, html
    return found[1]


def checkout(receipt: dict[str, Any]) -> str:
    return f"/actions/{receipt['action_id']}/checkout"


def test_it_loads_itself_until_it_is_over(site: Site) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    answer = ann.get(checkout(receipt), params={"then": "/items/7?a=b"})
    html = page(answer)
    assert phase(html) == "waiting"
    assert int(answer.headers["refresh"]) >= 5
    assert re.search(r"Can be paid for <time [^>]+>(\d+ minutes? and )?\d+ seconds?</time>", html)
    assert "<svg" in html
    assert receipt["payment_request"] in html.replace("&amp;", "&")
    assert '<a href="/items/7?a=b">Go back</a>' in html
    assert '"checkout?then=%2Fitems%2F7%3Fa%3Db&amp;reload=no"' in html
    site.bank.pay(receipt["invoice_id"])
    site.flow.sync("sandbox", receipt["invoice_id"])
    paid = ann.get(checkout(receipt), params={"then": "/items/7"})
    assert phase(page(paid)) == "paid"
    assert "refresh" not in paid.headers
    assert '<a href="/items/7">Go on</a>' in paid.text
    assert "<button name" not in paid.text


def test_it_says_that_a_card_needs_javascript(site: Site) -> None:
    ann = site.client("ann")
    said = "A card can only be given with JavaScript."
    assert said not in page(ann.get(checkout(perform(ann))))
    site.bank._profile = replace(site.bank.profile, payer_action=PayerAction.CONFIRM_CARD)
    receipt = perform(ann)
    html = page(ann.get(checkout(receipt)))
    assert phase(html) == "confirming"
    assert said in html
    assert receipt["payment_request"] not in html


def test_whoever_reads_slowly_lets_it_be(site: Site) -> None:
    ann = site.client("ann")
    answer = ann.get(checkout(perform(ann)), params={"reload": "no"})
    assert 'href="checkout">load it by itself' in page(answer)
    assert "refresh" not in answer.headers


def test_given_up_and_tried_again(site: Site) -> None:
    ann = site.client("ann", origin=site.url)
    receipt = perform(ann)
    path = f"{checkout(receipt)}?then=/items/7&reload=no"
    for wanted, shown in (("cancel", "cancelled"), ("retry", "waiting")):
        for _ in range(2):  # a second click finds that it is done already
            answer = ann.post(path, data={"do": wanted})
            assert answer.status_code == 303
            assert answer.headers["location"] == "checkout?then=%2Fitems%2F7&reload=no"
            assert answer.next_request is not None
            assert phase(page(ann.get(str(answer.next_request.url)))) == shown
    again = site.flow.get(receipt["action_id"], actor="ann")
    assert again.state is State.PENDING
    assert again.invoice_id != receipt["invoice_id"]
    page(ann.post(path, data={"do": "delete"}), 422)


def test_given_up_at_the_moment_of_payment(site: Site) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    site.bank.pay(receipt["invoice_id"])  # and the flow has not seen it
    answer = ann.post(checkout(receipt), data={"do": "cancel"}, follow_redirects=True)
    assert phase(page(answer)) == "paid"


def test_nobody_else_sees_it(site: Site) -> None:
    receipt = perform(site.client("ann"))
    for actor in ("bob", None):
        other = site.client(actor)
        page(other.get(checkout(receipt)), 404)
        page(other.post(checkout(receipt), data={"do": "cancel"}), 404)
    elsewhere = {"origin": "https://evil.example"}
    page(site.client("ann", **elsewhere).post(checkout(receipt), data={"do": "cancel"}), 403)
    assert site.flow.get(receipt["action_id"], actor="ann").state is State.PENDING


def test_trying_again_is_counted(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with Site(flow, sandbox, rate=Rate("1/hour")) as site:
        ann = site.client("ann")
        receipt = perform(ann)
        assert ann.post(checkout(receipt), data={"do": "cancel"}).status_code == 303
        refused = ann.post(checkout(receipt), data={"do": "retry"})
        page(refused, 429)
        assert refused.headers["retry-after"] == "5"
        assert site.flow.get(receipt["action_id"], actor="ann").state is State.FAILED


ELSEWHERE = (
    *("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"),
    *("javascript:alert(1)", "items/7", "", "\n/items", "/items\n", "/items 7", "/" + "x" * 2_000),
)


@pytest.mark.parametrize("then", ELSEWHERE)
def test_it_leads_to_no_other_site(site: Site, then: str) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    said = page(ann.get(checkout(receipt), params={"then": then}), 422)
    assert "evil" not in said
    page(ann.post(checkout(receipt), params={"then": then}, data={"do": "cancel"}), 422)
    assert site.flow.get(receipt["action_id"], actor="ann").state is State.PENDING
