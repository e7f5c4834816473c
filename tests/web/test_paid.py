"""An endpoint that is paid for: 402, the invoice, and the answer for whoever has the proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI

from paidflow import Context, Money, PaidAction, PaidFlow, Receipt, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.web import Rate, answer_problems, paid
from tests.wall import NOTES, open_wall
from tests.web.site import Site, who
from tests.web.test_router import problem

KEY = "k" * 32


class Rhyme(PaidAction):
    """A rhyme; pessimistic, so it is made when the money is locked."""

    kind = "rhyme"
    anonymous = True
    word: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def perform(self, ctx: Context) -> Any:
        ctx.tx.execute("insert into effects (id, hook) values (:id, 'rhyme')", id=ctx.action_id)
        return f"{self.word} and heard"


def asked(word: str) -> Rhyme:
    return Rhyme(word=word)


@pytest.fixture
def shop(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Site]:
    flow = open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=[*NOTES, Rhyme])
    site = Site(flow, sandbox)
    sell(site.app, flow)
    with site:
        yield site
    flow.close()


def sell(app: FastAPI, flow: PaidFlow) -> None:
    answer_problems(app)

    buys = Depends(paid(flow, asked, actor=who, rate=Rate("5/hour")))

    @app.get("/rhyme")
    async def rhyme(receipt: Receipt = buys) -> Any:
        return receipt.result


def required(answer: httpx.Response) -> dict[str, Any]:
    said = problem(answer, 402, "payment_required")
    assert answer.headers["payment-action"] == said["receipt"]["action_id"]
    return said["receipt"]


def proof_of(receipt: dict[str, Any]) -> dict[str, str]:
    return {"payment-action": receipt["action_id"], "payment-proof": receipt["proof"]}


def test_pay_and_ask_again(shop: Site) -> None:
    client = shop.client()
    receipt = required(client.get("/rhyme?word=word"))
    assert receipt["amount_due"] == {"amount": 10_000, "currency": "BTC"}
    assert required(client.get("/rhyme?word=word", headers=proof_of(receipt)))["proof"] is None
    shop.bank.pay(receipt["invoice_id"])
    for _ in range(2):
        answer = client.get("/rhyme?word=word", headers=proof_of(receipt))
        assert (answer.status_code, answer.json()) == (200, "word and heard")
    with shop.flow.transaction() as tx:
        done = tx.execute("select count(*) as n from effects").fetchone()
    assert done is not None
    assert done["n"] == 1


def test_who_did_not_pay_gets_nothing(shop: Site) -> None:
    client = shop.client()
    receipt = required(client.get("/rhyme?word=word"))
    shop.bank.pay(receipt["invoice_id"])
    other = required(client.get("/rhyme?word=bird"))
    mixed = proof_of(receipt) | {"payment-proof": other["proof"]}
    forged = proof_of(receipt) | {"payment-proof": "a" * 43}
    without = {"payment-action": receipt["action_id"]}
    for headers in (mixed, forged, without):
        problem(client.get("/rhyme?word=word", headers=headers), 404, "action_not_found")
    problem(client.get("/rhyme?word=bird", headers=proof_of(receipt)), 404, "action_not_found")
    note = client.post("/actions/note", json={"text": "gm"}).json()
    problem(client.get("/rhyme?word=word", headers=proof_of(note)), 404, "action_not_found")
    paid_for = client.get("/rhyme?word=word", headers=proof_of(receipt))
    assert paid_for.json() == "word and heard"


def test_from_the_purse(shop: Site) -> None:
    shop.flow.grant("ann", sats(15), key="a present")
    answer = shop.client("ann").get("/rhyme?word=word")
    assert (answer.status_code, answer.json()) == (200, "word and heard")
    required(shop.client("ann").get("/rhyme?word=word"))


def test_a_gateway_that_is_away(shop: Site) -> None:
    client = shop.client()
    receipt = required(client.get("/rhyme?word=word"))
    shop.bank.pay(receipt["invoice_id"])
    shop.bank.fault("lookup", "refuse")
    answer = client.get("/rhyme?word=word", headers=proof_of(receipt))
    problem(answer, 503, "gateway_unavailable")
    assert client.get("/rhyme?word=word", headers=proof_of(receipt)).json() == "word and heard"


def test_too_many_requests(shop: Site) -> None:
    client = shop.client()
    receipts = [required(client.get("/rhyme?word=word")) for _ in range(5)]
    problem(client.get("/rhyme?word=word"), 429, "too_many_requests")
    shop.bank.pay(receipts[0]["invoice_id"])
    answer = client.get("/rhyme?word=word", headers=proof_of(receipts[0]))
    assert answer.json() == "word and heard"
