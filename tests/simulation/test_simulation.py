"""Runs the state machine on both stores, and counts what it has reached."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from paidflow.store.contract import Store
from paidflow.store.postgres import PostgresStore
from paidflow.store.sqlite import SqliteStore
from tests.postgres_server import Server
from tests.simulation.machine import PaidActions
from tests.wall import TABLES

STEPS = 40
BATCH = 100
RUNS_SQLITE = 500
RUNS_POSTGRES = 180
LONGER_MAX = 5
"""By how many times more runs may be needed until chance has reached everything."""
RULES = {
    "perform", "retry", "cancel", "claim", "grant", "pay", "pay_and_look", "pay_late",
    "pay_again", "start_payment", "expire", "end_hold", "forget", "fault", "fault_now", "outage",
    "refund", "send_back", "decide_reversals", "refund_fault_now", "slow_refunds",
    "stream", "mine", "sync", "work", "restart", "tick", "erase", "resolve", "rest", "split",
    "sweep", "withdraw", "zap", "end_payment", "zap_and_cancel", "zap_and_take_back",
    "zap_and_deny", "zap_too_late", "wallet", "route", "buy", "buy_later", "desk", "grant_dollars",
}  # fmt: skip
OUTCOMES = {
    f"{operation}:{outcome}"
    for operation, fine in (
        ("open", "Opened"),
        ("capture", "Accepted"),
        ("cancel", "Accepted"),
        ("refund", "Accepted"),
        ("pay_out", "Accepted"),
    )
    for outcome in (fine, "Declined", "NotSent", "Unknown")
}
ANSWERS = {
    f"lookup:{answer}"
    for answer in (
        "Open", "Pending", "Held", "Settled", "Cancelled", "Expired", "NotFound", "Unreachable",
    )
}  # fmt: skip
ANSWERS |= {
    f"lookup_payment:{answer}"
    for answer in ("InFlight", "PaidOut", "PayFailed", "NotFound", "Unreachable")
}
ANSWERS |= {
    f"wallet:{fault}"
    for fault in (None, "refuse", "raise", "nonsense", "more", "less", "expire", "again")
}
ANSWERS |= {f"quote:{mood}" for mood in ("fine", "down", "unknown", "short", "wrong")}
ENDS = {
    "paid:bob-phone", "paid:bob-home", "failed:FORWARD_FAILED", "failed:FORWARD_NOT_SENT",
    "failed:TIME_LOCK_TOO_SHORT", "failed:HOLD_LOST",
}  # fmt: skip
ENTRIES = {
    "entry:purse>reserved", "entry:withdrawable>reserved", "entry:reserved>purse",
    "entry:reserved>withdrawable", "entry:reserved>territory", "entry:reserved>pool",
    "entry:reserved>revenue", "entry:unclaimed>purse", "entry:unclaimed>territory",
    "entry:purse>purse", "entry:purse>pool", "entry:clearing>unclaimed",
    "entry:reserved>clearing", "entry:refunding>clearing", "entry:revenue>refunding",
    "entry:advanced>clearing", "entry:unclaimed>advanced", "entry:losses>advanced",
    "entry:losses>clearing",
    "entry:unclaimed>losses", "entry:fees>clearing", "entry:unclaimed>exchange",
    "entry:exchange>purse", "entry:exchange>territory", "entry:exchange>pool",
}  # fmt: skip


def _with_tables(store: SqliteStore | PostgresStore) -> Store:
    store.create()
    with store.transaction("tables") as tx:
        for table in TABLES:
            tx.execute(table)
    return store


def _simulate(new_store: Callable[[], Store], runs: int, command: str) -> Counter[str]:
    """Run batches until there were enough runs and steps, and longer while something is missing."""
    first = int(os.environ.get("PAIDFLOW_SEED") or random.SystemRandom().randrange(2**32))
    counts: Counter[str] = Counter()
    done = batch = 0
    while (
        done < runs
        or _steps(counts) < runs * STEPS
        or (done < runs * LONGER_MAX and _missing(counts))
    ):
        done += _run_batch(new_store, first + batch, command, counts)
        batch += 1
        print(f"{done} runs, {_steps(counts)} steps", flush=True)
    print(f"{done} runs, {_steps(counts)} steps, seeds {first} to {first + batch - 1}")
    return counts


def _steps(counts: Counter[str]) -> int:
    return sum(n for name, n in counts.items() if name.startswith("rule:"))


def _run_batch(
    new_store: Callable[[], Store], number: int, command: str, counts: Counter[str]
) -> int:
    machine = type("PaidActions", (PaidActions,), {"counts": counts, "runs": 0})
    machine.new_store = staticmethod(new_store)
    shrink = "PAIDFLOW_SHRINK" in os.environ
    try:
        run_state_machine_as_test(
            seed(number)(machine),
            settings=settings(
                max_examples=BATCH,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                print_blob=False,
                phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except BaseException:
        print(f"replay: PAIDFLOW_SEED={number} {command}")
        print("with PAIDFLOW_SHRINK=1 it looks for a shorter way to fail, which takes minutes")
        raise
    return machine.runs


def _missing(counts: Counter[str]) -> list[str]:
    wanted = {f"rule:{name}" for name in RULES} | OUTCOMES | ANSWERS | ENDS | ENTRIES
    return sorted(name for name in wanted if not counts[name])


def _assert_all_reached(counts: Counter[str]) -> None:
    assert not _missing(counts), f"never reached: {_missing(counts)}"


def test_the_same_runs() -> None:
    """A batch whose seed never changes: fast, and what mutants have to be seen by."""
    _run_batch(_new_memory_store, 0, _command("test_the_same_runs"), Counter())


def test_on_sqlite() -> None:
    counts = _simulate(_new_memory_store, RUNS_SQLITE, _command("test_on_sqlite"))
    _assert_all_reached(counts)


def test_on_postgres(postgres_stores: Callable[[], Store]) -> None:
    counts = _simulate(postgres_stores, RUNS_POSTGRES, _command("test_on_postgres"))
    _assert_all_reached(counts)


@pytest.mark.soak
def test_soak_on_sqlite() -> None:
    """A million steps when long; what CI affords when short."""
    steps = 1_000_000 if os.environ.get("PAIDFLOW_SOAK") == "long" else 20_000
    counts = _simulate(_new_memory_store, steps // STEPS, _command("test_soak_on_sqlite"))
    _assert_all_reached(counts)


def _command(test: str) -> str:
    return f".venv/bin/python -m pytest -m '' {__name__.replace('.', '/')}.py::{test}"


def _new_memory_store() -> Store:
    return _with_tables(SqliteStore(":memory:", synchronous="OFF"))


@pytest.fixture
def postgres_stores(postgres_server: Server) -> Iterator[Callable[[], Store]]:
    """Makes an empty PostgreSQL store for each run; the one before it is dropped."""
    template = postgres_server.create_database()
    _with_tables(PostgresStore(template, connections_max=1)).close()
    databases: list[str] = []

    def new() -> Store:
        while databases:
            postgres_server.drop_database(databases.pop())
        databases.append(postgres_server.create_database(template))
        return PostgresStore(databases[-1], connections_max=2)

    yield new
    for database in (*databases, template):
        postgres_server.drop_database(database)
