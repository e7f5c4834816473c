"""What comes in on an account does not wait for its row; the owner sweeps; on both stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from paidflow import PaidFlow, State, msats, purse
from paidflow.errors import InsufficientFunds
from paidflow.ledger.accounts import ISSUED
from paidflow.ledger.entries import Entry
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.contract import Transaction
from paidflow.testing import ManualClock
from tests.wall import open_wall
from tests.zaps import ZAPS, Zap, differences, fund, left, owe

BOB = purse("bob")
WAIT_S = 60


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=ZAPS) as opened:
        yield opened


@pytest.fixture
def on_postgres(
    postgres_dsn: str, sandbox: SandboxGateway, clock: ManualClock
) -> Iterator[PaidFlow]:
    with open_wall(postgres_dsn, {"sandbox": sandbox}, clock=clock, actions=ZAPS) as opened:
        yield opened


def kept(flow: PaidFlow, account: str = BOB) -> tuple[int | None, list[int]]:
    """The balance in the row of an account, and the amounts beside it."""
    with flow.store.reading() as tx:
        rows = tx.execute(
            "select balance from paidflow_accounts where account = :account", account=account
        ).fetchall()
        beside = tx.execute(
            "select amount from paidflow_unswept where account = :account order by amount",
            account=account,
        ).fetchall()
    return (rows[0]["balance"] if rows else None), [row["amount"] for row in beside]


def sweep(flow: PaidFlow, account: str = BOB, currency: str = "BTC") -> int:
    with flow.store.transaction("sweep") as tx:
        return tx.sweep(account, currency, flow.clock.now())


def take(flow: PaidFlow, amount_msats: int, key: str, account: str = BOB) -> bool:
    """Take from an account and give it to nobody."""
    entry = Entry(account, "fees", msats(amount_msats))
    with flow.store.transaction("take") as tx:
        return tx.post(entry, source=f"take:{key}", version=1, line=1, now=flow.clock.now())


def test_what_comes_in_is_beside_the_row(flow: PaidFlow) -> None:
    fund(flow, BOB, 3_000, "a")
    fund(flow, BOB, 4_000, "b")
    assert kept(flow) == (None, [3_000, 4_000])
    assert left(flow, BOB) == (7_000,)


def test_a_sweep_brings_it_into_the_balance(flow: PaidFlow) -> None:
    fund(flow, BOB, 3_000, "a")
    fund(flow, BOB, 4_000, "b")
    assert sweep(flow) == 7_000
    assert kept(flow) == (7_000, [])
    assert sweep(flow) == 7_000
    fund(flow, BOB, 1_000, "c")
    assert left(flow, BOB) == (8_000,)
    assert sweep(flow) == 8_000
    assert kept(flow) == (8_000, [])
    assert differences(flow) == []


def test_a_sweep_of_nothing(flow: PaidFlow) -> None:
    assert sweep(flow, purse("nobody")) == 0
    assert kept(flow, purse("nobody")) == (0, [])


def test_each_account_and_each_currency_by_itself(flow: PaidFlow) -> None:
    fund(flow, BOB, 3_000)
    fund(flow, purse("cat"), 4_000)
    assert sweep(flow, BOB, "EUR") == 0
    assert sweep(flow, purse("cat")) == 4_000
    assert kept(flow)[1] == [3_000]


def test_a_debit_sweeps_first(flow: PaidFlow) -> None:
    fund(flow, BOB, 3_000, "a")
    fund(flow, BOB, 4_000, "b")
    assert take(flow, 6_500, "x")
    assert kept(flow) == (500, [])
    with pytest.raises(InsufficientFunds):
        take(flow, 501, "y")
    assert kept(flow) == (500, [])
    assert take(flow, 500, "z")
    assert kept(flow) == (0, [])
    assert differences(flow) == []


def test_a_debit_that_is_refused_sweeps_nothing(flow: PaidFlow) -> None:
    fund(flow, BOB, 3_000)
    with pytest.raises(InsufficientFunds):
        take(flow, 3_001, "x")
    assert kept(flow)[1] == [3_000]
    assert left(flow, BOB) == (3_000,)


def test_what_is_owed_is_repaid_first(flow: PaidFlow) -> None:
    owe(flow, BOB, 5_000)
    assert differences(flow) == []
    fund(flow, BOB, 2_000, "a")
    assert left(flow, BOB) == (0,)
    assert sweep(flow) == 0
    assert differences(flow) == []
    fund(flow, BOB, 4_000, "b")
    assert left(flow, BOB) == (1_000,)
    assert take(flow, 1_000, "x")
    assert left(flow, BOB) == (0,)
    fund(flow, BOB, 700, "c")
    assert left(flow, BOB) == (700,)
    assert differences(flow) == []


def test_the_owner_spends_while_many_pay_in(flow: PaidFlow) -> None:
    """Every payment is there in the end, once, and no debit was more than there was."""
    payers, payments, spent = 4, 25, []
    fund(flow, BOB, 1_500, "start")  # so that there is something to spend, whoever is faster

    def pay_in(payer: int) -> None:
        for number in range(payments):
            fund(flow, BOB, 1_000, f"{payer}-{number}")

    def spend() -> None:
        for number in range(payers * payments):
            try:
                take(flow, 1_500, str(number))
                spent.append(1_500)
            except InsufficientFunds:
                pass

    with ThreadPoolExecutor(payers + 2) as pool:
        done = [pool.submit(pay_in, payer) for payer in range(payers)]
        done += [pool.submit(spend), pool.submit(lambda: [sweep(flow) for _ in range(40)])]
        for one in done:
            one.result(WAIT_S)
    assert spent
    assert left(flow, BOB) == (1_500 + payers * payments * 1_000 - sum(spent),)
    assert differences(flow) == []


# No payee is waited for; what is locked can only be seen on PostgreSQL.


def locked(tx: Transaction) -> list[str]:
    """The accounts whose rows a transaction that is not this one has locked."""
    free = tx.execute("select account from paidflow_accounts for update skip locked").fetchall()
    every = tx.execute("select account from paidflow_accounts").fetchall()
    return sorted({row["account"] for row in every} - {row["account"] for row in free})


def test_whoever_pays_somebody_does_not_wait_for_him(on_postgres: PaidFlow) -> None:
    flow = on_postgres
    fund(flow, BOB, 5_000)
    fund(flow, purse("ann"), 10_000)
    sweep(flow)
    with ThreadPoolExecutor(1) as pool, flow.store.transaction("hold") as tx:
        tx.execute("select 1 from paidflow_accounts where account = :bob for update", bob=BOB)
        paid = pool.submit(lambda: flow.perform(Zap(text="gm"), actor="ann"))
        assert paid.result(WAIT_S).state is State.PAID
    assert left(flow, BOB) == (12_000,)


def test_a_payment_locks_the_row_of_its_payer_only(on_postgres: PaidFlow) -> None:
    flow = on_postgres
    for account in (BOB, purse("ann"), "territory:bitcoin", "pool"):
        fund(flow, account, 10_000)
        sweep(flow, account)
    seen: list[list[str]] = []

    def look(self: Zap, ctx: object) -> None:
        """The hook of the payment, while its transaction is open, after everything is written."""

        def see() -> None:
            with flow.store.transaction("see") as tx:
                seen.append(locked(tx))

        thread = threading.Thread(target=see)
        thread.start()
        thread.join(WAIT_S)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Zap, "on_paid", look)
        assert flow.perform(Zap(text="gm"), actor="ann").state is State.PAID
    assert seen == [["purse:ann"]]


def test_the_owner_waits_for_the_sweeper_only(on_postgres: PaidFlow, postgres_dsn: str) -> None:
    """A sweep and a debit of one account come one after the other, and nothing is swept twice."""
    flow = on_postgres
    for number in range(10):
        fund(flow, BOB, 1_000, str(number))
    with psycopg.connect(postgres_dsn) as other, ThreadPoolExecutor(1) as pool:
        other.execute("select paidflow_sweep(%s, 'BTC', now())", [BOB])
        taken = pool.submit(lambda: take(flow, 10_000, "x"))
        with pytest.raises(TimeoutError):
            taken.result(0.5)
        other.commit()
        assert taken.result(WAIT_S)
    assert left(flow, BOB) == (0,)
    assert differences(flow) == []


def test_issued_credits_lock_nothing(on_postgres: PaidFlow) -> None:
    """Accounts that nobody spends from have no rows."""
    fund(on_postgres, BOB, 1_000)
    with on_postgres.store.reading() as tx:
        rows = tx.execute(
            "select account from paidflow_accounts where account = :issued", issued=ISSUED
        ).fetchall()
    assert rows == []
