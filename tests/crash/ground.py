"""Fresh places for cells, made quickly: a file is copied, a PostgreSQL database is wiped."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from paidflow.payments.sandbox import SandboxGateway
from tests.crash.world import START, Place, SharedClock
from tests.waiting import wait_until
from tests.wall import open_wall

MEMORY = Path("/dev/shm")
_TABLES = """
    select tablename from pg_tables where schemaname = 'public' and tablename <> 'paidflow_schema'
"""
_OTHERS = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
        and backend_type = 'client backend'
"""
_IDLE = f"{_OTHERS} and state = 'idle in transaction'"


class Ground:
    """Where the cells of one store take place, one after the other.

    Args:
        folder: for files.
        dsn: an empty PostgreSQL database; ``None`` for SQLite.
    """

    def __init__(self, folder: Path, dsn: str | None) -> None:
        self._folder = folder
        self._dsn = dsn
        self._numbers = count()
        self._admin = psycopg.connect(dsn, autocommit=True) if dsn else None
        url = dsn or f"sqlite:///{folder / 'template.db'}"
        clock = SharedClock(str(folder / "template.clock"))
        clock.set(START)
        bank = SandboxGateway(folder / "template.bank", sandbox=True, clock=clock)
        flow = open_wall(url, {"sandbox": bank}, clock=clock)
        with flow, flow.store.transaction("wipe") as tx:
            tx.execute("delete from paidflow_home")  # the copies are no backups
        bank.close()

    @property
    def is_embedded(self) -> bool:
        """Whether the database is a file."""
        return self._admin is None

    @property
    def report(self) -> str:
        """The file that jobs write their reports to."""
        return str(self._folder / "report")

    def fresh(self) -> Place:
        """An empty database, an empty bank, and a clock at the start."""
        name = self._folder / str(next(self._numbers))
        shutil.copy(self._folder / "template.bank", f"{name}.bank")
        SharedClock(f"{name}.clock").set(START)
        if self._admin is None:
            shutil.copy(self._folder / "template.db", f"{name}.db")
        else:
            _wipe(self._admin)
        url = self._dsn or f"sqlite:///{name}.db"
        return Place(url, f"{name}.bank", f"{name}.clock")

    def clear(self, place: Place) -> None:
        """Remove the files of a place."""
        for path in self._folder.glob(f"{Path(place.bank).stem}.*"):
            path.unlink()

    def wait_for_the_dead(self) -> None:
        """Wait until the database has noticed that its clients are dead."""
        if self._admin is not None:
            _wait_until_alone(self._admin)

    def wait_for_the_idle(self) -> None:
        """Wait until the database has ended the sessions that idle inside a transaction."""
        if self._admin is not None:
            _wait_until_alone(self._admin, _IDLE)

    def close(self) -> None:
        """Let go of the database."""
        if self._admin is not None:
            self._admin.close()


def _wipe(connection: psycopg.Connection[Any]) -> None:
    _wait_until_alone(connection)
    tables = [row[0] for row in connection.execute(_TABLES)]
    with connection.transaction():
        # The log is append-only: only a superuser gets past its triggers.
        connection.execute("set local session_replication_role = replica")
        for table in tables:
            connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))


def _wait_until_alone(connection: psycopg.Connection[Any], others: LiteralString = _OTHERS) -> None:
    wait_until(
        lambda: connection.execute(others).fetchone() == (0,),
        "a dead client still has a connection",
    )


@contextmanager
def open_ground(dsn: str | None) -> Iterator[Ground]:
    """A ground in memory if possible, so that durable commits cost little."""
    root = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="paidflow-crash-", dir=root) as folder:
        ground = Ground(Path(folder), dsn)
        try:
            yield ground
        finally:
            ground.close()
