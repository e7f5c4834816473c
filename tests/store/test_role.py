"""The database role of an application does all that paidflow does and cannot change the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from paidflow import PaidFlow, Reader, State, Worker, sats
from paidflow.errors import ClaimTaken
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.subscriber import Callback
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.eventlog import EventLog
from paidflow.testing import ManualClock
from tests.wall import HeldNote, Note, open_wall

APPEND = {"SELECT", "INSERT"}
CHANGE = {"SELECT", "INSERT", "UPDATE"}
ALLOWED = {
    "paidflow_schema": {"SELECT"},
    "paidflow_sequencer": {"SELECT"},
    "paidflow_events": APPEND,
    "paidflow_events_archive": {"SELECT"},
    "paidflow_log": {"SELECT"},
    "paidflow_seen_log": set(),  # for those who only read, see store/row_security.py
    "paidflow_entries": APPEND,
    "paidflow_requests": APPEND,
    "paidflow_identity": APPEND,
    "paidflow_snapshots": APPEND,
    "paidflow_claims": {"SELECT", "INSERT", "DELETE"},
    "paidflow_unswept": {"SELECT", "INSERT", "DELETE"},
    "paidflow_projections": CHANGE | {"DELETE"},
    "paidflow_parked": APPEND | {"DELETE"},
    "paidflow_subscribers": CHANGE | {"DELETE"},
    "paidflow_deliveries": CHANGE | {"DELETE"},
    "paidflow_webhooks": CHANGE | {"DELETE"},
    "paidflow_gateways": CHANGE,
    "paidflow_actions": CHANGE,
    "paidflow_attempts": CHANGE,
    "paidflow_payments": CHANGE,
    "paidflow_payloads": CHANGE,
    "paidflow_accounts": CHANGE,
    "paidflow_cursors": CHANGE,
    "paidflow_read_marks": CHANGE,
    "paidflow_home": CHANGE,
    "paidflow_tracking": CHANGE,
}


@dataclass(frozen=True)
class Role:
    """An application's role and how it connects."""

    name: str
    dsn: str


@pytest.fixture
def role(postgres_dsn: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Role]:
    """A role that owns nothing, in a database whose tables somebody else has made."""
    open_wall(postgres_dsn, {"sandbox": sandbox}, clock=clock).close()
    name = f"{conninfo_to_dict(postgres_dsn)['dbname']}_app"  # roles are of the whole server
    identifier = sql.Identifier(name)
    with psycopg.connect(postgres_dsn) as owner:
        owner.execute(sql.SQL("create role {} login").format(identifier))
        owner.execute(sql.SQL("grant all on wall, effects to {}").format(identifier))
        owner.execute("select paidflow_grant(%s)", [name])
    yield Role(name, make_conninfo(postgres_dsn, user=name))
    with psycopg.connect(postgres_dsn) as owner:
        owner.execute(sql.SQL("drop owned by {}").format(identifier))
        owner.execute(sql.SQL("drop role {}").format(identifier))


@pytest.fixture
def flow(role: Role, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = open_wall(role.dsn, {"sandbox": sandbox}, clock=clock, create=False)
    yield opened
    opened.close()


def test_it_does_all_that_paidflow_does(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    worker = Worker(flow)
    paid = flow.perform(Note(text="gm", claim="one"), actor="ann", idempotency_key="k")
    again = flow.perform(Note(text="gm", claim="one"), actor="ann", idempotency_key="k")
    assert again.action_id == paid.action_id
    with pytest.raises(ClaimTaken):
        flow.perform(Note(text="again", claim="one"), actor="bob")
    held = flow.perform(HeldNote(text="held", raises={"after_paid": 1}), actor="ann")
    for receipt in (paid, held):
        sandbox.pay(receipt.invoice_id or "")
    worker.run_until_idle()
    clock.tick(3600)
    worker.run_until_idle()
    for receipt in (paid, held):
        assert flow.get(receipt.action_id, actor="ann").state is State.PAID

    flow.grant("ann", sats(15), key="gift")
    failed = flow.perform(Note(text="gm", claim="two", price_sats=100), actor="ann")
    flow.cancel(failed.action_id, actor="ann")
    worker.run_until_idle()
    reader = Reader(flow)
    assert [line.action_id for line in reader.failed("ann")] == [failed.action_id]
    reader.mark_read("ann")
    assert flow.retry(failed.action_id, actor="ann").state is State.PENDING
    flow.erase(paid.action_id)
    assert reader.attention() == []
    assert reader.accounts()
    assert flow.balance("ann") == sats(0)  # the retry has them

    told: list[str] = []
    deliveries = Deliveries(
        flow, [Callback("mail", lambda message: told.append(message.id))], start="beginning"
    )
    deliveries.run_until_idle()
    assert deliveries.requeue("mail") == deliveries.forget("mail") == 0

    log = EventLog(flow.store, flow.clock, flow.ids)
    events = log.select_notifications(1, 1000)
    assert len(told) == len(events)
    assert flow.store.publish() == events[-1].id
    assert flow.store.lag().positions == 0
    clock.tick(3600)
    assert flow.store.archive(clock.now()) > 0
    assert log.select_notifications(1, 1000) == events


def test_it_has_exactly_these_rights(role: Role, postgres_dsn: str) -> None:
    query = """
        select relname, array(
            select privilege from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
                'REFERENCES', 'TRIGGER']) as privilege
            where has_table_privilege(%s, pg_class.oid, privilege)
        ) from pg_class where relkind in ('r', 'v') and starts_with(relname, 'paidflow_')
    """
    with psycopg.connect(postgres_dsn) as owner:
        found = {name: set(rights) for name, rights in owner.execute(query, [role.name]).fetchall()}
    assert found == ALLOWED


@pytest.mark.parametrize(
    "statement",
    [
        "update paidflow_events set topic = topic",
        "delete from paidflow_events",
        "truncate paidflow_events",
        "alter table paidflow_events disable trigger all",
        "set session_replication_role = replica",
        "insert into paidflow_events_archive select * from paidflow_events",
        "update paidflow_events_archive set topic = topic",
        "delete from paidflow_events_archive",
        "truncate paidflow_events_archive",
        "update paidflow_entries set amount = amount",
        "delete from paidflow_entries",
        "truncate paidflow_entries",
        "update paidflow_sequencer set published = published",
        "select setval('paidflow_events_notification_id_seq', 1)",
    ],
)
def test_it_cannot_change_the_log(flow: PaidFlow, role: Role, statement: str) -> None:
    flow.perform(Note(text="gm", price_sats=0), actor="ann")
    with (
        psycopg.connect(role.dsn) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_a_cluster_that_is_kept_secret(role: Role, postgres_dsn: str) -> None:
    """Owner and application are told the same place, whatever either may see of the server."""
    ask = "select paidflow_place()"
    with psycopg.connect(postgres_dsn) as owner, psycopg.connect(role.dsn) as application:
        owner.execute("revoke execute on function pg_control_system() from public")
        owner.commit()
        told = owner.execute(ask).fetchone()
        assert told is not None
        assert told[0].startswith("cluster ")
        assert application.execute(ask).fetchone() == told
        rights = sql.SQL("alter function paidflow_place() owner to {}")
        owner.execute(rights.format(sql.Identifier(role.name)))
        unknown = owner.execute(ask).fetchone()
        assert unknown is not None
        assert unknown[0].startswith("cluster unknown database ")
        owner.rollback()


def test_it_cannot_put_tables_under_the_sequencer(flow: PaidFlow, role: Role) -> None:
    """The sequencer runs with the rights of the owner, so it must not see the caller's tables."""
    flow.perform(Note(text="gm", price_sats=0), actor="ann")
    with psycopg.connect(role.dsn) as connection:
        connection.execute("create temporary table paidflow_sequencer (published bigint)")
        connection.execute("insert into paidflow_sequencer values (-7)")
        assert connection.execute("select paidflow_publish()").fetchone() == (2,)


def test_a_role_without_the_grant_cannot_publish(role: Role, postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as owner:
        owner.execute(
            sql.SQL("revoke execute on function paidflow_publish() from {}").format(
                sql.Identifier(role.name)
            )
        )
    with (
        psycopg.connect(role.dsn) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select paidflow_publish()")
