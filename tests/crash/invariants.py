"""What must hold whenever a process has died, and what must hold once all work is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from paidflow import POOL, PaidFlow
from paidflow.ledger.accounts import advanced, is_spendable, purse, reserved, unclaimed
from paidflow.ledger.accounts import refunding as refunding_account
from paidflow.payments.contract import Unreachable
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import amount_in
from paidflow.states.events import Mode
from paidflow.states.machine import FINAL, REAL
from paidflow.states.part import part_id
from paidflow.states.pay_out import PayOutFact
from paidflow.states.postings import total
from paidflow.states.reversals import refunding
from paidflow.store.records import as_time
from tests.crash.notes import Prize
from tests.crash.script import Script
from tests.crash.world import GRANTED, World
from tests.payday import Cash
from tests.wall import effects
from tests.zaps import differences

PAYABLE = frozenset({"open", "pending"})
_UNKNOWN = ("lookup_payment", "NotFound")
_MADE = frozenset({"Accepted", "time_out_after"})
EARNED = """
    select n.amount from paidflow_entries n
    join paidflow_log e on e.originator_id = n.source and e.originator_version = n.version
    where n.source = :action_id and e.topic like 'paid-action.paid@%' and n.credit <> 'exchange'
"""
"""What was paid out for an action, to whomever."""


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
    denied = _denied(w)
    yield from _invoices(w)
    yield from _passed_on(w, denied)
    yield from _payments(w)
    yield from _ended(w, denied, except_for=denied)
    yield from _ledger(w)


def _effects(flow: PaidFlow, status: Mapping[str, Any]) -> Iterator[str]:
    action_id, state = status["action_id"], status["state"]
    loaded = flow.steps.load(action_id)
    assert loaded is not None
    a = loaded.aggregate
    done = effects(flow, action_id)
    for number, _ in enumerate(a.parts, start=1):
        carried = effects(flow, part_id(action_id, number))
        if carried != done:
            yield f"{carried} of part {number}, but {done} of the action itself"
    if done["perform"] != int(status["performed"]):
        yield f"perform took effect {done['perform']} times: {status}"
    went_back = state in ("REFUNDED", "DISPUTED")
    real = state == "PAID" or (went_back and a.undo_owed)
    if done["on_paid"] - done["on_reversed"] != int(real):
        yield f"on_paid took effect, less on_reversed, not {int(real)} times: {done} in {state}"
    if done["on_failed"] - done["on_retry"] != int(a.undone and not went_back):
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
        if action_id is None or call.operation not in ("capture", "cancel", "refund"):
            continue
        intents = events(w.flow, action_id)
        if call.operation == "capture" and not intents["capture-requested"]:
            yield f"capture was called before its intent was committed: {intents}"
        if call.operation == "refund" and not intents["refund-requested"]:
            yield f"refund was called before its intent was committed: {intents}"
        # A newer invoice of an action that is over is closed as well.
        wanted = intents["cancel-requested"] or state_of[action_id] in FINAL
        if call.operation == "cancel" and not wanted:
            yield f"cancel was called before its intent was committed: {intents}"


def _passed_on(w: World, denied: frozenset[str]) -> Iterator[str]:
    """A hold is not let go while its receiver may be paid, and he gets what was paid out."""
    released = {call.invoice_id for call in w.sandbox.calls() if call.operation == "cancel"}
    released -= denied
    for payment in w.sandbox.payments():
        if payment.payment_id in released and payment.status != "failed":
            yield f"the hold of {payment} was let go"
    if w.accounts:
        received = sum(bob.total_received().amount for bob in w.accounts)
        paid_out = sum(p.amount for p in w.sandbox.payments() if p.status == "paid_out")
        if received != paid_out:
            yield f"{paid_out} were paid out, {received} received"


def _payments(w: World) -> Iterator[str]:
    """Nothing is sent twice, nothing without its intent; who has it back is not paid."""
    sent = Counter(call.invoice_id for call in w.sandbox.calls() if call.operation == "pay_out")
    rows = {row["payment_id"]: row for row in select(w.flow, "select * from paidflow_payments")}
    for payment_id, count in sent.items():
        row = rows.get(payment_id)
        if row is None or not events(w.flow, row["action_id"])["pay-out-requested"]:
            yield f"{payment_id} was sent before its intent was committed"
        if count > 1:
            yield f"{payment_id} was sent {count} times"


def _ended(
    w: World, denied: frozenset[str], except_for: frozenset[str] = frozenset()
) -> Iterator[str]:
    """What we know of payments that are over is what the bank knows; one for an action arrives."""
    arrived: Counter[str] = Counter()
    status_of = {payment.payment_id: payment.status for payment in w.sandbox.payments()}
    for row in select(w.flow, "select * from paidflow_payments"):
        loaded = w.flow.steps.load(row["action_id"])
        assert loaded is not None
        pay_out = loaded.aggregate.pay_outs[row["number"] - 1]
        payment_id = row["payment_id"]
        status = status_of.get(payment_id, "never sent")
        arrived[row["action_id"]] += status == "paid_out"
        told = (pay_out.fact is PayOutFact.SETTLED) == (status == "paid_out")
        if pay_out.over and not told and payment_id not in except_for:
            yield f"{pay_out} is {status} at the bank"
        if row["never_sent"] and status != "never sent" and payment_id not in denied:
            yield f"{row} is {status} at the bank"
    for action_id, count in arrived.items():
        if count > 1:
            yield f"{count} payments of {action_id} have arrived"


def _denied(w: World) -> frozenset[str]:
    """The payments that the bank has made, and then said that it does not know."""
    made: set[str | None] = set()
    denied: set[str] = set()
    for call in w.sandbox.calls():
        if call.operation == "pay_out" and _MADE & {call.outcome, call.fault}:
            made.add(call.invoice_id)
        elif call.invoice_id in made and (call.operation, call.outcome) == _UNKNOWN:
            denied.add(call.invoice_id or "")
    return frozenset(denied)


def balances(flow: PaidFlow, source: str = "%") -> Counter[str]:
    """What the entries say of each account: credits less debits; of one action or of all."""
    sums: Counter[str] = Counter()
    sql = "select debit, credit, amount from paidflow_entries where source like :source"
    for entry in select(flow, sql, source=source):
        sums[entry["credit"]] += entry["amount"]
        sums[entry["debit"]] -= entry["amount"]
    return sums


def _ledger(w: World) -> Iterator[str]:
    sums = balances(w.flow)
    if sum(sums.values()):
        yield f"the entries do not sum up to zero: {sums}"
    kept: Counter[str] = Counter()
    for row in select(w.flow, "select account, balance from paidflow_accounts"):
        kept[row["account"]] += row["balance"]
    for row in select(w.flow, "select account, amount from paidflow_unswept"):
        kept[row["account"]] += row["amount"]
    for account in {name for name in sums if is_spendable(name)} | set(kept):
        if not kept[account] == sums[account] >= 0:
            yield f"{account} holds {kept[account]}, its entries say {sums[account]}"
    if -sums["issued"] > GRANTED.amount:
        yield f"{-sums['issued']} were granted under one key"
    for status in statuses(w.flow):
        loaded = w.flow.steps.load(status["action_id"])
        assert loaded is not None
        a = loaded.aggregate
        if sums[unclaimed(status["action_id"])] != sum(money.amount for money in a.unclaimed):
            yield f"{sums[unclaimed(status['action_id'])]} are unclaimed, but {a}"
        if sums[reserved(status["action_id"])] != _reserved(a):
            yield f"{sums[reserved(status['action_id'])]} are reserved, but {a}"
        if -sums[advanced(status["action_id"])] != _advanced(a):
            yield f"{sums[advanced(status['action_id'])]} are advanced, but {a}"
        given = balances(w.flow, status["action_id"])
        if status["kind"] == Prize.kind and given[POOL] != -given[purse("bob")]:
            yield f"the pool has given and got {given[POOL]} for a prize of {given[purse('bob')]}"
        if sums[refunding_account(status["action_id"])] != amount_in(refunding(a), "BTC"):
            yield f"{sums[refunding_account(status['action_id'])]} are to be refunded, but {a}"


def _reserved(a: Aggregate) -> int:
    """What purses have given for an action, as long as it is neither paid nor given back."""
    if a.state in FINAL:
        return 0
    sent = sum(pay_out.arrived + pay_out.fee for pay_out in a.pay_outs)
    return total(a.purses) - (sent if a.mode is Mode.PAY_OUT else 0)


def _advanced(a: Aggregate) -> int:
    """What was paid out for an action and has not come in yet."""
    return 0 if a.state in REAL else a.advanced


def at_rest(w: World, told: Script) -> Iterator[str]:
    """What must hold once nobody has anything left to do."""
    yield from always(w)
    yield from unrest(w, told)
    yield from _ended(w, _denied(w))
    for status in statuses(w.flow):
        yield from _kept(w, told, status)
    yield from _truth(w)
    yield from differences(w.flow)


def unrest(w: World, told: Script) -> Iterator[str]:
    """What there is left to do, for us or for the bank."""
    for status in statuses(w.flow):
        if status["state"] not in FINAL or status["owed"] not in (None, "person", "reversal"):
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
    expected = told.ends if paid else told.ends | {"PAID", "FAILED"}
    if status["state"] not in expected:
        yield f"{status['state']} although it was paid for"
    kept = sums[unclaimed(action_id)]
    if kept and status["actor"] is not None and status["owed"] != "person":
        yield f"{kept} of {status['actor']} are kept in {status['state']}"
    if sums[reserved(action_id)]:
        yield f"{sums[reserved(action_id)]} are reserved in {status['state']}"
    if status["kind"] == Cash.kind:  # the whole of it is somebody else's
        return
    earned = sum(row["amount"] for row in select(w.flow, EARNED, action_id=action_id))
    if earned != (status["cost"] if status["state"] in ("PAID", "REFUNDED", "DISPUTED") else 0):
        yield f"{earned} earned by {status}"


def _truth(w: World) -> Iterator[str]:
    """What the bank holds is what the entries say, to the last unit."""
    sums = balances(w.flow)
    holdings = w.sandbox.holdings()
    assert not isinstance(holdings, Unreachable)
    received = sum(money.amount for money in holdings)
    if -sums["clearing:sandbox"] != received:
        yield f"the bank holds {received}, the entries say {-sums['clearing:sandbox']}"
    placed = sum(n for name, n in sums.items() if not name.startswith(("clearing:", "issued")))
    if placed != received - sums["issued"]:
        yield f"{received} are there, {-sums['issued']} issued, but {placed} placed"


def one_action_only(w: World, told: Script) -> Iterator[str]:
    """A request that was sent twice under one key has made one action."""
    count = sum(status["kind"] == told.action.kind for status in statuses(w.flow))
    if count != 1:
        yield f"one idempotency key has made {count} actions"
