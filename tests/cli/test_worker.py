from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.payments.sandbox import SandboxGateway
from tests.cli.conftest import Run
from tests.flow.support import invoice_of
from tests.waiting import LONG_S, wait_until
from tests.wall import Note

PROGRAM = Path(sys.executable).with_name("paidflow")


def test_once(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    bank.pay(invoice_of(receipt))
    views = ("--views", "tests.cli.shop:open_views")
    assert run("worker", "--once", *views).stdout.startswith("did ")
    assert flow.get(receipt.action_id, actor="ann").state is State.PAID
    with flow.store.reading() as tx:
        folded = tx.execute("select versions from journal").fetchall()
    assert [row["versions"] for row in folded] == ["1.2.3.4.5."]


def test_what_has_to_be_done_again_and_again(run: Run, flow: PaidFlow) -> None:
    run("worker", "--once", "--tasks", "tests.cli.shop:TASKS")
    assert flow.balance("ann") == sats(1)
    refused = run("worker", "--once", "--tasks", "tests.cli.shop:NO_TASKS", code=2)
    assert "no PeriodicTask" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_works_until_it_is_told_to_stop(
    run: Run, flow: PaidFlow, bank: SandboxGateway, number: signal.Signals
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    with subprocess.Popen(
        [PROGRAM, "worker", "--poll", "0.05"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        bank.pay(invoice_of(receipt))
        wait_until(lambda: flow.get(receipt.action_id, actor="ann").state is State.PAID)
        process.send_signal(number)
        assert process.stdout.read() == "stopped\n"
        assert process.wait(LONG_S) == 0
