"""A session plans its statements once, perhaps on empty tables; they must find rows by keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.wall import Note, open_wall

PLANNED = 10
"""PostgreSQL keeps a plan from the sixth time on."""

FILLED = 600
TABLES = ("events", "actions", "attempts", "payloads", "entries")
SCANS = """
    select relname, seq_scan from pg_stat_user_tables
    where relname = any (string_to_array(:names, ' '))
"""


@pytest.fixture
def flow(direct_dsn: str, sandbox: SandboxGateway) -> Iterator[PaidFlow]:
    """With one session, which plans everything before there are rows, and keeps the plans."""
    opened = open_wall(direct_dsn, {"sandbox": sandbox}, connections_max=1)
    with opened.store.transaction("keep") as tx:
        for table in TABLES:
            tx.execute(f"alter table paidflow_{table} set (autovacuum_enabled = false)")
    yield opened
    opened.close()


def performed(flow: PaidFlow, sandbox: SandboxGateway, count: int) -> list[str]:
    """The invoices of so many notes that were requested and paid."""
    found: list[str] = []
    for number in range(count):
        invoice_id = flow.perform(Note(text="gm"), actor=f"actor-{number}").invoice_id
        assert invoice_id is not None
        sandbox.pay(invoice_id)
        found.append(invoice_id)
    return found


def scans(flow: PaidFlow) -> Counter[str]:
    """How often each table was read from its beginning to its end."""
    with flow.store.transaction("look") as tx:
        tx.execute("select pg_stat_force_next_flush()")
    names = " ".join(f"paidflow_{table}" for table in TABLES)
    with flow.store.transaction("look") as tx:
        rows = tx.execute(SCANS, names=names).fetchall()
    assert len(rows) == len(TABLES)
    return Counter({row["relname"]: row["seq_scan"] for row in rows})


def test_no_table_is_read_from_its_beginning(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    for invoice_id in performed(flow, sandbox, PLANNED):
        flow.sync("sandbox", invoice_id)
    for invoice_id in performed(flow, sandbox, PLANNED):
        flow.sync_many("sandbox", [invoice_id])
    filled = performed(flow, sandbox, FILLED)
    before = scans(flow)
    flow.sync_many("sandbox", filled[:20])
    for invoice_id in filled[20:40]:
        flow.sync("sandbox", invoice_id)
    performed(flow, sandbox, 20)
    assert scans(flow) - before == Counter()
