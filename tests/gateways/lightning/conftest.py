"""Real nodes for the tests of this folder, one network for the whole run."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from paidflow.payments.lnd import Lnd
from tests.gateways.lightning.build import programs
from tests.gateways.lightning.lnbits_servers import lnbits_on_ours as lnbits_on_ours
from tests.gateways.lightning.lnbits_servers import lnbits_on_receiver as lnbits_on_receiver
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.support import gateway_of

_NETWORK = pytest.StashKey[Network]()


@pytest.fixture(scope="session")
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    with Network(programs()) as network:
        request.config.stash[_NETWORK] = network
        yield network
        del request.config.stash[_NETWORK]


@pytest.fixture
def lnd(network: Network) -> Iterator[Lnd]:
    """The adapter under test, on our node."""
    gateway = gateway_of(network.ours)
    yield gateway
    gateway.close()


@pytest.fixture
def flow_url(tmp_path: Path) -> str:
    """A database for one test."""
    return f"sqlite:///{tmp_path}/flow.db"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the nodes have said last, beside a test that failed."""
    report = yield
    network = item.config.stash.get(_NETWORK, None)
    if report.failed and network is not None:
        report.sections.append(("nodes", network.tails()))
    return report
