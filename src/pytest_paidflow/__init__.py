"""The pytest plugin of paidflow; it is there when paidflow is installed.

It is a package of its own so that pytest loads nothing of paidflow until a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_paidflow.conformance import ConformanceReport, mark

if TYPE_CHECKING:
    from paidflow import PaidAction, PaidFlow
    from paidflow.testing.harness import Harness

pytest.register_assert_rewrite("paidflow.testing.conformance")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The report on the checks of gateways."""
    parser.getgroup("paidflow").addoption(
        "--conformance-report",
        type=Path,
        metavar="FILE",
        help="write down which checks of a gateway have passed, as JSON",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the report in the process that sees all tests."""
    file: Path | None = config.getoption("conformance_report")
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(ConformanceReport(file))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note on checks which gateway they are about."""
    mark(item)


@pytest.fixture
def paidflow_actions() -> Sequence[type[PaidAction]]:
    """The actions of the flow under test; override it."""
    raise pytest.UsageError(
        "the fixture paidflow needs your actions: write a fixture paidflow_actions that returns"
        " their classes"
    )


@pytest.fixture
def paidflow_url(tmp_path: Path) -> str:
    """The database of the flow under test; override it to use PostgreSQL."""
    return f"sqlite:///{tmp_path / 'paidflow.db'}"


@pytest.fixture
def paidflow_setup() -> Callable[[PaidFlow], object]:
    """What is called once with the open flow; override it to create your own tables."""
    return lambda flow: None


@pytest.fixture
def paidflow(
    paidflow_actions: Sequence[type[PaidAction]],
    paidflow_url: str,
    paidflow_setup: Callable[[PaidFlow], object],
    tmp_path: Path,
) -> Iterator[Harness]:
    """A flow with a sandbox bank and a clock that stands still."""
    from paidflow.testing.harness import Harness

    with Harness(
        paidflow_url,
        bank=tmp_path / "paidflow-bank.db",
        actions=paidflow_actions,
        setup=paidflow_setup,
    ) as harness:
        yield harness
