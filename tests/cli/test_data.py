from __future__ import annotations

import csv
import io
import json

from paidflow import PaidFlow, sats
from paidflow.cli import data
from paidflow.payments.sandbox import SandboxGateway
from tests.cli.conftest import Run
from tests.flow.support import expired, pay, snapshot
from tests.wall import HeldNote, Note

TEXT = "a very private line"


def test_no_text_of_somebody_is_left(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    pay(flow, bank, flow.perform(Note(text=TEXT), actor="ann", idempotency_key=TEXT))
    pay(flow, bank, flow.perform(HeldNote(text=TEXT, raises={"perform": -1}), actor="ann"))
    expired(flow, bank, Note(text=f"{TEXT} again"))
    kept = flow.perform(Note(text="of somebody else"), actor="bob")
    run("worker", "--once")
    before = snapshot(flow)
    assert TEXT in repr(before)
    assert run("erase", "ann", code=1, says="n\n").stderr.endswith("Nothing is erased.\n")
    assert snapshot(flow) == before
    assert "erased the texts of 3 actions" in run("erase", "ann", "--yes").stdout
    after = snapshot(flow)
    assert TEXT not in repr(after)
    for table in ("paidflow_events", "paidflow_entries", "paidflow_actions", "paidflow_accounts"):
        assert after[table] == before[table]
    assert flow.get(kept.action_id, actor="bob").arguments is not None


def test_what_is_still_needed_stays(run: Run, flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text=TEXT), actor="ann")
    result = run("erase", "ann", "--yes", code=1)
    assert result.stderr == f"Not finished, so not erased: {receipt.action_id}\n"
    assert flow.get(receipt.action_id, actor="ann").arguments is not None


def test_many_actions_are_erased(run: Run, flow: PaidFlow) -> None:
    for _ in range(450):
        flow.perform(Note(text=TEXT, price_sats=0), actor="ann")
    run("worker", "--once")
    assert "erased the texts of 450 actions" in run("erase", "ann", "--yes").stdout
    assert TEXT not in repr(snapshot(flow)["paidflow_payloads"])


def test_export(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    flow.grant("bob", sats(3), key="gift, with a comma")
    receipt = flow.perform(Note(text="gm"), actor="ann")
    pay(flow, bank, receipt)
    lines = list(csv.DictReader(io.StringIO(run("export").stdout)))
    assert list(lines[0]) == list(data.COLUMNS)
    found = {(line["debit"], line["credit"]): int(line["amount"]) for line in lines}
    assert found == {
        ("issued", "purse:bob"): 3000,
        ("clearing:sandbox", f"unclaimed:{receipt.action_id}"): 10_000,
        (f"unclaimed:{receipt.action_id}", "revenue:note"): 10_000,
    }
    objects = [json.loads(line) for line in run("export", "--format", "json").stdout.splitlines()]
    assert [{key: str(value) for key, value in one.items()} for one in objects] == lines
    assert run("export", "--since", "2999-01-01").stdout.splitlines() == [",".join(data.COLUMNS)]
    assert len(run("export", "--until", "2999-01-01").stdout.splitlines()) == 4
    assert len(run("export", "--until", "1999-01-01T00:00").stdout.splitlines()) == 1
    assert "is no date or time" in run("export", "--since", "soon", code=2).stderr


def test_export_goes_on_after_a_page(run: Run, flow: PaidFlow) -> None:
    before, data.PAGE = data.PAGE, 3
    try:
        for number in range(10):
            flow.grant("ann", sats(1), key=str(number))
        lines = list(csv.DictReader(io.StringIO(run("export").stdout)))
    finally:
        data.PAGE = before
    assert len({line["source"] for line in lines}) == 10
