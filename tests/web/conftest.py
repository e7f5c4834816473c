"""A real server on loopback for the tests of the web integration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from examples.forum.forum import Forum
from examples.forum.seed import seeded
from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.web.site import Site


@pytest.fixture
def site(flow: PaidFlow, sandbox: SandboxGateway) -> Iterator[Site]:
    """The wall over HTTP, on each store."""
    with Site(flow, sandbox) as opened:
        yield opened


@pytest.fixture(scope="module")
def forum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forum]:
    """The forum, filled; the tests of a module share it."""
    opened = seeded(tmp_path_factory.mktemp("forum"))
    yield opened
    opened.close()
