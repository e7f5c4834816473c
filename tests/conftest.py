from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.pgbouncer_server import MISSING, PgBouncer
from tests.postgres_server import Server, open_server
from tests.wall import open_wall

THROUGH_PGBOUNCER = "PAIDFLOW_TEST_PGBOUNCER" in os.environ
SHARED_DSN = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    if THROUGH_PGBOUNCER and PgBouncer.program() is None:
        pytest.exit(MISSING, returncode=2)
    # A terminated run ends like an interrupted one, so that it stops its PostgreSQL.
    if not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All pytest-xdist workers share one server."""
    config = node.config
    if SHARED_DSN not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[SHARED_DSN] = stack.enter_context(open_server()).dsn()
    node.workerinput["postgres_dsn"] = config.stash[SHARED_DSN]


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    shared: dict[str, str] = getattr(request.config, "workerinput", {})
    if dsn := shared.get("postgres_dsn"):
        yield Server(dsn)
    else:
        with open_server() as server:
            yield server


@pytest.fixture(scope="session")
def pgbouncer(postgres_server: Server) -> Iterator[PgBouncer]:
    with PgBouncer(postgres_server.dsn()) as started:
        yield started


@pytest.fixture
def direct_dsn(postgres_server: Server) -> Iterator[str]:
    """A fresh, empty database for this test alone, straight at the server."""
    dsn = postgres_server.create_database()
    yield dsn
    postgres_server.drop_database(dsn)


@pytest.fixture
def postgres_dsn(direct_dsn: str, request: pytest.FixtureRequest) -> str:
    """A fresh, empty database for this test alone; `make test-pgbouncer` goes through PgBouncer."""
    if THROUGH_PGBOUNCER:
        return request.getfixturevalue("pgbouncer").dsn(direct_dsn)
    return direct_dsn


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on each store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'flow.db'}"
    return request.getfixturevalue("postgres_dsn")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sandbox(tmp_path: Path, clock: ManualClock) -> SandboxGateway:
    return SandboxGateway(str(tmp_path / "bank.db"), sandbox=True, clock=clock)


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    """A flow with all notes of tests/wall.py, once on each store."""
    opened = open_wall(store_url, {"sandbox": sandbox}, clock=clock)
    yield opened
    opened.close()
