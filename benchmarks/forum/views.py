"""Writes the views of a generated forum by SQL, as folding its log would have written them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from paidflow import Folding, PaidFlow
from paidflow.forum import projections
from paidflow.store.queries import named

_SQL = named(Path(__file__).with_name("views.sql").read_text(encoding="utf-8"))
CHAINS = (("item_votes", "item_totals", "ranks"), ("daily_totals",), ("notices",))
"""What is written at the same time; within a chain each after those that it is made of."""


def write_views(dsn: str, flow: PaidFlow) -> None:
    """Write all views, which then are as far as the log.

    Args:
        dsn: the database of a generated forum.
        flow: on the same database, in which nothing was folded yet.
    """
    kinds = projections()
    Folding(flow, kinds).create()
    tables = {name: kind.table_of(name) for kind in kinds for name in (kind.name, *kind.beside)}

    def write(chain: Sequence[str]) -> None:
        with psycopg.connect(dsn) as connection:
            connection.execute("set local work_mem = '256MB'")
            for view in chain:
                connection.execute(_SQL[view].format(**tables).encode())

    with ThreadPoolExecutor() as threads:
        list(threads.map(write, CHAINS))
    with psycopg.connect(dsn) as connection:
        connection.execute(_SQL["go_on"].encode(), {"position": flow.store.publish()})
