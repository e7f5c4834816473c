"""Tables of an older version are brought up to date, with what is in them, while programs run."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from paidflow import PaidFlow, State
from paidflow import errors as err
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.contract import Store
from paidflow.store.migrations import Migration, Migrations, Phase
from paidflow.store.names import PLAIN
from paidflow.store.opening import open_store
from paidflow.store.sqlite import SqliteStore
from paidflow.testing import ManualClock
from tests.fixtures import program
from tests.fixtures.schema_dump import FOLDER, run_program, version_of
from tests.flow.support import snapshot

pytestmark = pytest.mark.empty

PACKAGES = sorted(FOLDER.glob("version_*.zip"))
AFTER = {"FAILED": 2, "PAID": 10, "PENDING": 1}
"""Where the actions of ``program.py`` stand after it has gone on."""

KEPT = (
    "paidflow_events",
    "paidflow_events_archive",
    "paidflow_actions",
    "paidflow_attempts",
    "paidflow_payloads",
    "paidflow_requests",
    "paidflow_claims",
    "paidflow_entries",
    "paidflow_accounts",
    "paidflow_projections",
)

HOME = re.compile(r"^INSERT INTO \S*paidflow_home\S* .*\n", re.MULTILINE)
"""Where the dump was made; the tests are about the place itself and not about a copy of it."""

ADDED: dict[str, dict[str, object]] = {
    "paidflow_accounts": {"owed": 0, "repayments": 0},
    "paidflow_actions": {"deadline_height": None},
}
"""Columns that a later version has added to a table, with what is in them."""

EMPTY = {3: {"paidflow_accounts"}}
"""From version 3 on, whoever was only paid has no balance yet."""

CATALOG = """
    select 'column', attrelid::regclass::text, attname || ' ' || format_type(atttypid, atttypmod)
        || case when attnotnull then ' not null ' else ' ' end
        || coalesce(pg_get_expr(adbin, adrelid), '') || attidentity::text
    from pg_attribute join pg_class on pg_class.oid = attrelid
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where relnamespace = 'public'::regnamespace and attnum > 0 and relkind in ('r', 'v')
    union all
    select 'constraint', conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace
    union all
    select 'index', tablename, indexdef from pg_indexes where schemaname = 'public'
    union all
    select 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid)
    from pg_trigger where not tgisinternal
    union all
    select 'function', proname, pg_get_functiondef(oid) || coalesce(proacl::text, '')
    from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select 'mark', 'paidflow_schema', obj_description('paidflow_schema'::regclass, 'pg_class')
    order by 1, 2, 3
"""


@dataclass(frozen=True)
class Old:
    """A database as the program of an older version has left it."""

    package: Path
    url: str
    bank: str


def load_sqlite(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)


def load_postgres(dsn: str, text: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(cast("LiteralString", text))


@pytest.fixture(params=PACKAGES, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, store_url: str, tmp_path: Path) -> Old:
    package = request.param
    store = "sqlite" if store_url.startswith("sqlite") else "postgres"
    text = (FOLDER / f"{package.stem}.{store}.sql").read_text(encoding="utf-8")
    text = HOME.sub("", text)
    if store == "sqlite":
        load_sqlite(Path(store_url.removeprefix("sqlite:///")), text)
    else:
        load_postgres(store_url, text)
    bank = tmp_path / "bank.db"
    load_sqlite(bank, (FOLDER / f"{package.stem}.bank.sql").read_text(encoding="utf-8"))
    return Old(package, store_url, str(bank))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


def catalog(url: str) -> list[Any]:
    """Everything that a database is made of, but for the rows."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            query = "select type, name, sql from sqlite_master where sql is not null order by 1, 2"
            found = connection.execute(query).fetchall()
            return [row for row in found if row[1].startswith("paidflow_")]
    with psycopg.connect(url) as connection:
        found = connection.execute(cast("LiteralString", CATALOG)).fetchall()
    own = ("lines", "totals")  # the program's own table and view
    return [row for row in found if not str(row[1]).startswith(own)]


def migrate(url: str) -> list[int]:
    store = open_store(url)
    try:
        return [step.version for step in store.migrate()]
    finally:
        store.close()


def rows(url: str) -> dict[str, list[str]]:
    flow, _, _ = program.open_flow(url, ":memory:", program.LATER, 9, create=False)
    with flow:
        return snapshot(flow)


def test_there_is_a_dump_of_every_version_but_the_last() -> None:
    versions = sorted(version_of(package) for package in PACKAGES)
    last = Migrations("sqlite", PLAIN).steps[-1].version
    assert versions == list(range(1, last))


def test_it_is_brought_up_to_date(old: Old, new_url: str) -> None:
    with pytest.raises(
        err.OlderTables,
        match=rf"run paidflow migrate.*version {version_of(old.package)}, needed is",
    ):
        program.open_flow(old.url, old.bank, program.LATER, 9, create=False)
    assert migrate(old.url) == list(range(version_of(old.package) + 1, last_version() + 1))
    assert migrate(old.url) == []
    migrate(new_url)
    assert catalog(old.url) == catalog(new_url)


@pytest.fixture
def new_url(store_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Another empty database on the same store."""
    if store_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    dsn = server.create_database()
    yield dsn
    server.drop_database(dsn)


def last_version() -> int:
    return Migrations("sqlite", PLAIN).steps[-1].version


def test_every_row_is_kept(old: Old) -> None:
    store = open_store(old.url)
    with store.reading() as tx:
        before = {
            name: sorted(repr(row) for row in tx.execute(f"select * from {name}").fetchall())
            for name in KEPT
        }
    store.close()
    empty = {name for name, rows in before.items() if not rows}
    assert empty == EMPTY.get(version_of(old.package), set())
    migrate(old.url)
    store = open_store(old.url)
    with store.reading() as tx:
        after = {
            name: sorted(repr(_as_before(name, row)) for row in tx.execute(f"select * from {name}"))
            for name in KEPT
        }
    store.close()
    assert after == before


def _as_before(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without the columns that were added; there is nothing in them yet."""
    added = ADDED.get(table, {})
    assert {name: row[name] for name in added} == added
    return {name: value for name, value in row.items() if name not in added}


def test_the_new_program_goes_on(old: Old) -> None:
    migrate(old.url)
    assert program.go_on(old.url, old.bank) == AFTER


def test_the_old_program_goes_on(old: Old) -> None:
    """Expand first: while a deploy goes on, the program of before works on the new tables."""
    migrate(old.url)
    flow, _, _ = program.open_flow(old.url, old.bank, program.LATER, 9, create=False)
    with flow:
        begun = flow.perform(program.Line(text="of the new program"), actor="eve")
    told = json.loads(run_program(old.package, "go_on", old.url, old.bank))
    assert told == AFTER | {"PAID": AFTER["PAID"] + 1}
    flow, _, _ = program.open_flow(old.url, old.bank, program.LATER, 9, create=False)
    assert flow.get(begun.action_id, actor="eve").state is State.PAID
    with flow, flow.store.reading() as tx:
        audit = tx.query("audit_accounts").fetchall()
    assert audit
    assert [row for row in audit if row["balance"] != row["entries"]] == []


def test_the_functions_are_renewed(postgres_dsn: str) -> None:
    """Functions have no versions; the rights on them are kept."""
    migrate(postgres_dsn)
    wanted = catalog(postgres_dsn)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(
            "create or replace function paidflow_write(steps jsonb) returns void"
            " language sql as 'select'"
        )
        connection.execute("comment on table paidflow_schema is 'of somebody else'")
    assert migrate(postgres_dsn) == []
    assert catalog(postgres_dsn) == wanted


def test_a_role_keeps_up(postgres_dsn: str) -> None:
    """Who was given the rights before has those on what is new."""
    load_postgres(postgres_dsn, (FOLDER / "version_1.postgres.sql").read_text(encoding="utf-8"))
    role = f"{conninfo_to_dict(postgres_dsn)['dbname']}_old"
    name = sql.Identifier(role)
    with psycopg.connect(postgres_dsn, autocommit=True) as owner:
        owner.execute(sql.SQL("create role {}").format(name))
        try:
            owner.execute("select public.paidflow_grant(%s)", [role])
            migrate(postgres_dsn)
            allowed = "select has_table_privilege(%s, 'paidflow_home', 'insert')"
            assert owner.execute(allowed, [role]).fetchone() == (True,)
        finally:
            owner.execute(sql.SQL("drop owned by {}").format(name))
            owner.execute(sql.SQL("drop role {}").format(name))


def test_it_does_not_stand_in_the_way(postgres_dsn: str) -> None:
    """Behind a long transaction it gives up, instead of keeping everybody waiting with it."""
    load_postgres(postgres_dsn, (FOLDER / "version_1.postgres.sql").read_text(encoding="utf-8"))
    with psycopg.connect(postgres_dsn) as reader:
        reader.execute("select * from paidflow_schema")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrate(postgres_dsn)
    assert migrate(postgres_dsn) == list(range(2, last_version() + 1))


def test_several_at_once(store_url: str) -> None:
    stores = [open_store(store_url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda store: [step.version for step in store.migrate()], stores))
    for store in stores:
        store.check()
        store.close()
    assert sorted(version for steps in done for version in steps) == list(
        range(1, last_version() + 1)
    )


def steps_and(store: Store, *more: tuple[Phase, str]) -> Migrations:
    """The versions of paidflow, and made-up ones after them."""
    dialect = "sqlite" if isinstance(store, SqliteStore) else "postgres"
    steps = list(Migrations(dialect, PLAIN).steps)
    for phase, text in more:
        steps.append(Migration(steps[-1].version + 1, phase, text))
    return Migrations(dialect, PLAIN, steps)


def row_of(version: int, phase: str) -> str:
    return f"insert into paidflow_schema (version, phase) values ({version}, '{phase}');"


def test_what_fails_leaves_nothing_behind(store: Store) -> None:
    store.create()
    before = store.schema()
    store.migrations = steps_and(store, ("expand", "create table half (id integer);\nnonsense;"))
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.SyntaxError)):
        store.migrate()
    assert store.schema() == before
    with pytest.raises(Exception, match="half"), store.reading() as tx:
        tx.execute("select * from half")


def test_what_is_taken_away_waits(store: Store) -> None:
    """Contract later: only when it is asked for, or when what comes after it is needed."""
    store.create()
    last = last_version()
    gone: tuple[Phase, str] = ("contract", row_of(last + 1, "contract"))
    new: tuple[Phase, str] = ("expand", row_of(last + 2, "expand"))
    older = store.migrations
    store.migrations = steps_and(store, gone)
    assert store.migrate() == ()
    store.check()
    assert [step.version for step in store.migrate(contract=True)] == [last + 1]
    store.check()
    with pytest.raises(err.NewerTables, match=f"version {last + 1}, known is {last}"):
        older.check(store.schema())
    store.migrations = steps_and(store, gone, new)
    with pytest.raises(err.OlderTables):
        store.check()
    assert [step.version for step in store.migrate()] == [last + 2]
    store.check()


def test_what_was_added_since_is_no_harm(store: Store) -> None:
    store.create()
    older = store.migrations
    store.migrations = steps_and(store, ("expand", row_of(last_version() + 1, "expand")))
    store.migrate()
    older.check(store.schema())
    store.migrations = older
    assert store.migrate() == ()  # an older program does not bring its functions back


def test_there_is_nothing_to_print_when_all_is_done(store: Store) -> None:
    store.migrate()
    assert store.migrations.script(store.schema(), contract=True) == ""


def test_the_printed_script_does_the_same(store_url: str, new_url: str) -> None:
    store = open_store(store_url)
    text = store.migrations.script(store.schema(), contract=False)
    store.close()
    if store_url.startswith("sqlite"):
        load_sqlite(Path(store_url.removeprefix("sqlite:///")), text)
    else:
        load_postgres(store_url, text)
    migrate(new_url)
    assert catalog(store_url) == catalog(new_url)


def test_files_are_numbered_and_say_which_half_they_are() -> None:
    for dialect in ("sqlite", "postgres"):
        steps = Migrations(dialect, PLAIN).steps
        assert [step.version for step in steps] == list(range(1, len(steps) + 1))
        for step in steps[1:]:
            assert row_of(step.version, step.phase) in step.sql
    phases = [[step.phase for step in Migrations(d, PLAIN).steps] for d in ("sqlite", "postgres")]
    assert phases[0] == phases[1]


def test_open_migrates_when_told_so(old: Old) -> None:
    flow, _, _ = program.open_flow(old.url, old.bank, program.LATER, 9, create=True)
    with flow:
        assert flow.store.schema().version == last_version()


def test_sqlite_migrates_by_itself(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "flow.db"
    load_sqlite(path, (FOLDER / "version_1.sqlite.sql").read_text(encoding="utf-8"))
    bank = SandboxGateway(":memory:", sandbox=True, clock=clock)
    with PaidFlow.open(
        f"sqlite:///{path}", actions=[program.Line], gateways={"bank": bank}, secret=program.SECRET
    ) as flow:
        assert flow.store.schema().version == last_version()
