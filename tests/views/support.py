"""Projections and a load that the tests of folding share."""

from __future__ import annotations

import random
from collections import Counter as Tallies
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from paidflow import Batch, Counter, PaidFlow, PaidflowError, Projection
from paidflow.actions.contract import HookTransaction
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Event, Paid
from paidflow.store.contract import Transaction
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.wall import HeldNote, Note


class NoInvoice(Exception):
    """This action has no invoice that could be paid."""


class Journal(Projection):
    """The versions of each action's events in the order in which they were folded.

    What is folded twice, left out or folded out of order shows.
    """

    name = "journal"
    events = (Event,)

    def create(self, tx: HookTransaction) -> None:
        tx.execute(f"create table {self.table} (action_id text primary key, versions text)")

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        lines: dict[str, str] = {}
        for event in batch:
            lines[event.action_id] = f"{lines.get(event.action_id, '')}{event.version}."
        batch.insert(
            self.table,
            [{"action_id": action_id, "versions": line} for action_id, line in lines.items()],
            "on conflict (action_id) do update"
            f" set versions = {self.table}.versions || excluded.versions",
        )


class Journal2(Journal):
    """Its next version."""

    version = 2


class Picky(Journal):
    """A journal that raises at some events, after it has written."""

    name = "picky"
    poison: ClassVar[set[tuple[str, int]]] = set()
    error: ClassVar[Exception] = ValueError("the text of a person")
    raised: ClassVar[Tallies[tuple[str, int]]] = Tallies()
    batches: ClassVar[list[int]] = []

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        self.batches.append(len(batch))
        super().apply(tx, batch)
        for event in batch:
            if (event.action_id, event.version) in self.poison:
                self.raised[event.action_id, event.version] += 1
                raise self.error


class Picky2(Picky):
    """Its next version."""

    version = 2


class Earned(Counter):
    """What each actor has paid for: how many notes, and how many sats."""

    name = "earned"
    events = (Paid,)
    key = "actor"
    columns = ("notes", "sats")

    def count(self, batch: Batch) -> Iterator[tuple[str, int, int]]:
        actors = batch.actors()
        for action_id, paid in batch.of(Paid):
            yield actors[action_id] or "nobody", 1, paid.amount.amount // 1000


class Earned2(Earned):
    """Its next version."""

    version = 2


def dump(flow: PaidFlow, table: str) -> list[str]:
    """All rows of a table or view, byte by byte, in the order of the first column."""
    with flow.store.reading() as tx:
        return [repr(row) for row in tx.execute(f"select * from {table} order by 1").fetchall()]


def journal_of_log(flow: PaidFlow) -> list[str]:
    """What a journal of the whole log has to be, as the log itself says."""
    with flow.store.reading() as tx:
        rows = tx.execute(
            "select originator_id, originator_version from paidflow_log"
            " order by originator_id, originator_version"
        ).fetchall()
    lines: dict[str, str] = {}
    for row in rows:
        action_id = row["originator_id"]
        lines[action_id] = f"{lines.get(action_id, '')}{row['originator_version']}."
    return [repr({"action_id": key, "versions": lines[key]}) for key in sorted(lines)]


def total(tx: Transaction, sql: str) -> int:
    """The one number that a query gives."""
    row = tx.execute(sql).fetchone()
    assert row is not None
    return int(next(iter(row.values())))


def load(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    clock: ManualClock,
    *,
    steps: int,
    seed: int = 1,
    between: Callable[[], Any] = lambda: None,
) -> None:
    """People do this and that: request, pay, let expire, cancel, retry."""
    chance = random.Random(seed)
    known: list[tuple[str, str]] = []

    def request() -> None:
        actor = chance.choice(("ann", "bob", "carol"))
        note = chance.choice((Note, HeldNote))(text="gm", price_sats=chance.randrange(4))
        known.append((actor, flow.perform(note, actor=actor).action_id))

    def settle() -> None:
        actor, action_id = chance.choice(known)
        invoice = flow.get(action_id, actor=actor).invoice_id
        if invoice is None:
            raise NoInvoice
        chance.choice((sandbox.pay, sandbox.pay, sandbox.expire))(invoice)
        flow.sync("sandbox", invoice)

    def command() -> None:
        actor, action_id = chance.choice(known)
        chance.choice((flow.cancel, flow.retry))(action_id, actor=actor)

    request()
    for _ in range(steps):
        clock.tick(1)
        with suppress(PaidflowError, NoInvoice):  # not everything can be done in every state
            chance.choice((request, settle, settle, command))()
        between()


def paid_notes(flow: PaidFlow, sandbox: SandboxGateway, count: int) -> list[str]:
    """The ids of so many paid notes of ann, one after the other."""
    ids: list[str] = []
    for _ in range(count):
        receipt = flow.perform(Note(text="gm"), actor="ann")
        sandbox.pay(invoice_of(receipt))
        flow.sync("sandbox", invoice_of(receipt))
        ids.append(receipt.action_id)
    return ids


def standings(rows: Sequence[Any]) -> dict[str, str]:
    """name and version -> state, of lags."""
    return {f"{lag.name}_v{lag.version}": lag.state for lag in rows}
