"""Webhooks are kept as they came, matched sooner or later, and never believed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paidflow import PaidFlow, State, WebhookAnswer, WebhookLimits, Worker
from paidflow.errors import InvalidConfiguration
from paidflow.flow.inbox import KEPT_OF_INVOICE_MAX
from paidflow.operating.inbox import WebhookStanding, kept_webhooks, retry_webhooks
from paidflow.payments.contract import Hint, Unreachable
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, invoice_of
from tests.wall import HeldNote, Note, open_wall

LIMITS = WebhookLimits(bytes_max=2_000, unmatched_max=3, kept=timedelta(days=2))


class Quiet(SandboxGateway):
    """A bank that is heard of by webhooks alone, or signs none of them."""

    unsigned = False

    def updates(self, cursor: str | None) -> Any:
        return super().updates("999999999")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        if not self.unsigned:
            return super().parse_webhook(headers, body)
        return tuple(Hint(invoice_id) for invoice_id in json.loads(body)["ids"])


@pytest.fixture
def bank(tmp_path: Path, clock: ManualClock) -> Quiet:
    path = str(tmp_path / "bank.db")
    return Quiet(path, sandbox=True, clock=clock, webhook_secret="shared with the bank")


@pytest.fixture
def flow(store_url: str, bank: Quiet, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = open_wall(store_url, {"bank": bank}, clock=clock, webhooks=LIMITS)
    yield opened
    opened.close()


def told(flow: PaidFlow) -> list[tuple[str, str, int]]:
    return [(one.invoice_id, str(one.standing), one.times) for one in kept_webhooks(flow)]


def send(flow: PaidFlow, bank: Quiet, invoice_id: str) -> WebhookAnswer:
    return flow.receive_webhook("bank", *bank.webhook(invoice_id))


def kept(flow: PaidFlow) -> list[tuple[dict[str, str], bytes]]:
    """The headers and bodies that are kept."""
    with flow.store.reading() as tx:
        rows = tx.execute("select headers, body from paidflow_webhooks").fetchall()
    return [(json.loads(row["headers"]), bytes(row["body"])) for row in rows]


def lookups(bank: Quiet) -> int:
    return sum(call.operation == "lookup" for call in bank.calls())


# What becomes of a genuine one.


@pytest.mark.parametrize("note", [Note(text="gm"), HeldNote(text="hm")])
def test_it_leads_to_a_look(flow: PaidFlow, bank: Quiet, note: Note) -> None:
    receipt = flow.perform(note, actor="ann")
    invoice_id = invoice_of(receipt)
    bank.pay(invoice_id)
    calls, asked = len(bank.calls()), lookups(bank)
    assert send(flow, bank, invoice_id) is WebhookAnswer.ACCEPTED
    assert len(bank.calls()) == calls  # the answer waits for no gateway
    assert told(flow) == [(invoice_id, "waiting", 1)]
    flow.look_at_webhooks()
    assert lookups(bank) == asked + 1 or isinstance(note, HeldNote)
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.PAID
    assert told(flow) == [(invoice_id, "looked at", 1)]


def test_nothing_in_it_is_believed(flow: PaidFlow, bank: Quiet) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    send(flow, bank, invoice_of(receipt))
    assert flow.look_at_webhooks() == 1
    assert again(flow, receipt).state is State.PENDING


def test_it_is_kept_as_it_came_and_without_other_headers(flow: PaidFlow, bank: Quiet) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    headers, body = bank.webhook(invoice_of(receipt))
    more = {"Authorization": "a secret", "SANDBOX-Signature": headers["sandbox-signature"]}
    assert flow.receive_webhook("bank", more, body) is WebhookAnswer.ACCEPTED
    assert kept(flow) == [(headers, body)]


def test_what_it_said_is_dropped_after_the_look(
    flow: PaidFlow, bank: Quiet, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    invoice_id = invoice_of(receipt)
    headers, body = bank.webhook(invoice_id)
    flow.receive_webhook("bank", headers, body)
    bank.outage(True)
    flow.look_at_webhooks()
    assert kept(flow) == [(headers, body)]
    bank.outage(False)
    clock.tick(2)
    flow.look_at_webhooks()
    assert kept(flow) == [({}, b"")]
    assert flow.receive_webhook("bank", headers, body) is WebhookAnswer.ACCEPTED
    assert told(flow) == [(invoice_id, "waiting", 2)]
    bank.pay(invoice_id)
    assert flow.look_at_webhooks() == 1
    assert again(flow, receipt).state is State.PAID


# Repetitions.


def test_a_repetition_is_one_row_and_one_look(flow: PaidFlow, bank: Quiet) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    for _ in range(3):
        send(flow, bank, invoice_of(receipt))
    assert told(flow) == [(invoice_of(receipt), "waiting", 3)]
    before = lookups(bank)
    assert flow.look_at_webhooks() == 1
    assert lookups(bank) <= before + 3
    assert flow.look_at_webhooks() == 0


def test_the_same_words_may_tell_of_something_new(flow: PaidFlow, bank: Quiet) -> None:
    """A gateway that says "this invoice has changed" says it twice of a hold."""
    receipt = flow.perform(Note(text="gm"), actor="ann")
    send(flow, bank, invoice_of(receipt))
    flow.look_at_webhooks()
    bank.pay(invoice_of(receipt))
    send(flow, bank, invoice_of(receipt))
    flow.look_at_webhooks()
    assert again(flow, receipt).state is State.PAID


def test_one_that_comes_again_during_the_look_is_looked_at_again(
    flow: PaidFlow, bank: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    invoice_id = invoice_of(receipt)
    send(flow, bank, invoice_id)
    ask, before = bank.lookup, lookups(bank)

    def lookup(asked: str) -> Any:
        shown = ask(asked)
        if lookups(bank) == before + 2:  # the last one of this look
            bank.pay(asked)
            send(flow, bank, asked)
        return shown

    monkeypatch.setattr(bank, "lookup", lookup)
    flow.look_at_webhooks()
    assert again(flow, receipt).state is State.PENDING
    assert told(flow) == [(invoice_id, "waiting", 2)]
    assert flow.look_at_webhooks() == 1
    assert again(flow, receipt).state is State.PAID


def test_one_that_comes_again_while_nobody_answers_is_due_at_once(
    flow: PaidFlow, bank: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    send(flow, bank, invoice_of(receipt))
    coming = [invoice_of(receipt)]

    def lookup(asked: str) -> Unreachable:
        while coming:
            bank.pay(coming[0])
            send(flow, bank, coming.pop())
        return Unreachable()

    with monkeypatch.context() as down:
        down.setattr(bank, "lookup", lookup)
        assert flow.look_at_webhooks() == 1
    assert flow.look_at_webhooks() == 1
    assert again(flow, receipt).state is State.PAID


def test_many_about_one_invoice_fill_no_disk(flow: PaidFlow, bank: Quiet) -> None:
    bank.unsigned = True
    receipt = flow.perform(Note(text="gm"), actor="ann")
    bodies = [
        json.dumps({"ids": [invoice_of(receipt)], "n": n}).encode()
        for n in range(KEPT_OF_INVOICE_MAX + 2)
    ]
    for body in bodies[:-1]:
        assert flow.receive_webhook("bank", {}, body) is WebhookAnswer.ACCEPTED
    flow.look_at_webhooks()
    bank.pay(invoice_of(receipt))
    assert flow.receive_webhook("bank", {}, bodies[-1]) is WebhookAnswer.ACCEPTED
    assert len(told(flow)) == KEPT_OF_INVOICE_MAX
    assert flow.look_at_webhooks() == 1
    assert again(flow, receipt).state is State.PAID


# Before its invoice is known.


def test_before_the_gateway_has_answered(flow: PaidFlow, bank: Quiet) -> None:
    answers: list[WebhookAnswer] = []

    def opened(invoice_id: str) -> None:
        bank.pay(invoice_id)
        answers.append(send(flow, bank, invoice_id))
        Worker(flow).run_once()
        assert told(flow) == [(invoice_id, "unmatched", 1)]

    bank.on_open = opened
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert answers == [WebhookAnswer.ACCEPTED]
    Worker(flow).run_once()
    assert again(flow, receipt).state is State.PAID
    assert told(flow) == [(invoice_of(receipt), "looked at", 1)]


def test_one_of_nobody_waits_and_is_forgotten(
    flow: PaidFlow, bank: Quiet, clock: ManualClock
) -> None:
    assert send(flow, bank, "unheard of") is WebhookAnswer.ACCEPTED
    assert flow.look_at_webhooks() == 0
    assert [one.standing for one in kept_webhooks(flow, unmatched=True)] == ["unmatched"]
    assert lookups(bank) == 0
    clock.tick(LIMITS.kept.total_seconds())
    flow.look_at_webhooks()
    assert told(flow) == [("unheard of", "unmatched", 1)]
    clock.tick(1)
    flow.look_at_webhooks()
    assert told(flow) == []


def test_a_flood_of_unmatched_ones(flow: PaidFlow, bank: Quiet) -> None:
    for number in range(LIMITS.unmatched_max):
        assert send(flow, bank, f"unheard of {number}") is WebhookAnswer.ACCEPTED
    assert send(flow, bank, "one more") is WebhookAnswer.TRY_LATER
    assert send(flow, bank, "unheard of 0") is WebhookAnswer.ACCEPTED
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert send(flow, bank, invoice_of(receipt)) is WebhookAnswer.ACCEPTED
    assert len(told(flow)) == LIMITS.unmatched_max + 1


# What is not taken.


def test_a_forged_one_is_counted_and_not_kept(
    flow: PaidFlow, bank: Quiet, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    headers, body = bank.webhook(invoice_of(receipt))
    forged = {"sandbox-signature": "0" * 64}
    for _ in range(5):
        assert flow.receive_webhook("bank", forged, body) is WebhookAnswer.REFUSED
    assert refused(flow) == 1  # the others are written down with the next, a second later
    clock.tick(1)
    assert flow.receive_webhook("bank", {}, body) is WebhookAnswer.REFUSED
    assert refused(flow) == 6
    assert told(flow) == []
    assert flow.receive_webhook("bank", headers, body) is WebhookAnswer.ACCEPTED


def test_what_was_counted_is_written_down_at_the_end(
    store_url: str, flow: PaidFlow, bank: Quiet, clock: ManualClock
) -> None:
    with open_wall(store_url, {"bank": bank}, clock=clock, create=False) as other:
        for _ in range(5):
            other.receive_webhook("bank", {}, b"{}")
    assert refused(flow) == 5


def refused(flow: PaidFlow) -> int:
    with flow.store.reading() as tx:
        (row,) = tx.query("select_gateways").fetchall()
    return row["webhooks_refused"]


def test_the_answers_of_http(flow: PaidFlow, bank: Quiet) -> None:
    headers, body = bank.webhook("i")
    assert flow.receive_webhook("nobody", headers, body) is WebhookAnswer.UNKNOWN_GATEWAY
    assert flow.receive_webhook("bank", headers, b"x" * 2_001) is WebhookAnswer.TOO_LARGE
    long = headers | {"sandbox-signature": "x" * 20_000}
    assert flow.receive_webhook("bank", long, body) is WebhookAnswer.TOO_LARGE
    assert flow.receive_webhook("bank", headers, b"x" * 2_000) is WebhookAnswer.REFUSED
    flow.gateways.locked = True  # a restored copy
    assert flow.receive_webhook("bank", headers, body) is WebhookAnswer.TRY_LATER
    assert told(flow) == []
    statuses = {answer.name: answer.http_status for answer in WebhookAnswer}
    assert statuses == {
        "ACCEPTED": 200,
        "REFUSED": 400,
        "UNKNOWN_GATEWAY": 404,
        "TOO_LARGE": 413,
        "TRY_LATER": 503,
    }


@pytest.mark.parametrize(
    "ids",
    [[""], ["a\0b"], ["\ud800"], ["x" * 256], [7], [None], [["x"]], [f"{n}" for n in range(101)]],
    ids=["empty", "nul", "surrogate", "long", "number", "null", "list", "many"],
)
def test_an_invoice_that_cannot_be(flow: PaidFlow, bank: Quiet, ids: list[object]) -> None:
    bank.unsigned = True
    body = json.dumps({"ids": ids}).encode()
    assert flow.receive_webhook("bank", {}, body) is WebhookAnswer.REFUSED
    assert told(flow) == []


def test_several_invoices_and_none(flow: PaidFlow, bank: Quiet) -> None:
    bank.unsigned = True
    receipts = [flow.perform(Note(text="gm"), actor="ann") for _ in range(2)]
    ids = [invoice_of(receipt) for receipt in receipts]
    for invoice_id in ids:
        bank.pay(invoice_id)
    body = json.dumps({"ids": [*ids, *ids, "unheard of"]}).encode()
    assert flow.receive_webhook("bank", {}, body) is WebhookAnswer.ACCEPTED
    assert sorted(told(flow)) == sorted(
        [*((invoice_id, "waiting", 1) for invoice_id in ids), ("unheard of", "unmatched", 1)]
    )
    flow.look_at_webhooks()
    assert {again(flow, receipt).state for receipt in receipts} == {State.PAID}
    assert flow.receive_webhook("bank", {}, b'{"ids": []}') is WebhookAnswer.ACCEPTED
    assert len(told(flow)) == 3


def test_a_gateway_without_webhooks(store_url: str, sandbox: SandboxGateway) -> None:
    with open_wall(store_url, {"sandbox": sandbox}) as flow:
        answer = flow.receive_webhook("sandbox", {}, b'{"invoice_id": "i"}')
        assert answer is WebhookAnswer.REFUSED


# What the adapter cannot read, and a gateway that does not answer.


def test_what_the_adapter_cannot_read_waits_for_a_better_one(
    flow: PaidFlow, bank: Quiet, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    bank.pay(invoice_of(receipt))

    def broken(headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        raise IndexError(body)

    with monkeypatch.context() as patched:
        patched.setattr(bank, "parse_webhook", broken)
        assert send(flow, bank, invoice_of(receipt)) is WebhookAnswer.ACCEPTED
        assert flow.look_at_webhooks() == 1
        assert told(flow) == [("", "unread", 1)]
        assert flow.look_at_webhooks() == 0
    clock.tick(2)
    assert flow.look_at_webhooks() == 1
    assert told(flow) == [(invoice_of(receipt), "waiting", 1)]
    flow.look_at_webhooks()
    assert again(flow, receipt).state is State.PAID


def test_what_turns_out_to_be_forged(
    flow: PaidFlow, bank: Quiet, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(bank, "parse_webhook", lambda *_: 1 / 0)
        assert flow.receive_webhook("bank", {}, b"forged") is WebhookAnswer.ACCEPTED
    clock.tick(2)
    flow.look_at_webhooks()
    assert told(flow) == []


def test_a_gateway_that_does_not_answer_is_asked_later(
    flow: PaidFlow, bank: Quiet, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    bank.pay(invoice_of(receipt))
    send(flow, bank, invoice_of(receipt))
    bank.outage(True)
    assert flow.look_at_webhooks() == 1
    assert flow.look_at_webhooks() == 0
    (waiting,) = kept_webhooks(flow)
    assert waiting.standing is WebhookStanding.WAITING
    assert waiting.due_at == clock.now() + timedelta(seconds=2)
    bank.outage(False)
    assert retry_webhooks(flow, gateway="bank", invoice_id="another") == 0
    assert retry_webhooks(flow, gateway="bank") == 1
    assert flow.look_at_webhooks() == 1
    assert again(flow, receipt).state is State.PAID


def test_a_lease_that_its_holder_did_not_survive(
    flow: PaidFlow, bank: Quiet, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    send(flow, bank, invoice_of(receipt))
    with monkeypatch.context() as patched:
        patched.setattr(flow.gateways, "lookup", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            flow.look_at_webhooks()
    assert flow.look_at_webhooks() == 0
    clock.tick(60)
    assert flow.look_at_webhooks() == 1


# Erasing, limits, threads.


def test_erasing_an_action_erases_what_was_sent_about_it(flow: PaidFlow, bank: Quiet) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    bank.pay(invoice_of(receipt))
    send(flow, bank, invoice_of(receipt))
    other = flow.perform(Note(text="gm"), actor="bob")
    send(flow, bank, invoice_of(other))
    Worker(flow).run_until_idle()
    flow.erase(receipt.action_id)
    assert [one.invoice_id for one in kept_webhooks(flow)] == [invoice_of(other)]


@pytest.mark.parametrize("wrong", [{"bytes_max": 0}, {"unmatched_max": 0}, {"kept": timedelta()}])
def test_limits_that_allow_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfiguration):
        WebhookLimits(**wrong)


def test_coroutines(flow: PaidFlow, bank: Quiet) -> None:
    async def work() -> None:
        receipt = await flow.aio.perform(Note(text="gm"), actor="ann")
        bank.pay(invoice_of(receipt))
        answer = await flow.aio.receive_webhook("bank", *bank.webhook(invoice_of(receipt)))
        assert answer is WebhookAnswer.ACCEPTED
        assert await flow.aio.look_at_webhooks() == 1
        assert again(flow, receipt).state is State.PAID

    asyncio.run(work())
