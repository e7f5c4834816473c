"""Fifty threads, two wishes, one action: every pair of pay, cancel, retry, expire and worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement

import pytest

from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.postgres import PostgresStore
from paidflow.testing import ManualClock
from tests.races.arena import Arena, kind_of_round, together
from tests.wall import NOTES, SECRET, PaidFlow, create_tables

SIDES = ("pay", "cancel", "retry", "expire", "worker")
PAIRS = tuple(combinations_with_replacement(SIDES, 2))
THREADS = 50
ROUNDS = 20
ROUNDS_SOAK = {"short": 10, "long": 100}


@pytest.fixture
def arena(postgres_dsn: str, clock: ManualClock) -> Iterator[Arena]:
    store = PostgresStore(postgres_dsn, connections_max=60)
    store.create()
    bank = SandboxGateway(":memory:", sandbox=True, clock=clock)
    flow = PaidFlow(
        store,
        actions=NOTES,
        gateways={"sandbox": bank},
        secret=SECRET,
        clock=clock,
        open_invoices_max=10_000,
    )
    create_tables(flow)
    yield Arena(flow, bank, clock)
    flow.close()


def race(arena: Arena, pair: tuple[str, str], rounds: int) -> None:
    sides = [pair[i % 2] for i in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(rounds):
            receipt = arena.start(frozenset(pair), kind_of_round(number))
            results = together(pool, [arena.call(side, receipt) for side in sides])
            arena.judge(sides, results, receipt)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_one_winner(arena: Arena, pair: tuple[str, str]) -> None:
    race(arena, pair, ROUNDS)


@pytest.mark.soak
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_one_winner_many_times(arena: Arena, pair: tuple[str, str]) -> None:
    race(arena, pair, ROUNDS_SOAK[os.environ.get("PAIDFLOW_SOAK", "long")])
