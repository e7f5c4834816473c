"""A copy of a database calls no gateway until it was adopted; the original goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event as Flag

import pytest

from paidflow import PaidFlow, Reader, State, Worker
from paidflow.errors import RestoredCopy
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.subscriber import Callback
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of, sync
from tests.outgoing.receiver import Notebook
from tests.wall import HeldNote, Note, open_wall

Copy = Callable[[], PaidFlow]


@pytest.fixture
def copied(
    store_url: str,
    tmp_path: Path,
    sandbox: SandboxGateway,
    clock: ManualClock,
    request: pytest.FixtureRequest,
) -> Iterator[Copy]:
    """Opens a copy of the database; nobody may be connected to the original at that moment."""
    opened: list[PaidFlow] = []
    databases: list[str] = []

    def copy() -> PaidFlow:
        if store_url.startswith("sqlite"):
            shutil.copy(store_url.removeprefix("sqlite:///"), tmp_path / "copy.db")
            url = f"sqlite:///{tmp_path / 'copy.db'}"
        else:
            server = request.getfixturevalue("postgres_server")
            databases.append(server.create_database(request.getfixturevalue("direct_dsn")))
            url = databases[-1]
        opened.append(open_wall(url, {"sandbox": sandbox}, clock=clock, create=False))
        return opened[-1]

    yield copy
    for flow in opened:
        flow.close()
    for dsn in databases:
        request.getfixturevalue("postgres_server").drop_database(dsn)


def test_a_copy_sends_nothing(flow: PaidFlow, sandbox: SandboxGateway, copied: Copy) -> None:
    receipt = flow.perform(HeldNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    flow.close()
    calls = len(sandbox.calls())
    copy = copied()
    assert copy.home.is_copy
    with pytest.raises(RestoredCopy, match="paidflow adopt --after-restore"):
        sync(copy, receipt)
    with pytest.raises(RestoredCopy):
        copy.perform(Note(text="new"), actor="ann")
    with pytest.raises(RestoredCopy):
        copy.cancel(receipt.action_id, actor="ann")
    worker = Worker(copy)
    with pytest.raises(RestoredCopy):
        worker.run_once()
    with pytest.raises(RestoredCopy):
        worker.run_forever()
    notebook = Notebook()
    deliveries = Deliveries(copy, [Callback("mail", notebook)], start="beginning")
    with pytest.raises(RestoredCopy):
        deliveries.run_once()
    with pytest.raises(RestoredCopy):
        deliveries.run(Flag())
    assert notebook.messages == []
    assert len(sandbox.calls()) == calls
    assert copy.get(receipt.action_id, actor="ann").state is not State.PAID
    assert Reader(copy).attention() == []  # reading goes on


def test_a_copy_may_only_ask_while_it_is_compared(
    flow: PaidFlow, sandbox: SandboxGateway, copied: Copy
) -> None:
    receipt = flow.perform(HeldNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    flow.close()
    copy = copied()
    with copy.home.asking():
        with pytest.raises(RestoredCopy):
            sync(copy, receipt)
        assert {call.operation for call in sandbox.calls()} == {"open", "lookup"}
    with pytest.raises(RestoredCopy):
        copy.gateways.lookup("sandbox", invoice_of(receipt))


def test_an_adopted_copy_acts(flow: PaidFlow, sandbox: SandboxGateway, copied: Copy) -> None:
    receipt = flow.perform(HeldNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    flow.close()
    copy = copied()
    copy.home.move_here()
    assert not copy.home.is_copy
    assert sync(copy, receipt).state is State.PAID


def test_the_original_goes_on(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, store_url: str, copied: Copy
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    flow.close()
    copied().home.move_here()
    for _ in range(2):
        with open_wall(store_url, {"sandbox": sandbox}, clock=clock, create=False) as again:
            assert not again.home.is_copy
            sandbox.pay(invoice_of(receipt))
            assert sync(again, receipt).state is State.PAID


def test_a_database_in_memory_has_no_copies(sandbox: SandboxGateway, clock: ManualClock) -> None:
    with open_wall("sqlite:///:memory:", {"sandbox": sandbox}, clock=clock) as flow:
        assert not flow.home.is_copy
        flow.home.move_here()
        with flow.store.reading() as tx:
            assert tx.query("select_home").fetchall() == []
