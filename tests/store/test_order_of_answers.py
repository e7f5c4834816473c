"""The order of answers does not matter on a real store either: hooks, rows and ledger included.

The answers are what lookups said earlier; they are applied late, through the real recorder.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import permutations

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.payments import contract as c
from paidflow.states import answers as ans
from paidflow.states.answers import Answer
from paidflow.states.decide import advance, decide
from paidflow.store.sqlite import SqliteStore
from paidflow.testing import ManualClock, SeededIds
from tests.wall import NOTES, SECRET, HeldNote, Note, create_tables, effects, open_wall

GATEWAY = "paper"
COST = sats(10)
STEPS_MAX = 16
SEED = 20_300_102


class PaperGateway:
    """Opens invoices and says nothing more; what it would have said is in the test."""

    def __init__(self) -> None:
        self._opened = 0

    @property
    def profile(self) -> c.Profile:
        return c.Profile(
            capabilities=frozenset({c.Capability.HOLD, c.Capability.CANCEL}),
            currencies=frozenset({"BTC"}),
            account="paper",
            invoice_expiry_s=600,
            patience_s=60,
            close_grace_s=None,
        )

    def open(self, command: c.OpenCommand) -> c.OpenOutcome:
        self._opened += 1
        expires_at = ManualClock().now() + timedelta(seconds=command.expires_in_s)
        invoice_id = f"invoice-{self._opened}"
        return c.Opened(c.Invoice(invoice_id, command.amount, "pay me", expires_at))

    def lookup(self, invoice_id: str) -> c.Lookup:
        raise AssertionError("nobody is asked; all answers were given before")

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        raise AssertionError("nobody captures here")

    def cancel(self, command: c.CancelCommand) -> c.CommandOutcome:
        raise AssertionError("nobody cancels here")

    def updates(self, cursor: str | None) -> c.Updates:
        return c.Updates((), cursor or "")

    def parse_webhook(self, headers: object, body: bytes) -> tuple[c.Hint, ...]:
        return ()


PLAIN = (ans.Pending(), ans.Settled(COST), ans.Expired(), ans.Cancelled())
HOLD = (
    ans.Open(),
    ans.Held(COST, ans.InstantDeadline(ManualClock().now() + timedelta(hours=1))),
    ans.Settled(COST),
    ans.Expired(),
)
NOTE_OF = {PLAIN: Note(text="plain"), HOLD: HeldNote(text="hold")}


@pytest.fixture
def in_memory() -> Iterator[PaidFlow]:
    """A flow on SQLite in memory; this is about logic and not about disks."""
    store = SqliteStore(":memory:", synchronous="OFF")
    store.create()
    flow = PaidFlow(
        store,
        actions=NOTES,
        gateways={GATEWAY: PaperGateway()},
        secret=SECRET,
        clock=ManualClock(),
        ids=SeededIds(),
        open_invoices_max=1_000_000,
    )
    create_tables(flow)
    yield flow
    flow.close()


@pytest.fixture
def on_postgres(postgres_dsn: str) -> Iterator[PaidFlow]:
    flow = open_wall(
        postgres_dsn,
        {GATEWAY: PaperGateway()},
        clock=ManualClock(),
        ids=SeededIds(),
        open_invoices_max=1_000_000,
    )
    yield flow
    flow.close()


def _distinct_orders(times: int, kinds: int) -> list[tuple[int, ...]]:
    """All orders of so many kinds of answers, each so many times."""
    found = {(): (times,) * kinds}
    for _ in range(times * kinds):
        found = {
            (*order, index): (*left[:index], left[index] - 1, *left[index + 1 :])
            for order, left in found.items()
            for index in range(kinds)
            if left[index]
        }
    return list(found)


ORDERS = _distinct_orders(2, 4)


def test_there_are_2520_distinct_orders() -> None:
    assert len(set(ORDERS)) == 2_520
    assert set(_distinct_orders(1, 4)) == set(permutations(range(4)))


def _tell(flow: PaidFlow, action_id: str, told: Sequence[Answer]) -> None:
    """Record each answer and every step that it makes due, as the flow does."""
    now = flow.clock.now()
    loaded = flow.steps.load(action_id)
    assert loaded is not None
    for answer in told:
        events = decide(loaded.aggregate, answer, now)
        for _ in range(STEPS_MAX):
            if not events:
                break
            record = flow._recorder.record_or_fall_back
            loaded, done = record(action_id, loaded, events, "answer")
            assert done
            events = advance(loaded.aggregate, now)
        else:
            raise AssertionError("it never comes to rest")
    assert flow.steps.load(action_id) == loaded


def _tell_order(flow: PaidFlow, lookups: tuple[ans.Lookup, ...], order: Sequence[int]) -> str:
    receipt = flow.perform(NOTE_OF[lookups], actor="ann")
    assert receipt.invoice_id is not None
    told = [Answer(GATEWAY, receipt.invoice_id, lookups[index]) for index in order]
    _tell(flow, receipt.action_id, told)
    return receipt.action_id


def _assert_all_the_same(flow: PaidFlow, actions: Sequence[str]) -> None:
    """All these actions are paid, done once, in place, and their money is in one account each."""
    with flow.store.reading() as tx:
        rows = tx.execute(
            "select action_id, kind, state, performed, attention, failure_reason, owed"
            " from paidflow_actions"
        ).fetchall()
        hooks = tx.execute("select id, hook from effects").fetchall()
        undone = tx.execute("select id from wall where undone <> 0").fetchall()
        wall = tx.execute("select id from wall").fetchall()
        entries = tx.execute("select source, debit, credit, amount from paidflow_entries")
        sums: dict[str, Counter[str]] = {action_id: Counter() for action_id in actions}
        for entry in entries.fetchall():
            side = sums[entry["source"]]
            side[entry["debit"].partition(":")[0]] -= entry["amount"]
            side[entry["credit"].partition(":")[0]] += entry["amount"]
    assert sorted(row["action_id"] for row in rows) == sorted(actions)
    assert {
        (row["state"], bool(row["performed"]), row["attention"], row["failure_reason"])
        for row in rows
    } == {("PAID", True, None, None)}
    assert {row["owed"] for row in rows} == {"after_paid"}
    assert sorted(row["id"] for row in wall) == sorted(actions)
    assert undone == []
    effects_of = {action_id: Counter[str]() for action_id in actions}
    for row in hooks:
        effects_of[row["id"]][row["hook"]] += 1
    for found in effects_of.values():
        assert (found["perform"], found["on_paid"]) == (1, 1)
        # Each undo was taken back by an ``on_retry``; what was never done needs neither.
        assert found["on_failed"] == found["on_retry"] <= 1
        assert found["on_failed"] + found["on_failed_unperformed"] <= 1
    one = {"clearing": -COST.amount, "unclaimed": 0, "revenue": COST.amount}
    assert all(dict(side) == one for side in sums.values())
    assert {found["on_failed"] for found in effects_of.values()} == {0, 1}, "one-sided orders"
    assert effects(flow, actions[0]) == effects_of[actions[0]]


def test_all_orders_of_four_answers_twice_each(in_memory: PaidFlow) -> None:
    actions = [_tell_order(in_memory, HOLD, order) for order in ORDERS]
    assert len(actions) == 2_520
    _assert_all_the_same(in_memory, actions)


def test_sampled_orders_of_an_optimistic_action(in_memory: PaidFlow) -> None:
    sample = random.Random(SEED).sample(ORDERS, 500)
    actions = [_tell_order(in_memory, PLAIN, order) for order in sample]
    _assert_all_the_same(in_memory, actions)


def test_sampled_orders_on_postgres(on_postgres: PaidFlow) -> None:
    sample = random.Random(SEED).sample(ORDERS, 500)
    actions = [
        _tell_order(on_postgres, (PLAIN, HOLD)[index % 2], order)
        for index, order in enumerate(sample)
    ]
    _assert_all_the_same(on_postgres, actions)


@pytest.mark.parametrize(
    "note", [Note(text="twice"), HeldNote(text="twice")], ids=["plain", "hold"]
)
def test_late_double_payment_in_all_orders(in_memory: PaidFlow, note: Note) -> None:
    """Both invoices of one action are paid: one counts, the other goes to the actor's purse."""
    flow = in_memory
    orders = _distinct_orders(2, 3)
    for number, order in enumerate(orders):
        actor = f"ann-{number}"
        first = flow.perform(note, actor=actor)
        assert first.invoice_id is not None
        _tell(flow, first.action_id, [Answer(GATEWAY, first.invoice_id, ans.Expired())])
        again = flow.retry(first.action_id, actor=actor)
        assert again.invoice_id not in (None, first.invoice_id)
        held_or_closed = HOLD[1] if isinstance(note, HeldNote) else ans.Expired()
        told = (
            Answer(GATEWAY, first.invoice_id, ans.Settled(COST)),
            Answer(GATEWAY, str(again.invoice_id), ans.Settled(COST)),
            Answer(GATEWAY, str(again.invoice_id), held_or_closed),
        )
        _tell(flow, first.action_id, [told[index] for index in order])
        receipt = flow.get(first.action_id, actor=actor)
        assert (receipt.state, receipt.unclaimed) == (State.PAID, None)
        done = effects(flow, first.action_id)
        assert (done["perform"], done["on_paid"]) == (1, 1)
        assert done["on_failed"] == done["on_retry"]
        assert flow.balance(actor) == COST
    with flow.store.reading() as tx:
        rows = tx.execute(
            "select credit, sum(amount) as total from paidflow_entries group by credit"
        ).fetchall()
    totals = Counter[str]()
    for row in rows:
        totals[row["credit"].partition(":")[0]] += row["total"]
    one = len(orders) * COST.amount
    assert totals == {"unclaimed": 2 * one, "purse": one, "revenue": one}
