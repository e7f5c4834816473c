"""A crowd at one door: the same key, the same purse, the same claim, the same work."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from paidflow import CREDITS, AfterPaid, PaidFlow, Receipt, State, Worker, sats
from paidflow.errors import ClaimTaken, InsufficientFunds
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.crash import crash_at
from tests.flow.support import invoice_of
from tests.payday import agrees, cash, earn, open_payday, purse_of, sent
from tests.races.arena import Result, together
from tests.wall import NOTES, SECRET, HeldNote, Note, create_tables, effects

CROWD = 20


class Coin(Note):
    """A note that only credits pay for."""

    kind = "coin"
    funding = (CREDITS,)
    anonymous = False
    told: ClassVar[Counter[str]] = Counter()
    lock: ClassVar[threading.Lock] = threading.Lock()

    def after_paid(self, paid: AfterPaid) -> None:
        with Coin.lock:
            Coin.told[paid.key] += 1


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = PaidFlow.open(
        store_url,
        actions=[*NOTES, Coin],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
    )
    create_tables(opened)
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CROWD) as opened:
        yield opened


def count(flow: PaidFlow, table: str) -> int:
    with flow.store.reading() as tx:
        row = tx.execute(f"select count(*) as total from {table}").fetchone()
    assert row is not None
    return row["total"]


@pytest.mark.parametrize("kind", [Note, HeldNote, Coin])
@pytest.mark.parametrize("claim", [None, "one"])
def test_the_same_key_makes_one_action(
    flow: PaidFlow, pool: ThreadPoolExecutor, kind: type[Note], claim: str | None
) -> None:
    flow.grant("ann", sats(15), key="g") if kind is Coin else None
    note = kind(text="gm", claim=claim)
    results = together(pool, [lambda: flow.perform(note, actor="ann", idempotency_key="k")] * CROWD)
    receipts = [r for r in results if isinstance(r, Receipt)]
    assert len(receipts) == CROWD, results
    assert len({(r.action_id, r.proof, r.invoice_id) for r in receipts}) == 1
    assert [r.changed for r in receipts].count(True) == 1
    assert count(flow, "paidflow_actions") == count(flow, "paidflow_requests") == 1
    assert flow.balance("ann") == sats(5 if kind is Coin else 0)


def test_a_purse_that_suffices_for_five(flow: PaidFlow, pool: ThreadPoolExecutor) -> None:
    flow.grant("ann", sats(59), key="g")
    results = together(pool, [lambda: flow.perform(Coin(text="gm"), actor="ann")] * CROWD)
    kinds = Counter(type(r) for r in results)
    assert kinds == {Receipt: 5, InsufficientFunds: 15}, results
    assert flow.balance("ann") == sats(9)
    assert count(flow, "wall") == 5
    with flow.store.reading() as tx:
        rows = tx.query("audit_accounts").fetchall()
    assert all(row["balance"] == row["entries"] >= 0 for row in rows)


def test_fifty_withdrawals_of_a_purse_that_has_twenty(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    flow = open_payday(store_url, sandbox, clock)
    earn(flow, sandbox, sats(209))
    withdrawal = cash(amount=sats(10), fee_max=sats(0))
    with ThreadPoolExecutor(50) as many:
        results = together(many, [lambda: flow.perform(withdrawal, actor="ann")] * 50)
    told = Counter(r.state if isinstance(r, Receipt) else type(r) for r in results)
    assert told == {State.PAID: 20, InsufficientFunds: 30}, results
    assert len(sent(sandbox)) == len(set(sent(sandbox))) == 20
    assert purse_of(flow) == sats(9)
    agrees(flow, sandbox)
    flow.close()


def test_one_withdrawal_is_sent_by_one(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, pool: ThreadPoolExecutor
) -> None:
    """Its owner and many workers want to send it at the same moment."""
    flow = open_payday(store_url, sandbox, clock)
    earn(flow, sandbox, sats(50))
    for number in range(3):
        with crash_at("perform.pay_out_intent.before"):
            flow.perform(cash(), actor="ann", idempotency_key=f"{number}")
        clock.tick(6)
        together(pool, [lambda: Worker(flow).run_once()] * CROWD)
    clock.tick(6)
    Worker(flow).run_once()
    assert len(sent(sandbox)) == len(set(sent(sandbox))) == 3
    assert purse_of(flow) == sats(20)
    agrees(flow, sandbox)
    flow.close()


def test_a_purse_that_falls_through_to_invoices(flow: PaidFlow, pool: ThreadPoolExecutor) -> None:
    flow.grant("ann", sats(59), key="g")
    results = together(pool, [lambda: flow.perform(Note(text="gm"), actor="ann")] * CROWD)
    states = Counter(r.state for r in results if isinstance(r, Receipt))
    assert states == {State.PAID: 5, State.PENDING: 15}, results
    assert flow.balance("ann") == sats(0)  # the invoice of one of them asks for the rest
    due = [r.amount_due for r in results if isinstance(r, Receipt) and r.state is State.PENDING]
    assert sorted(str(amount) for amount in due) == [str(sats(1)), *[str(sats(10))] * 14]


@pytest.mark.parametrize("kind", [Note, HeldNote])
def test_the_same_claim_is_taken_once(
    flow: PaidFlow, pool: ThreadPoolExecutor, kind: type[Note]
) -> None:
    def take(number: int) -> Result:
        return flow.perform(kind(text="gm", claim="one"), actor=f"actor-{number}")

    results = together(pool, [lambda n=n: take(n) for n in range(CROWD)])
    kinds = Counter(type(r) for r in results)
    assert kinds == {Receipt: 1, ClaimTaken: CROWD - 1}, results
    assert count(flow, "paidflow_actions") == count(flow, "paidflow_claims") == 1


def test_the_same_grant_is_given_once(flow: PaidFlow, pool: ThreadPoolExecutor) -> None:
    results = together(pool, [lambda: flow.grant("ann", sats(5), key="g")] * CROWD)
    assert results == [None] * CROWD
    assert flow.balance("ann") == sats(5)


def test_unclaimed_money_is_claimed_once(
    flow: PaidFlow, pool: ThreadPoolExecutor, sandbox: SandboxGateway
) -> None:
    receipt = flow.perform(HeldNote(text="hm"))
    sandbox.pay(invoice_of(receipt), sats(15))
    flow.sync("sandbox", invoice_of(receipt))
    proof = receipt.proof or ""
    results = together(
        pool, [lambda: flow.claim(receipt.action_id, proof=proof, actor="ann")] * CROWD
    )
    assert sum(isinstance(r, Receipt) for r in results) == 1
    assert flow.balance("ann") == sats(5)


def test_many_workers_on_many_actions(
    flow: PaidFlow, pool: ThreadPoolExecutor, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    notes = [flow.perform(Note(text="gm"), actor="ann") for _ in range(50)]
    notes += [flow.perform(HeldNote(text="hm")) for _ in range(50)]
    for receipt in notes:
        sandbox.pay(invoice_of(receipt))
    for _ in range(4):
        together(pool, [lambda: Worker(flow).run_once()] * 8)
        clock.tick(700)
    for receipt in notes:
        after = flow.get(receipt.action_id, proof=receipt.proof)
        assert after.state is State.PAID
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert sandbox.total_received() == sats(1000)
    with flow.store.reading() as tx:
        row = tx.execute("select count(*) as owing from paidflow_actions where owed is not null")
        assert row.fetchone() == {"owing": 0}


def test_many_workers_tell_everybody_once(
    flow: PaidFlow, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    flow.grant("ann", sats(300), key="g")
    made = [flow.perform(Coin(text="gm"), actor="ann") for _ in range(30)]
    clock.tick(6)
    together(pool, [lambda: Worker(flow).run_once()] * 8)
    told = {f"{r.action_id}:after_paid": 1 for r in made}
    assert {key: times for key, times in Coin.told.items() if key in told} == told
