"""Writes the views of a generated forum by SQL, as folding its log would have written them."""

from __future__ import annotations

from pathlib import Path

import psycopg

from paidflow import Folding, PaidFlow
from paidflow.forum import projections
from paidflow.store.queries import named

_SQL = named(Path(__file__).with_name("views.sql").read_text(encoding="utf-8"))
VIEWS = ("daily_totals", "item_votes", "item_totals", "notices", "ranks")
"""What is written, each after those that it is made of."""


def write_views(dsn: str, flow: PaidFlow) -> None:
    """Write all views, which then are as far as the log.

    Args:
        dsn: the database of a generated forum.
        flow: on the same database, in which nothing was folded yet.
    """
    kinds = projections()
    Folding(flow, kinds).create()
    tables = {name: kind.table_of(name) for kind in kinds for name in (kind.name, *kind.beside)}
    position = flow.store.publish()
    with psycopg.connect(dsn) as connection:
        connection.execute("set local work_mem = '256MB'")
        for view in VIEWS:
            connection.execute(_SQL[view].format(**tables).encode())
        connection.execute(_SQL["go_on"].encode(), {"position": position})
