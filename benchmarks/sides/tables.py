"""The two tables of a payment without history, and what the hand-written sides do to them."""

from __future__ import annotations

from typing import Any

import psycopg

from benchmarks.gateway import PRICE
from benchmarks.sides.base import PURSE, Counts, actor

TABLES = """
create table payments (
    id text primary key,
    invoice_id text unique,
    actor text not null,
    amount bigint not null,
    state text not null,
    item bigint,
    created_at timestamptz not null default now(),
    paid_at timestamptz
);
create table posts (id text primary key, text text not null, visible boolean not null);
create table items (id bigint primary key);
create table zaps (id text primary key, item bigint not null references items);
create table purses (actor text primary key, balance bigint not null check (balance >= 0));
"""

AMOUNT = PRICE.amount


def create_tables(connection: Any, *, items: int, purses: int) -> None:
    """Create the tables and what has to be in them."""
    connection.execute(TABLES)
    connection.execute("insert into items select generate_series(0, %s)", [items - 1])
    for n in range(purses):
        connection.execute("insert into purses values (%s, %s)", [actor(n), PURSE])


def count_rows(connection: Any) -> Counts:
    """What is in the tables."""
    row = connection.execute(
        "select (select count(*) from payments where state = 'paid'),"
        " (select count(*) from posts where visible), (select count(*) from zaps)"
    ).fetchone()
    return Counts(*row)


def vacuum(dsn: str) -> None:
    """Do after a big fill what PostgreSQL would do by itself, so that it does not come later."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
