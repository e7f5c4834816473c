"""What a projection is given, and what a wrong one is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from paidflow import Batch, Counter, Folding, PaidFlow, Projection, Worker, rebuild
from paidflow.actions.contract import HookTransaction
from paidflow.errors import InvalidConfiguration
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.codec import EVENT_TYPES
from paidflow.states.events import AttemptEvent, HoldSeen, Paid, Requested
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.views.support import Earned, Journal, dump, paid_notes
from tests.wall import HeldNote, Note


class Seen(Journal):
    """Keeps what it is given."""

    name = "seen"
    given: list[Batch]

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        self.given.append(batch)


def fold(flow: PaidFlow, projection: Any) -> None:
    Folding(flow, [projection]).run_until_idle()


def test_a_counter_adds_up(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    folding = Folding(flow, [Earned()])
    assert dump(flow, "earned") == []
    for actor, price in (("ann", 10), ("bob", 7), ("ann", 3)):
        receipt = flow.perform(Note(text="gm", price_sats=price), actor=actor)
        sandbox.pay(invoice_of(receipt))
        flow.sync("sandbox", invoice_of(receipt))
        folding.run_until_idle()
    flow.perform(Note(text="not paid"), actor="carol")
    folding.run_until_idle()
    wanted = [
        {"actor": "ann", "notes": 2, "sats": 13},
        {"actor": "bob", "notes": 1, "sats": 7},
    ]
    assert dump(flow, "earned") == [repr(row) for row in wanted]


def test_events_are_those_of_the_log(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    (action_id,) = paid_notes(flow, sandbox, 1)
    seen = Seen()
    seen.given = []
    fold(flow, seen)
    (batch,) = seen.given
    assert [event.version for event in batch] == list(range(1, len(batch) + 1))
    assert {event.action_id for event in batch} == {action_id}
    assert {event.recorded_at for event in batch} == {clock.now()}
    history = flow.history(action_id, actor="ann")
    assert [event.event.name for event in batch] == [line.event for line in history]
    ((found, requested),) = batch.of(Requested)
    assert (found, requested.kind, requested.actor) == (action_id, "note", "ann")
    assert list(batch.of(HoldSeen)) == []
    assert batch.actions(Requested) == [action_id]
    assert batch.actions(HoldSeen) == []


def test_a_batch_knows_whose_its_actions_are(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    seen = Seen()
    whose: dict[str, str | None] = {}
    seen.apply = lambda tx, batch: whose.update(batch.actors())  # type: ignore[method-assign]
    (mine,) = paid_notes(flow, sandbox, 1)
    nobodys = flow.perform(HeldNote(text="gm"), actor=None).action_id
    fold(flow, seen)
    assert whose == {mine: "ann", nobodys: None}


def test_what_many_events_add_alike_is_added_as_often(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    """Also when others come in between, and when a number is negative."""
    paid_notes(flow, sandbox, 3)

    class Mixed(Earned):
        name = "mixed"

        def count(self, batch: Batch) -> Iterator[tuple[str, int, int]]:
            for line in super().count(batch):
                yield from (line, ("bob", 1, -5), line)

    fold(flow, Mixed())
    wanted = [
        {"actor": "ann", "notes": 6, "sats": 60},
        {"actor": "bob", "notes": 3, "sats": -15},
    ]
    assert dump(flow, "mixed") == [repr(row) for row in wanted]


def test_only_wanted_events_come(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    paid_notes(flow, sandbox, 2)
    seen = Seen()
    seen.given, seen.events = [], (Paid,)  # type: ignore[misc]
    fold(flow, seen)
    assert [event.topic for batch in seen.given for event in batch] == ["paid-action.paid@1"] * 2


def test_a_parent_stands_for_its_children() -> None:
    seen = Seen()
    assert seen.topics == sorted(EVENT_TYPES)
    seen.events = (AttemptEvent,)  # type: ignore[misc]
    assert "paid-action.hold-seen" in seen.topics
    assert "paid-action.paid" not in seen.topics


def test_arguments_come_for_one_kind_and_until_erased(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    first, second = paid_notes(flow, sandbox, 2)
    flow.perform(HeldNote(text="held"), actor="ann")
    Worker(flow).run_until_idle()
    flow.erase(first)
    found: dict[str, dict[str, Any]] = {}

    class Argued(Journal):
        name = "argued"

        def apply(self, tx: HookTransaction, batch: Batch) -> None:
            found.update(batch.arguments("note"))

    fold(flow, Argued())
    assert {action_id: arguments["text"] for action_id, arguments in found.items()} == {
        second: "gm"
    }


def test_many_rows_of_every_sort_are_inserted(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    paid_notes(flow, sandbox, 1)
    rows = [{"id": n, "text": f"'\"%s:{n}✓", "empty": None} for n in range(3)]

    class Many(Journal):
        name = "many"

        def create(self, tx: HookTransaction) -> None:
            tx.execute(f"create table {self.table} (id bigint, text text, empty text)")

        def apply(self, tx: HookTransaction, batch: Batch) -> None:
            batch.insert(self.table, rows)
            batch.insert(self.table, [])

    fold(flow, Many())
    assert dump(flow, "many") == [repr(row) for row in rows]


def test_a_rebuilt_view_may_have_other_columns(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    paid_notes(flow, sandbox, 2)

    class Richer(Earned):
        version = 2
        columns = ("notes", "sats", "ones")

        def count(self, batch: Batch) -> Iterator[tuple[str, int, int, int]]:  # type: ignore[override]
            for line in super().count(batch):
                yield *line, 1

    fold(flow, Earned())
    fold(flow, Richer())
    wanted = {"actor": "ann", "notes": 2, "sats": 20, "ones": 2}
    assert dump(flow, "earned") == [repr(wanted)]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "Total"}, "needs a name of small letters"),
    ({"name": "a b"}, "needs a name of small letters"),
    ({"name": "x; drop table wall"}, "needs a name of small letters"),
    ({"name": "a" * 41}, "needs a name of small letters"),
    ({"version": 0}, "version must be 1 or more"),
    ({"events": ()}, "needs the events"),
]


class Pair(Journal):
    """Keeps a second view that says the same."""

    name = "pair"
    beside = ("twin",)

    def create(self, tx: HookTransaction) -> None:
        super().create(tx)
        tx.execute(f"create table {self.table_of('twin')} (action_id text primary key)")

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        super().apply(tx, batch)
        rows = [{"action_id": action_id} for action_id in sorted({e.action_id for e in batch})]
        batch.insert(self.table_of("twin"), rows, "on conflict (action_id) do nothing")


class Pair2(Pair):
    """Its next version."""

    version = 2


def test_views_beside_each_other_are_rebuilt_together(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    paid_notes(flow, sandbox, 2)
    fold(flow, Pair())
    before = dump(flow, "twin")
    assert len(before) == 2
    new = Folding(flow, [Pair2()])
    rebuild(new, "pair")
    paid_notes(flow, sandbox, 1)
    new.run_until_idle()
    assert len(dump(flow, "twin")) == 3
    assert dump(flow, "twin_v1") == before
    new.drop_retired()
    with pytest.raises(Exception, match="twin_v1"):
        dump(flow, "twin_v1")
    with pytest.raises(InvalidConfiguration, match="the name twin"):
        Folding(flow, [Pair(), type("Other", (Journal,), {"name": "twin"})()])


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_a_wrong_projection_is_refused(
    flow: PaidFlow, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidConfiguration, match=sentence):
        Folding(flow, [type("Wrong", (Earned,), change)()])


def test_two_of_one_name_are_refused(flow: PaidFlow) -> None:
    with pytest.raises(InvalidConfiguration, match="two projections have the name earned"):
        Folding(flow, [Earned(), Earned()])


def test_a_counter_says_what_it_counts() -> None:
    assert Counter.__abstractmethods__ == {"count"}


class Mirror(Projection):
    """Keeps what was asked for."""

    name = "mirror"
    events = (Paid,)
    kinds: dict[str, tuple[str, str | None]]

    def create(self, tx: HookTransaction) -> None:
        tx.execute(f"create table {self.table} (action_id text primary key)")

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        asked = batch.requested()
        self.kinds |= {key: (event.kind, event.actor) for key, event in asked.items()}


def test_a_batch_knows_what_was_asked_for(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first, second = paid_notes(flow, sandbox, 2)
    mirror = Mirror()
    mirror.kinds = {}
    fold(flow, mirror)
    assert mirror.kinds == dict.fromkeys((first, second), ("note", "ann"))


def test_a_batch_reads_and_deletes_rows_of_its_own(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    class Latest(Mirror):
        def apply(self, tx: HookTransaction, batch: Batch) -> None:
            ids = [event.action_id for event in batch]
            gone = [row["action_id"] for row in batch.rows_of(self.table, "action_id", kept)]
            batch.delete_of(self.table, "action_id", gone)
            batch.insert(self.table, [{"action_id": key} for key in ids])

    kept, folding = list[str](), Folding(flow, [Latest()])
    kept += paid_notes(flow, sandbox, 2)
    folding.run_until_idle()
    newer = paid_notes(flow, sandbox, 1)
    kept.pop()
    folding.run_until_idle()
    assert len(dump(flow, "mirror")) == 2
    assert [newer[0] in row for row in dump(flow, "mirror")].count(True) == 1
