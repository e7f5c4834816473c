from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.opening import open_store
from paidflow.testing import ManualClock
from tests.pgbouncer_server import MISSING, PgBouncer
from tests.postgres_server import Server, fastest_root, open_server
from tests.wall import TABLES, open_wall

THROUGH_PGBOUNCER = "PAIDFLOW_TEST_PGBOUNCER" in os.environ
SHARED_DSN = pytest.StashKey[str]()

# A machine that is busy with something else is no reason to fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
if "PAIDFLOW_MUTANT" in os.environ:  # nobody reads the smallest example of what a mutant breaks
    settings.register_profile(
        "mutant", settings.get_profile("patient"), phases=(Phase.explicit, Phase.generate)
    )
    settings.load_profile("mutant")


def pytest_configure(config: pytest.Config) -> None:
    if THROUGH_PGBOUNCER and PgBouncer.program() is None:
        pytest.exit(MISSING, returncode=2)
    # SQLite waits for the disk at each commit. This is where pytest looks for a temporary folder.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(fastest_root()))
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


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Server) -> Iterator[str]:
    dsn = postgres_server.create_database()
    _create_all(dsn)
    yield dsn
    postgres_server.drop_database(dsn)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "flow.db"
    _create_all(f"sqlite:///{path}")
    return path


def _create_all(url: str) -> None:
    store = open_store(url)
    store.create()
    with store.transaction("tables") as tx:
        for table in TABLES:
            tx.execute(table)
    store.close()


@pytest.fixture
def direct_dsn(postgres_server: Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database for this test alone, straight at the server; see ``store_url``."""
    is_empty = request.node.get_closest_marker("empty") is not None
    template = None if is_empty else request.getfixturevalue("postgres_template")
    dsn = postgres_server.create_database(template)
    yield dsn
    postgres_server.drop_database(dsn)


@pytest.fixture
def postgres_dsn(direct_dsn: str, request: pytest.FixtureRequest) -> str:
    """A database for this test alone; `make test-pgbouncer` goes through PgBouncer."""
    if THROUGH_PGBOUNCER:
        return request.getfixturevalue("pgbouncer").dsn(direct_dsn)
    return direct_dsn


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database for this test alone, once on each store.

    It is a copy of one with paidflow's tables and those of tests/wall.py, because to create them
    takes longer than most tests; marked ``empty``, a test gets an empty one.
    """
    if request.param == "sqlite":
        path = tmp_path / "flow.db"
        if request.node.get_closest_marker("empty") is None:
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
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
