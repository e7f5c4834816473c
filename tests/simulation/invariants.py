"""What must be true of a world: always, or when it is at rest."""

from __future__ import annotations

from collections import Counter, defaultdict

from paidflow import State
from paidflow.flow.loaded import load
from paidflow.states.aggregate import Aggregate, Fact
from paidflow.states.events import LatePolicy
from paidflow.states.machine import FINAL
from paidflow.store.contract import Transaction
from paidflow.store.visibility import visible
from tests.simulation.world import World


def check_always(world: World) -> None:
    """The invariants that hold between any two steps."""
    with world.store.reading() as tx:
        states = {
            row["action_id"]: row for row in tx.execute("select * from paidflow_actions").fetchall()
        }
        effects = _effects(tx)
        _others_see_iff_real(tx, states)
        _purses_equal_their_entries(tx)
        unclaimed = _balances(tx)
        aggregates = {
            action_id: world.aggregate(tx, action_id, row["version"])
            for action_id, row in states.items()
        }
    for action_id, row in states.items():
        a = aggregates[action_id]
        assert a is not None
        _row_tells_the_same(row, a)
        _effects_happen_once(effects[action_id], a)
        assert unclaimed[f"unclaimed:{action_id}"] == a.unassigned, "unclaimed money is known"
        assert a.state in FINAL or (row["owed"] and row["due_at"]), "what is not final owes"
    _one_payable_invoice(world, {key: a for key, a in aggregates.items() if a is not None})


def check_at_rest(world: World) -> None:
    """The invariants that hold when every fault has ended and the worker has nothing to do."""
    check_always(world)
    with world.store.reading() as tx:
        rows = tx.execute("select action_id from paidflow_actions").fetchall()
        loaded = {row["action_id"]: load(tx, row["action_id"]) for row in rows}
        aggregates = {key: one and one.aggregate for key, one in loaded.items()}
        balances = _balances(tx)
    books = {book.invoice_id: book for book in world.bank.books()}
    received = 0
    for a in aggregates.values():
        assert a is not None
        for attempt in a.attempts:
            if attempt.invoice_id is not None:
                book = books[attempt.invoice_id]
                received += book.received.amount
                assert not book.held.amount, f"nothing is held at rest: {attempt} in {a}"
                assert attempt.received == book.received.amount, "all received money is known"
        if a.state is State.FAILED:
            _nothing_is_kept(a)
        stuck = a.attention is not None
        assert a.state in FINAL or stuck or _waits_for_payer(a), f"{a.state} at rest"
    captured = sum(-n for name, n in balances.items() if name.startswith("clearing:"))
    assert received == captured, "every payment is in the ledger"
    assert sum(balances.values()) == 0, "every entry is balanced"


def _waits_for_payer(a: Aggregate) -> bool:
    return a.state in (State.PENDING, State.PENDING_HELD) and a.current is not None


def _nothing_is_kept(a: Aggregate) -> None:
    claimable = a.actor is None or a.late_policy is LatePolicy.PERSON or a.decided > 0
    assert a.unassigned == 0 or claimable, "nothing is kept for a failed action"
    assert a.current is None or a.current.dead or a.current.invoice_id is None, "no open invoice"


def _effects(tx: Transaction) -> defaultdict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in tx.execute("select id, hook from effects").fetchall():
        found[row["id"]][row["hook"]] += 1
    return found


def _others_see_iff_real(tx: Transaction, states: dict[str, object]) -> None:
    seen = tx.execute(f"select id from wall where {visible('wall.id')}", viewer="nobody").fetchall()
    real = {
        row["action_id"]
        for row in tx.execute(
            "select action_id from paidflow_actions where state = 'PAID'"
        ).fetchall()
    }
    assert {row["id"] for row in seen} == real, "others see a note iff it is real"


def _row_tells_the_same(row: object, a: Aggregate) -> None:
    told = (row["state"], bool(row["performed"]), row["version"])  # type: ignore[index]
    assert told == (a.state, a.performed, a.version), "the status row tells what the log tells"


def _effects_happen_once(effects: Counter[str], a: Aggregate) -> None:
    paid = a.state is State.PAID
    assert effects["perform"] == int(a.performed), "perform ran at most once, and is known"
    assert effects["on_paid"] == int(paid), "the effect of on_paid exists exactly once iff PAID"
    assert not paid or a.performed, "PAID implies performed"
    assert effects["on_failed"] - effects["on_retry"] == int(a.undone), "undone, then redone"
    assert not (paid and a.undone), "what is real is not undone"


def _balances(tx: Transaction) -> Counter[str]:
    balances: Counter[str] = Counter()
    for row in tx.execute("select debit, credit, amount from paidflow_entries").fetchall():
        balances[row["debit"]] -= row["amount"]
        balances[row["credit"]] += row["amount"]
    return balances


def _purses_equal_their_entries(tx: Transaction) -> None:
    for row in tx.query("audit_accounts").fetchall():
        assert row["balance"] == row["entries"], "a purse equals the sum of its entries"
        assert row["balance"] >= 0, "no overdraft"


def _one_payable_invoice(world: World, aggregates: dict[str, Aggregate]) -> None:
    payable = set(world.bank.payable_invoices())
    confirmed = world.bank.profile.close_grace_s is None
    for a in aggregates.values():
        open_now = [t for t in a.attempts if t.invoice_id in payable]
        unassumed = [t for t in open_now if confirmed or t.fact < Fact.CLOSED]
        assert len(unassumed) <= 1, "at most one payable invoice"
