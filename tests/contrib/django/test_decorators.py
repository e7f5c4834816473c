"""Views that are answered once they are paid."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from paidflow import Context, Money, PaidAction, PaidFlow, State, sats
from paidflow.contrib.django.decorators import paid
from paidflow.contrib.django.flow import get_flow
from paidflow.errors import InvalidConfiguration, Refused, TransactionOpen
from paidflow.payments.sandbox import SandboxGateway

Configure = Callable[..., PaidFlow]
KEY = "0123456789abcdefghijkl"


class Read(PaidAction):
    """To read an article."""

    kind = "read"
    anonymous = True

    article: str

    def cost(self, ctx: Context) -> Money:
        return sats(0 if self.article == "free" else 10)

    def validate_request(self, ctx: Context) -> None:
        if self.article == "secret":
            raise Refused("it is secret")

    def perform(self, ctx: Context) -> str:
        return f"opened {self.article}"


class Members(Read):
    """What logged-out people may not read."""

    kind = "members"
    anonymous = False


def open_article(request: HttpRequest, article: Any) -> PaidAction:
    return Members(article="only") if article == "members" else Read(article=article)


@paid(open_article)
def show(request: Any, article: str) -> HttpResponse:
    return HttpResponse(f"{article}: {request.receipt.result}")


def ask(article: Any, user: str | None = None, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if user is not None:
        named["X-User"] = user
    return show(RequestFactory().get("/", headers=named), article=article)


def told(answer: HttpResponse) -> Any:
    assert answer.headers["Cache-Control"] == "private, no-store"
    return json.loads(answer.content)


@pytest.fixture
def flow(configure: Configure) -> PaidFlow:
    return configure(ACTIONS=[Read, Members], ACTOR=lambda request: request.headers.get("X-User"))


def test_a_logged_out_reader_pays_and_comes_back(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first = ask("gm")
    receipt = told(first)
    assert first.status_code == 402
    assert receipt["next_action"] == "pay_invoice"
    assert receipt["payment_request"]
    mine = {"Paidflow_Action": receipt["action_id"], "Paidflow_Proof": receipt["proof"]}
    assert ask("gm", **mine).status_code == 402
    assert sandbox.pay(receipt["invoice_id"])
    for _ in range(2):  # as often as it is asked for
        answer = ask("gm", **mine)
        assert (answer.status_code, answer.content) == (200, b"gm: opened gm")
    assert len(flow.history(receipt["action_id"], proof=receipt["proof"])) > 4


def test_a_logged_in_reader_needs_no_proof(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = told(ask("gm", "ann"))
    assert sandbox.pay(receipt["invoice_id"])
    mine = {"Paidflow_Action": receipt["action_id"]}
    assert ask("gm", "ann", **mine).status_code == 200
    for somebody in ("bob", None):
        answer = ask("gm", somebody, **mine)
        assert (answer.status_code, told(answer)["code"]) == (404, "action_not_found")


def test_what_was_paid_opens_nothing_else(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = told(ask("gm", "ann"))
    assert sandbox.pay(receipt["invoice_id"])
    mine = {"Paidflow_Action": receipt["action_id"]}
    assert ask("other", "ann", **mine).status_code == 404
    assert ask("members", "ann", **mine).status_code == 404
    assert ask("gm", "ann", **mine).status_code == 200


def test_from_a_purse_and_for_nothing_it_is_answered_at_once(flow: PaidFlow) -> None:
    flow.grant("ann", sats(10), key="start")
    assert ask("gm", "ann").content == b"gm: opened gm"
    assert ask("gm", "ann").status_code == 402
    assert ask("free", "bob").status_code == 200


def test_the_same_key_is_the_same_request(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = told(ask("gm", Idempotency_Key=KEY))
    assert told(ask("gm", Idempotency_Key=KEY))["action_id"] == receipt["action_id"]
    assert sandbox.pay(receipt["invoice_id"])
    flow.sync("sandbox", receipt["invoice_id"])
    assert ask("gm", Idempotency_Key=KEY).status_code == 200
    assert told(ask("other", Idempotency_Key=KEY))["code"] == "idempotency_mismatch"
    assert ask("gm", Idempotency_Key="short").status_code == 400


def test_what_failed_has_to_be_asked_for_again(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = told(ask("gm", "ann"))
    assert sandbox.expire(receipt["invoice_id"])
    answer = ask("gm", "ann", Paidflow_Action=receipt["action_id"])
    assert (answer.status_code, told(answer)["state"]) == (402, State.FAILED)


def test_a_gateway_that_does_not_answer(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = told(ask("gm", "ann"))
    sandbox.outage(True)
    assert ask("gm", "ann", Paidflow_Action=receipt["action_id"]).status_code == 402
    answer = ask("gm", "ann")
    assert (answer.status_code, told(answer)["code"]) == (503, "gateway_unavailable")


@pytest.mark.parametrize(
    ("article", "status", "code"),
    [
        (7, 400, "invalid_arguments"),
        ("secret", 403, "refused"),
        ("members", 401, "login_required"),
    ],
)
def test_what_is_refused(flow: PaidFlow, article: Any, status: int, code: str) -> None:
    answer = ask(article)
    assert (answer.status_code, told(answer)["code"]) == (status, code)
    assert told(answer)["message"]


def test_an_action_that_is_none(flow: PaidFlow) -> None:
    assert ask("gm", Paidflow_Action="no such", Paidflow_Proof="x.y").status_code == 404


def test_atomic_requests_do_not_reach_it(flow: PaidFlow) -> None:
    """Django leaves the view alone; inside a block of somebody else it is told to the developer."""
    assert show._non_atomic_requests == {"default"}  # pyright: ignore
    get_flow()
    with transaction.atomic(), pytest.raises(TransactionOpen):
        ask("gm", "ann")


def test_views_that_are_async_are_refused() -> None:
    with pytest.raises(InvalidConfiguration, match="async"):

        @paid(open_article)
        async def show(request: HttpRequest) -> HttpResponse:
            return HttpResponse()
