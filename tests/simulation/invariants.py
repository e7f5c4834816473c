"""What must be true of a world: always, or when it is at rest."""

from __future__ import annotations

from collections import Counter, defaultdict

from paidflow import Money, State
from paidflow.flow.loaded import load
from paidflow.ledger.accounts import FEES, LOSSES, is_spendable
from paidflow.payments.contract import Unreachable
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import Amounts
from paidflow.states.attempt import Fact
from paidflow.states.events import LatePolicy, Mode
from paidflow.states.machine import FINAL, REAL
from paidflow.states.postings import total
from paidflow.store.contract import Transaction
from paidflow.store.visibility import visible
from tests.simulation.world import World
from tests.zaps import differences

Balances = Counter[tuple[str, str]]
"""(account, currency) -> minor units"""


def check_always(world: World) -> None:
    """The invariants that hold between any two steps."""
    with world.store.reading() as tx:
        states = {
            row["action_id"]: row for row in tx.execute("select * from paidflow_actions").fetchall()
        }
        effects = _effects(tx)
        _others_see_iff_real(tx, states)
        balances = _balances(tx)
        _accounts_equal_their_entries(tx, balances)
    aggregates = world.all()
    for action_id, row in states.items():
        a = aggregates[action_id]
        _row_tells_the_same(row, a)
        _effects_happen_once(effects[action_id], a)
        _money_is_known(balances, action_id, a)
        assert a.state in FINAL or (row["owed"] and row["due_at"]), "what is not final owes"
    _one_payable_invoice(world, aggregates)
    _receivers_are_paid_safely(world)


def check_at_rest(world: World) -> None:
    """The invariants that hold when every fault has ended and the worker has nothing to do."""
    check_always(world)
    with world.store.reading() as tx:
        rows = tx.execute("select action_id from paidflow_actions").fetchall()
        loaded = {row["action_id"]: load(tx, row["action_id"]) for row in rows}
        balances = _balances(tx)
        losses = _losses(tx)
    aggregates = {key: one.aggregate for key, one in loaded.items() if one is not None}
    books = {book.invoice_id: book for book in world.bank.books()}
    received = 0
    for action_id, a in aggregates.items():
        _lost_iff_paid_out_in_vain(world, a, losses[action_id])
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
    captured = {
        currency: -n for (name, currency), n in balances.items() if name.startswith("clearing:")
    }
    assert world.bank.total_received().amount >= received, "nothing is known that did not come"
    holdings = world.bank.holdings()
    assert not isinstance(holdings, Unreachable)
    held = {money.currency: money.amount for money in holdings}
    assert {**dict.fromkeys(captured, 0), **held} == {**dict.fromkeys(held, 0), **captured}, (
        "every payment is in the ledger"
    )
    passed_on = sum(one.arrived for a in aggregates.values() if _wraps(a) for one in a.pay_outs)
    assert world.bob.total_received().amount == passed_on, "what receivers got is known"
    assert differences(world.flow) == [], "an audit finds nothing"


def _waits_for_payer(a: Aggregate) -> bool:
    return a.state in (State.PENDING, State.PENDING_HELD) and a.current is not None


def _wraps(a: Aggregate) -> bool:
    return a.mode is not Mode.PAY_OUT


def _nothing_is_kept(a: Aggregate) -> None:
    claimable = a.actor is None or a.late_policy is LatePolicy.PERSON or a.left
    assert not a.unclaimed or claimable, "nothing is kept for a failed action"
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
            "select action_id from paidflow_actions where state = 'PAID' and kind <> 'cash'"
        ).fetchall()
    }
    assert {row["id"] for row in seen} == real, "others see a note iff it is real"


def _row_tells_the_same(row: object, a: Aggregate) -> None:
    told = (row["state"], bool(row["performed"]), row["version"])  # type: ignore[index]
    assert told == (a.state, a.performed, a.version), "the status row tells what the log tells"


def _effects_happen_once(effects: Counter[str], a: Aggregate) -> None:
    paid = a.state is State.PAID
    assert effects["perform"] == int(a.performed), "perform ran at most once, and is known"
    went_back = a.state in (State.REFUNDED, State.DISPUTED)
    real = paid or (went_back and not a.undone)
    effect = effects["on_paid"] - effects["on_reversed"]
    assert effect == int(real), "the effect of on_paid exists exactly once iff PAID"
    assert not paid or a.performed, "PAID implies performed"
    undone = a.undone and not went_back
    assert effects["on_failed"] - effects["on_retry"] == int(undone), "undone, then redone"
    assert not (paid and a.undone), "what is real is not undone"


def _balances(tx: Transaction) -> Balances:
    """What each account has according to its entries; in each currency they sum up to zero."""
    balances: Balances = Counter()
    sums: Counter[str] = Counter()
    select = "select debit, credit, amount, currency from paidflow_entries"
    for row in tx.execute(select).fetchall():
        balances[row["debit"], row["currency"]] -= row["amount"]
        balances[row["credit"], row["currency"]] += row["amount"]
    for (_, currency), amount in balances.items():
        sums[currency] += amount
    assert not any(sums.values()), "in each currency all entries sum up to zero"
    return balances


def _money_is_known(balances: Balances, action_id: str, a: Aggregate) -> None:
    """What the accounts of an action have is what its events tell."""

    def has(account: str) -> Amounts:
        return tuple(
            Money(balances[account, currency], currency)
            for currency in ("BTC", "USD")
            if balances[account, currency]
        )

    def expected(amount: int) -> Amounts:
        return (Money(amount, a.cost.currency),) if amount else ()

    assert has(f"unclaimed:{action_id}") == a.unclaimed, "unclaimed money is known"
    sent = 0 if _wraps(a) else sum(one.arrived + one.fee for one in a.pay_outs)
    given = 0 if a.state in FINAL else max(total(a.purses) - sent, 0)  # the rest is a loss
    assert has(f"reserved:{action_id}") == expected(given), "what purses gave is known"
    advanced = 0 if a.state in REAL else a.advanced
    assert has(f"advanced:{action_id}") == expected(-advanced), "what receivers got is owed to us"


def _losses(tx: Transaction) -> Counter[str]:
    """What each action has lost, and what it has cost more than it might, in msats."""
    lost: Counter[str] = Counter()
    select = "select source, debit, credit, amount from paidflow_entries where currency = 'BTC'"
    for row in tx.execute(select).fetchall():
        for side, sign in (("debit", 1), ("credit", -1)):
            if row[side] in (LOSSES, FEES):
                lost[row["source"]] += sign * row["amount"]
    return lost


def _lost_iff_paid_out_in_vain(world: World, a: Aggregate, lost: int) -> None:
    """A receiver's share is lost iff the payer's money did not come, and made good when it does."""
    ids = {one.payment_id for one in a.pay_outs}
    went_back = a.purses_refunded or a.refunds or any(t.reversals for t in a.attempts)
    if not _wraps(a) or ids & world.bank.denied or went_back:
        return
    arrived = [
        one for one in world.bank.payments() if one.payment_id in ids and one.status == "paid_out"
    ]
    assert len(arrived) <= 1, "one receiver is paid, once"
    for payment in arrived:
        over = max(payment.fee - payment.fee_max, 0)
        spent = payment.amount + payment.fee
        expected = spent if a.state is State.FAILED else over
        assert lost == expected, "a loss is what nobody paid for"
    assert arrived or lost == 0, "nothing is lost that was not paid out"


def _receivers_are_paid_safely(world: World) -> None:
    twice = [payment_id for payment_id, times in world.bank.sent.items() if times > 1]
    assert not twice, "each payment is sent at most once"
    assert not world.bank.let_go, "no money is let go while its receiver may be paid"


def _accounts_equal_their_entries(tx: Transaction, balances: Balances) -> None:
    kept: Balances = Counter()
    for row in tx.execute("select account, currency, balance from paidflow_accounts").fetchall():
        assert row["balance"] >= 0, "no overdraft"
        kept[row["account"], row["currency"]] += row["balance"]
    for row in tx.execute("select account, currency, amount from paidflow_unswept").fetchall():
        kept[row["account"], row["currency"]] += row["amount"]
    for account in {name for name in balances if is_spendable(name[0])} | set(kept):
        assert kept[account] == balances[account] >= 0, "an account equals the sum of its entries"


def _one_payable_invoice(world: World, aggregates: dict[str, Aggregate]) -> None:
    payable = set(world.bank.payable_invoices())
    confirmed = world.bank.profile.close_grace_s is None
    for a in aggregates.values():
        open_now = [t for t in a.attempts if t.invoice_id in payable]
        unassumed = [t for t in open_now if confirmed or t.fact < Fact.CLOSED]
        assert len(unassumed) <= 1, "at most one payable invoice"
