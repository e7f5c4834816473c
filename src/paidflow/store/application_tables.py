"""Tables that actions bring along: numbered files, each run once, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files

from paidflow.actions.contract import Tables
from paidflow.errors import InvalidConfiguration, MissingTables, OlderTables
from paidflow.store.contract import Store, Transaction

_FILE = re.compile(r"(\d{4})_[a-z_]+?(?:_(postgres|sqlite))?\.sql")
_NAME = re.compile(r"[a-z][a-z0-9]{0,19}")


def create_tables(store: Store, tables: Iterable[Tables]) -> list[int]:
    """Create the tables, or bring them up to date; several processes may do so at once.

    Returns:
        The numbers of the files that were run.
    """
    done: list[int] = []
    for each in tables:
        if _version(store, each) < _needed(each):
            with store.transaction("application_tables") as tx:
                done += _run_missing(tx, each)
    return done


def check_tables(store: Store, tables: Iterable[Tables]) -> None:
    """Refuse to work without the tables that actions need.

    Raises:
        MissingTables: when there are none.
        OlderTables: when some are missing.
    """
    for each in tables:
        version, needed = _version(store, each), _needed(each)
        if not version:
            raise MissingTables(f"those of {each.name}")
        if version < needed:
            raise OlderTables(f"those of {each.name} have version {version}, needed is {needed}")


def _run_missing(tx: Transaction, tables: Tables) -> Iterator[int]:
    tx.query("lock_migration")
    tx.query("limit_migration_wait")
    table = _version_table(tables)
    tx.execute(f"create table if not exists {table} (version integer primary key)")
    found = {row["version"] for row in tx.execute(f"select version from {table}").fetchall()}
    for number, sql in _scripts(tables, tx.dialect):
        if number not in found:
            tx.run_script(sql)
            yield number
    for number in sorted({number for number, _ in _all(tables)} - found):
        tx.execute(f"insert into {table} (version) values (:number)", number=number)


def _version(store: Store, tables: Tables) -> int:
    """The last file that was run; 0 if none was."""
    with store.reading() as tx:
        if not tx.query("select_table", table=_version_table(tables)).fetchone():
            return 0
        row = tx.execute(f"select max(version) as version from {_version_table(tables)}").fetchone()
    return (row["version"] or 0) if row else 0


def _needed(tables: Tables) -> int:
    return max(number for number, _ in _all(tables))


def _version_table(tables: Tables) -> str:
    if not _NAME.fullmatch(tables.name):
        raise InvalidConfiguration(f"tables need a name of small letters: {tables.name!r}")
    return f"{tables.name}_schema"


def _scripts(tables: Tables, dialect: str) -> Iterator[tuple[int, str]]:
    """The files for a store, in their order."""
    for number, name in _all(tables):
        match = _FILE.fullmatch(name)
        if match is not None and match[2] in (None, dialect):
            yield number, (files(tables.package) / name).read_text(encoding="utf-8")


def _all(tables: Tables) -> list[tuple[int, str]]:
    names = (file.name for file in files(tables.package).iterdir())
    return sorted((int(match[1]), match[0]) for name in names if (match := _FILE.fullmatch(name)))
