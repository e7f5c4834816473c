from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crash.cells import Cells
from tests.crash.ground import open_ground
from tests.crash.zygote import Zygote
from tests.postgres_server import Server


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    with Zygote() as started:
        yield started


@pytest.fixture(scope="session")
def sqlite_cells(zygote: Zygote) -> Iterator[Cells]:
    with open_ground(None) as ground:
        yield Cells(zygote, ground)


@pytest.fixture(scope="session")
def postgres_cells(zygote: Zygote, postgres_server: Server) -> Iterator[Cells]:
    dsn = postgres_server.create_database()
    with open_ground(dsn) as ground:
        yield Cells(zygote, ground)
    postgres_server.drop_database(dsn)


@pytest.fixture(params=["sqlite", "postgres"])
def cells(request: pytest.FixtureRequest) -> Cells:
    """Where cells take place, once on each store."""
    return request.getfixturevalue(f"{request.param}_cells")
