"""paidflow's tables are in the schema and have the prefix that the application wants."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import psycopg
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from paidflow import Batch, Folding, PaidFlow, Reader, State, Worker, sats
from paidflow.actions.contract import HookTransaction
from paidflow.errors import ClaimTaken, InvalidConfiguration
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.migrations import Migrations
from paidflow.store.names import Names
from paidflow.store.opening import open_store
from paidflow.store.queries import queries, script
from paidflow.store.visibility import visible
from paidflow.testing import ManualClock
from tests.flow.support import pay
from tests.views.support import Journal
from tests.wall import CreditedNote, HeldNote, Note, create_tables, open_wall

pytestmark = pytest.mark.empty

ALL_NAMES = {
    "sqlite": "select name from sqlite_master",
    "postgres": """
        select relname as name from pg_class where oid >= 16384
        union all select proname from pg_proc where oid >= 16384
        union all select tgname from pg_trigger where not tgisinternal
        union all select conname from pg_constraint where oid >= 16384
    """,
}
WALL = "select text from wall where visible(wall.id) order by text"


class Shop(NamedTuple):
    """A flow under names of its own, and its bank."""

    flow: PaidFlow
    bank: SandboxGateway
    names: Names


@pytest.fixture
def shops(store_url: str, tmp_path: Path, clock: ManualClock) -> Iterator[list[Shop]]:
    """Two flows in one database; on PostgreSQL one is in a schema that is not there yet."""
    schema = None if store_url.startswith("sqlite") else "till"
    opened: list[Shop] = []
    for names in (Names("a_"), Names("b_", schema)):
        bank = SandboxGateway(tmp_path / f"{names.prefix}bank.db", sandbox=True, clock=clock)
        flow = PaidFlow.open(
            store_url,
            actions=[Note, HeldNote, CreditedNote],
            gateways={"sandbox": bank},
            secret="a secret only for tests",
            create=True,
            clock=clock,
            prefix=names.prefix,
            schema=names.schema,
        )
        opened.append(Shop(flow, bank, names))
    create_tables(opened[0].flow)
    yield opened
    for shop in opened:
        shop.flow.close()


def test_two_flows_share_a_database(shops: list[Shop], clock: ManualClock) -> None:
    for flow, bank, _ in shops:
        flow.grant("ann", sats(10), key="gift")
        credited = flow.perform(Note(text="from the purse"), actor="ann", idempotency_key="k")
        again = flow.perform(Note(text="from the purse"), actor="ann", idempotency_key="k")
        assert again.action_id == credited.action_id
        note = flow.perform(Note(text="one", claim="only one"), actor="bob")
        with pytest.raises(ClaimTaken):
            flow.perform(Note(text="two", claim="only one"), actor="bob")
        assert pay(flow, bank, note).state is State.PAID
        held = flow.perform(HeldNote(text="held"), actor="bob")
        bank.pay(held.invoice_id or "")
        given_up = flow.perform(CreditedNote(text="given up"), actor="bob")
        flow.cancel(given_up.action_id, actor="bob")
        Worker(flow).run_until_idle()
        clock.tick(10)
        Worker(flow).run_until_idle()
        assert flow.get(held.action_id, actor="bob").state is State.PAID
        flow.erase(held.action_id)
        assert flow.store.lag().positions >= 0
    (a, _, _), (b, _, _) = shops
    assert [a.balance("ann"), b.balance("ann")] == [sats(0), sats(0)]
    before = Reader(a).accounts()
    b.grant("ann", sats(5), key="gift of b")
    assert Reader(a).accounts() == before
    assert a.store.archive(clock.now()) == 4
    assert b.store.archive(clock.now()) == 4
    assert a.store.publish() == b.store.publish() > 0


def test_each_sees_what_its_own_people_paid(shops: list[Shop]) -> None:
    for flow, bank, names in shops:
        pay(flow, bank, flow.perform(Note(text=names.prefix), actor="ann"))
    for flow, _, names in shops:
        assert [row["text"] for row in Reader(flow).select(WALL, viewer=None)] == [names.prefix]


def test_views_know_their_log(shops: list[Shop]) -> None:
    flow, bank, _ = shops[1]
    folding = Folding(flow, [Journal()])
    pay(flow, bank, flow.perform(Note(text="gm"), actor="ann"))
    folding.run_until_idle()
    (lag,) = folding.lag()
    assert (lag.positions, lag.position) == (0, flow.store.publish())
    assert Folding(shops[0].flow, []).lag() == []


def test_a_batch_finds_what_belongs_to_its_actions(shops: list[Shop]) -> None:
    found: list[object] = []

    class Argued(Journal):
        name = "argued"

        def apply(self, tx: HookTransaction, batch: Batch) -> None:
            texts = [arguments["text"] for arguments in batch.arguments("note").values()]
            found.extend((set(batch.actors().values()), texts))

    flow = shops[1].flow
    flow.perform(Note(text="gm"), actor="ann")
    Folding(flow, [Argued()]).run_until_idle()
    assert found == [{"ann"}, ["gm"]]


def test_nothing_has_the_usual_name(shops: list[Shop]) -> None:
    flow = shops[0].flow
    with flow.store.reading() as tx:
        rows = tx.execute(ALL_NAMES[tx.dialect]).fetchall()
    names = [row["name"] for row in rows]
    assert len(names) > 30
    assert [name for name in names if "paidflow" in name] == []
    with flow.store.reading() as tx:
        for statement in queries(tx.dialect, shops[1].names).values():
            assert "paidflow_" not in statement


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_every_file_takes_the_names(dialect: str) -> None:
    names = Names("b_", "till" if dialect == "postgres" else None)
    filled = [step.sql for step in Migrations(dialect, names).steps]
    filled += Migrations(dialect, names).functions
    filled += [
        names.fill(script(file.name)) for file in (files("paidflow.store") / "sql").iterdir()
    ]
    for text in filled:
        assert "paidflow_" not in text
        assert "index till." not in text
        assert "constraint till." not in text
        assert "trigger till." not in text


def test_a_name_in_a_schema() -> None:
    names = Names("b_", "till")
    assert names.fill("select * from paidflow_events") == "select * from till.b_events"
    assert names.fill("create index paidflow_x on paidflow_y") == "create index b_x on till.b_y"
    assert names.fill("drop index paidflow_x") == "drop index till.b_x"
    assert "from till.b_actions paidflow_seen" in visible("posts.id", names)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix": ""},
        {"prefix": "Shop_"},
        {"prefix": "1_"},
        {"prefix": "a" * 21},
        {"prefix": "a-b"},
        {"schema": "x; drop table wall"},
        {"schema": "a" * 31},
        {"schema": ""},
    ],
    ids=repr,
)
def test_names_that_are_none(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidConfiguration, match="small letters"):
        Names(**wrong)


def test_sqlite_has_no_schemas() -> None:
    with pytest.raises(InvalidConfiguration, match="no schemas"):
        open_store("sqlite:///:memory:", schema="till")


def test_the_longest_names_fit(postgres_dsn: str, sandbox: SandboxGateway) -> None:
    """PostgreSQL cuts names after 63 bytes without a word, and refuses longer channels."""
    more = {"prefix": "p" * 20, "schema": "s" * 30}
    with open_wall(postgres_dsn, {"sandbox": sandbox}, **more) as flow:
        receipt = flow.perform(Note(text="gm"), actor="ann")
        assert pay(flow, sandbox, receipt).state is State.PAID
        assert flow.store.publish() > 0


def test_a_role_gets_its_rights_in_the_schema(
    postgres_dsn: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    more = {"prefix": "b_", "schema": "till"}
    open_wall(postgres_dsn, {"sandbox": sandbox}, clock=clock, **more).close()
    name = f"{conninfo_to_dict(postgres_dsn)['dbname']}_till"
    identifier = sql.Identifier(name)
    with psycopg.connect(postgres_dsn, autocommit=True) as owner:
        owner.execute(sql.SQL("create role {} login").format(identifier))
        try:
            owner.execute(sql.SQL("grant all on wall, effects to {}").format(identifier))
            owner.execute("select till.b_grant(%s)", [name])
            dsn = make_conninfo(postgres_dsn, user=name)
            with open_wall(dsn, {"sandbox": sandbox}, clock=clock, create=False, **more) as flow:
                receipt = flow.perform(Note(text="gm"), actor="ann")
                assert pay(flow, sandbox, receipt).state is State.PAID
                assert flow.store.publish() == 4
        finally:
            owner.execute(sql.SQL("drop owned by {}").format(identifier))
            owner.execute(sql.SQL("drop role {}").format(identifier))


def test_a_hint_is_heard_under_these_names_only(
    postgres_dsn: str, sandbox: SandboxGateway, direct_dsn: str
) -> None:
    with open_wall(postgres_dsn, {"sandbox": sandbox}, prefix="b_", schema="till") as flow:
        channels: list[str] = []
        with psycopg.connect(direct_dsn, autocommit=True) as ear:
            for channel in ("till.b_events", "paidflow_events"):
                ear.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            flow.perform(Note(text="gm", price_sats=0), actor="ann")
            flow.store.publish()
            channels += [heard.channel for heard in ear.notifies(timeout=20, stop_after=1)]
        assert channels == ["till.b_events"]


class Friend(Aggregate):
    """Somebody in an application on the eventsourcing library."""


def test_the_library_finds_the_tables(shops: list[Shop], store_url: str) -> None:
    for flow, _, names in shops:
        env = {
            "PERSISTENCE_MODULE": "paidflow.store.persistence",
            "PAIDFLOW_URL": store_url,
            "PAIDFLOW_PREFIX": names.prefix,
            "PAIDFLOW_SCHEMA": names.schema or "",
        }
        receipt = flow.perform(Note(text=names.prefix, price_sats=0), actor="ann")
        app = Application[UUID](env=env)
        friend = Friend()
        app.save(friend)
        found = app.recorder.select_notifications(1, 10)
        assert {str(n.originator_id) for n in found} == {receipt.action_id, str(friend.id)}
        app.close()
