"""What a projection is given, and what a wrong one is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from paidflow import Batch, Counter, Folding, PaidFlow, Worker
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
