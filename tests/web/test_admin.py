"""The operator's page: for operators only, what it shows, and what they decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from paidflow import PaidFlow, Reader, State
from paidflow.operating.recent import recent_hours
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.web.admin import admin
from tests.wall import CarefulNote, Note
from tests.web.site import who

OLGA = {"x-actor": "olga"}


def operator(actor: str | None) -> str | None:
    return actor if actor == "olga" else None


@pytest.fixture
def desk(flow: PaidFlow) -> Iterator[httpx.Client]:
    def allowed(actor: Annotated[str | None, Depends(who)]) -> str | None:
        return operator(actor)

    app = FastAPI()
    app.include_router(admin(flow, operator=allowed), prefix="/operator")
    with TestClient(app, headers=OLGA) as client:
        yield client  # pyright: ignore[reportReturnType]


def late(flow: PaidFlow, bank: SandboxGateway, text: str = "gm") -> str:
    """An action whose payment came late, and waits for a person."""
    receipt = flow.perform(CarefulNote(text=text), actor="ann")
    invoice_id = receipt.invoice_id or ""
    bank.expire(invoice_id)
    flow.sync("sandbox", invoice_id)
    bank.pay(invoice_id, late=True)
    flow.sync("sandbox", invoice_id)
    assert Reader(flow).attention()
    return receipt.action_id


@pytest.mark.parametrize("path", ["/operator/", "/operator/actions/1"])
@pytest.mark.parametrize("actor", ["", "ann", "Olga"])
def test_nobody_else_finds_it(desk: httpx.Client, path: str, actor: str) -> None:
    answer = desk.get(path, headers={"x-actor": actor})
    assert answer.status_code == 404
    assert "paidflow" not in answer.text.replace("urn:paidflow", "")


def test_what_needs_a_person_is_decided(
    desk: httpx.Client, flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    action_id = late(flow, sandbox)
    page = desk.get("/operator/")
    assert page.status_code == 200
    assert action_id in page.text
    assert "<option>accept</option>" in page.text
    assert page.text.count("in need of a person: 1") == 2  # the bar of its hour, and the sum
    shown = desk.get(f"/operator/actions/{action_id}").text
    assert "FAILED" in shown
    assert "<option>accept</option>" in shown
    path = f"/operator/actions/{action_id}/resolve"
    ann = desk.post(path, content="resolution=accept&why=x", headers={"x-actor": "ann"})
    assert ann.status_code == 404
    site = {"origin": "https://evil.example"}
    assert desk.post(path, content="resolution=accept&why=x", headers=site).status_code == 403
    for sent in ("resolution=accept", "resolution=accept&why=+", "resolution=nothing&why=x", ""):
        assert desk.post(path, content=sent).status_code == 422
    assert flow.get(action_id, actor="ann").state is State.FAILED
    decided = desk.post(path, content="resolution=accept&why=she+asked", follow_redirects=False)
    assert decided.status_code == 303
    assert str(decided.url.join(decided.headers["location"])).endswith("/operator/")
    assert flow.get(action_id, actor="ann").state is State.PAID
    history = flow.history(action_id, actor="ann")
    said = [line.details for line in history if line.event.endswith("attention-resolved")]
    assert [(one["operator"], one["why"]) for one in said] == [("olga", "she asked")]
    assert action_id not in desk.get("/operator/").text


def test_what_others_wrote_is_only_text(
    desk: httpx.Client, flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    evil = "<script>alert(1)</script>"
    receipt = flow.perform(Note(text="gm"), actor=evil)
    shown = desk.get(f"/operator/actions/{receipt.action_id}")
    assert evil not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]


def test_hours(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    clock.tick(minutes=5)
    flow.perform(Note(text="gm"), actor="ann")
    clock.tick(hours=2)
    receipt = flow.perform(Note(text="gn"), actor="ann")
    sandbox.pay(receipt.invoice_id or "")
    flow.sync("sandbox", receipt.invoice_id or "")
    hours = recent_hours(flow, hours=4)
    assert [hour.counts for hour in hours] == [
        {},
        {"requested": 1},
        {},
        {"requested": 1, "paid": 1},
    ]
    steps = {later.begins - hour.begins for hour, later in pairwise(hours)}
    assert steps == {timedelta(hours=1)}
