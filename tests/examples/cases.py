"""What must be true of every example that embeds paidflow; each has a test file of its name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from psycopg.conninfo import conninfo_to_dict

from paidflow import NextAction, Receipt, State, Worker, sats
from paidflow.errors import ApplicationRowsRefused, Conflict, PaidflowError, SecondPayer
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.examples.ways import WAYS, Way

ROOT = Path(__file__).parents[2]
LINES_MAX = 59
AND_KILLED = -9


def as_url(store_url: str) -> str:
    """The URL of a database as SQLAlchemy reads it, too."""
    if store_url.startswith("sqlite:"):
        return store_url
    parts = conninfo_to_dict(store_url)
    return f"postgresql:///{parts.pop('dbname')}?{urlencode(parts)}"


class Embedded:
    """The cases of one way; a subclass names it."""

    way_name: ClassVar[str]
    own_errors: ClassVar[tuple[type[Exception], ...]]
    """What the application's library raises when a constraint is broken."""
    notes_are_sent_at_once: ClassVar[bool] = False
    """Whether the diary is written by a statement, and not by a flush."""

    @pytest.fixture
    def url(self, store_url: str) -> str:
        return as_url(store_url)

    @pytest.fixture
    def way(self, url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Way]:
        way = WAYS[self.way_name](url, sandbox, clock=clock)
        yield way
        way.close()

    def prepared(self, way: Way, text: str = "gm", author: str = "ann") -> Any:
        return way.call("prepare", way.post_class(text=text), actor=author)

    def settled(self, way: Way, sandbox: SandboxGateway, receipt: Receipt) -> State:
        assert receipt.invoice_id is not None
        assert sandbox.pay(receipt.invoice_id)
        Worker(way.flow).run_until_idle()
        return way.flow.get(receipt.action_id, actor="ann").state

    def rows(self, way: Way) -> tuple[int, int]:
        """How many lines the diary has, and how many actions there are."""
        with way.flow.store.reading() as tx:
            counts = [
                tx.execute(f"select count(*) as n from {table}").fetchall()[0]["n"]
                for table in ("diary", "paidflow_actions")
            ]
        return counts[0], counts[1]

    def test_it_is_short(self, store_url: str) -> None:
        program = (ROOT / "examples" / f"{self.way_name}.py").read_text(encoding="utf-8")
        assert len(program.splitlines()) <= LINES_MAX

    def test_the_story(self, way: Way, sandbox: SandboxGateway) -> None:
        """Committed together, visible to the right people, settled in the worker."""
        receipt = way.post("ann", "gm")
        assert (receipt.state, receipt.next_action) == (State.PENDING, NextAction.PAY_INVOICE)
        assert receipt.provisional
        assert self.rows(way) == (1, 1)
        assert not way.flow.get(receipt.action_id, actor="ann").provisional
        assert [way.seen_by(viewer) for viewer in ("ann", "bob", None)] == [["gm"], [], []]
        assert self.settled(way, sandbox, receipt) is State.PAID
        assert [way.seen_by(viewer) for viewer in ("ann", "bob", None)] == [["gm"]] * 3

    def test_rolled_back_together(self, way: Way, sandbox: SandboxGateway) -> None:
        prepared = self.prepared(way)
        tx = way.begin()
        way.note(tx, "ann")
        receipt = way.call("perform", prepared, tx=tx)
        way.rollback(tx)
        assert self.rows(way) == (0, 0)
        assert way.seen_by("ann") == []
        with pytest.raises(PaidflowError):
            way.flow.get(receipt.action_id, actor="ann")
        way.call("discard", prepared)
        assert sandbox.payable_invoices() == []

    def test_an_error_takes_back_its_own_call_only(self, way: Way) -> None:
        """The hook breaks a rule of the application: that is said, and the rest is kept."""
        good, bad = self.prepared(way, "gm"), self.prepared(way, "")
        tx = way.begin()
        way.note(tx, "ann")
        way.call("perform", good, tx=tx)
        with pytest.raises(self.own_errors) as raised:
            way.call("perform", bad, tx=tx)
        assert not isinstance(raised.value, PaidflowError)
        way.note(tx, "ann")
        way.commit(tx)
        assert self.rows(way) == (2, 1)
        assert way.seen_by("ann") == ["gm"]

    def test_a_conflict(self, way: Way) -> None:
        """What is broken here is a rule of paidflow, and it is said so."""
        prepared = self.prepared(way)
        tx = way.begin()
        way.note(tx, "ann")
        way.call("perform", prepared, tx=tx)
        with pytest.raises(Conflict) as raised:
            way.call("perform", prepared, tx=tx)
        assert raised.value.retryable
        way.note(tx, "ann")
        way.commit(tx)
        assert self.rows(way) == (2, 1)

    def test_several_payers(self, way: Way) -> None:
        for name in ("ann", "bob", "cid"):
            way.flow.grant(name, sats(10), key="start")
        ann, bob, cid = (self.prepared(way, name, name) for name in ("ann", "bob", "cid"))
        tx = way.begin()
        way.call("lock", ["bob", "ann"], tx=tx)
        way.call("perform", ann, tx=tx)
        way.call("perform", bob, tx=tx)
        with pytest.raises(SecondPayer):
            way.call("perform", cid, tx=tx)
        way.commit(tx)
        assert sorted(way.seen_by(None)) == ["ann", "bob"]

    def test_rows_of_the_application_are_not_a_conflict(self, way: Way) -> None:
        prepared = self.prepared(way)
        tx = way.begin()
        if self.notes_are_sent_at_once:
            with pytest.raises(self.own_errors):
                way.note(tx, "")
        else:
            way.note(tx, "")
            with pytest.raises(ApplicationRowsRefused) as raised:
                way.call("perform", prepared, tx=tx)
            assert isinstance(raised.value.__cause__, self.own_errors)
            assert not raised.value.retryable
        way.rollback(tx)
        assert self.rows(way) == (0, 0)

    def test_a_hook_that_raises_stores_nothing(
        self, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def perform(self: Any, ctx: Any) -> None:
            raise ZeroDivisionError

        prepared = self.prepared(way)
        monkeypatch.setattr(way.post_class, "perform", perform)
        tx = way.begin()
        way.note(tx, "ann")
        with pytest.raises(ZeroDivisionError):
            way.call("perform", prepared, tx=tx)
        way.commit(tx)
        assert self.rows(way) == (1, 0)

    def test_paid_from_a_purse(self, way: Way) -> None:
        way.flow.grant("ann", sats(10), key="start")
        receipt = way.post("ann", "gm")
        assert receipt.state is State.PAID
        assert way.flow.balance("ann") == sats(0)
        assert way.seen_by("bob") == ["gm"]

    @pytest.mark.parametrize(("moment", "kept"), [("before", 0), ("after", 1)])
    def test_killed(
        self,
        way: Way,
        url: str,
        sandbox: SandboxGateway,
        tmp_path: Path,
        moment: str,
        kept: int,
    ) -> None:
        bank = str(tmp_path / "bank.db")
        command = [sys.executable, "-m", "tests.examples.ways"]
        command += [self.way_name, url, bank, moment]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == AND_KILLED, done.stderr
        assert self.rows(way) == (kept, kept)
        assert way.seen_by("ann") == ["gm"] * kept
        if kept:
            (invoice_id,) = sandbox.payable_invoices()
            assert sandbox.pay(invoice_id)
            Worker(way.flow).run_until_idle()
            assert way.seen_by("bob") == ["gm"]
