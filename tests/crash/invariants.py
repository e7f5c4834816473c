"""What must hold whenever a process has died, and what must hold once all work is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from paidflow import PaidFlow
from paidflow.ledger.entries import unclaimed
from paidflow.states.machine import FINAL
from paidflow.store.contract import as_time
from tests.crash.script import Script
from tests.crash.world import GRANTED, World
from tests.wall import effects

PAYABLE = frozenset({"open", "pending"})


def select(flow: PaidFlow, sql: str, **params: Any) -> list[Mapping[str, Any]]:
    """Read the tables as they are."""
    with flow.store.reading() as tx:
        return tx.execute(sql, **params).fetchall()


def statuses(flow: PaidFlow) -> list[Mapping[str, Any]]:
    """The status rows."""
    return select(flow, "select * from paidflow_actions order by action_id")


def attempts(flow: PaidFlow) -> list[Mapping[str, Any]]:
    """The attempts that have an invoice."""
    return select(flow, "select * from paidflow_attempts where invoice_id is not null")


def events(flow: PaidFlow, action_id: str) -> Counter[str]:
    """How often each event is in the log of an action."""
    sql = "select topic from paidflow_events where originator_id = :id"
    topics = (row["topic"] for row in select(flow, sql, id=action_id))
    return Counter(topic.split("@")[0].removeprefix("paid-action.") for topic in topics)


def always(w: World) -> Iterator[str]:
    """What must hold at every moment, between any two steps of any process."""
    for status in statuses(w.flow):
        loaded = w.flow.steps.load(status["action_id"])
        if loaded is None or loaded.aggregate.version != status["version"]:
            yield f"the status {status} is not what the log says"
        if status["state"] not in FINAL and not (status["owed"] and status["due_at"]):
            yield f"nothing is owed in {status}"
        yield from _effects(w.flow, status)
    yield from _invoices(w)
    yield from _ledger(w)


def _effects(flow: PaidFlow, status: Mapping[str, Any]) -> Iterator[str]:
    action_id, state = status["action_id"], status["state"]
    done = effects(flow, action_id)
    loaded = flow.steps.load(action_id)
    assert loaded is not None
    a = loaded.aggregate
    if done["perform"] != int(status["performed"]):
        yield f"perform took effect {done['perform']} times: {status}"
    if done["on_paid"] != int(state == "PAID"):
        yield f"on_paid took effect {done['on_paid']} times in {state}"
    if done["on_failed"] - done["on_retry"] != int(a.undone):
        yield f"undone {a.undone} after {done}"
    if state == "PAID" and (a.undone or not a.performed):
        yield f"PAID, but {a}"
    if state == "FAILED" and a.performed and not (a.undone or a.undo_owed):
        yield f"FAILED, but not undone: {a}"


def _invoices(w: World) -> Iterator[str]:
    """No command without its intent; never two payable invoices of one action."""
    action_of = {row["invoice_id"]: row["action_id"] for row in attempts(w.flow)}
    state_of = {status["action_id"]: status["state"] for status in statuses(w.flow)}
    payable = Counter(
        action_of[book.invoice_id]
        for book in w.sandbox.books()
        if book.status in PAYABLE and book.invoice_id in action_of
    )
    for action_id, count in payable.items():
        if count > 1:
            yield f"{count} payable invoices of {action_id}"
    for call in w.sandbox.calls():
        action_id = action_of.get(call.invoice_id or "")
        if action_id is None or call.operation not in ("capture", "cancel"):
            continue
        intents = events(w.flow, action_id)
        if call.operation == "capture" and not intents["capture-requested"]:
            yield f"capture was called before its intent was committed: {intents}"
        # A newer invoice of an action that is over is closed as well.
        wanted = intents["cancel-requested"] or state_of[action_id] in FINAL
        if call.operation == "cancel" and not wanted:
            yield f"cancel was called before its intent was committed: {intents}"


def balances(flow: PaidFlow) -> Counter[str]:
    """What the entries say of each account: credits less debits."""
    sums: Counter[str] = Counter()
    for entry in select(flow, "select debit, credit, amount from paidflow_entries"):
        sums[entry["credit"]] += entry["amount"]
        sums[entry["debit"]] -= entry["amount"]
    return sums


def _ledger(w: World) -> Iterator[str]:
    sums = balances(w.flow)
    if sum(sums.values()):
        yield f"the entries do not sum up to zero: {sums}"
    purses = {
        row["account"]: row["balance"] for row in select(w.flow, "select * from paidflow_accounts")
    }
    for account in {name for name in sums if name.startswith("purse:")} | set(purses):
        if purses.get(account, 0) != sums[account]:
            yield f"{account} holds {purses.get(account)}, its entries say {sums[account]}"
    if -sums["issued"] > GRANTED.amount:
        yield f"{-sums['issued']} were granted under one key"
    for status in statuses(w.flow):
        loaded = w.flow.steps.load(status["action_id"])
        kept = sums[unclaimed(status["action_id"])]
        if loaded is None or loaded.aggregate.unassigned != kept:
            yield f"{kept} are unclaimed, but {loaded}"


def at_rest(w: World, told: Script) -> Iterator[str]:
    """What must hold once nobody has anything left to do."""
    yield from always(w)
    yield from unrest(w, told)
    for status in statuses(w.flow):
        yield from _kept(w, told, status)
    yield from _truth(w)


def unrest(w: World, told: Script) -> Iterator[str]:
    """What there is left to do, for us or for the bank."""
    for status in statuses(w.flow):
        if status["state"] not in FINAL or status["owed"] not in (None, "person"):
            yield f"not at rest: {status}"
        leased_until = as_time(status["leased_until"])
        if leased_until is not None and leased_until > w.clock.now():
            yield f"still leased: {status}"
    if w.sandbox.total_held().amount:
        yield f"{w.sandbox.total_held()} are still held"
    if told.grace_s is None and w.sandbox.payable_invoices():
        yield "an invoice is still payable"


def _kept(w: World, told: Script, status: Mapping[str, Any]) -> Iterator[str]:
    """Nobody's money is kept for nothing; whoever has paid gets what he has paid for."""
    sums, action_id = balances(w.flow), status["action_id"]
    paid = w.sandbox.total_received().amount > 0 or w.sandbox.total_held().amount > 0
    expected = told.ends if paid else frozenset({"PAID", "FAILED"})
    if status["state"] not in expected:
        yield f"{status['state']} although it was paid for"
    kept = sums[unclaimed(action_id)]
    if kept and status["actor"] is not None and status["owed"] != "person":
        yield f"{kept} of {status['actor']} are kept in {status['state']}"
    earned = sums[f"revenue:{status['kind']}"]
    if earned != (status["cost"] if status["state"] == "PAID" else 0):
        yield f"{earned} earned by {status}"


def _truth(w: World) -> Iterator[str]:
    """What the bank has received is what the entries say, to the last unit."""
    sums = balances(w.flow)
    received = w.sandbox.total_received().amount
    if -sums["clearing:sandbox"] != received:
        yield f"the bank received {received}, the entries say {-sums['clearing:sandbox']}"
    placed = sum(n for name, n in sums.items() if not name.startswith(("clearing:", "issued")))
    if placed != received - sums["issued"]:
        yield f"{received} received, {-sums['issued']} issued, but {placed} placed"


def one_action_only(w: World, told: Script) -> Iterator[str]:
    """A request that was sent twice under one key has made one action."""
    count = sum(status["kind"] == told.action.kind for status in statuses(w.flow))
    if count != 1:
        yield f"one idempotency key has made {count} actions"
