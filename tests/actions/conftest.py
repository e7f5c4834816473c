from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.acts import DirectForum, open_direct_forum
from tests.forum import Forum, open_forum


@pytest.fixture
def forum(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[Forum]:
    """A forum with the whole catalogue, once on each store."""
    with open_forum(store_url, sandbox, clock) as opened:
        yield opened


@pytest.fixture
def direct(store_url: str, tmp_path: Path, clock: ManualClock) -> Iterator[DirectForum]:
    """A forum in which bob and carol have wallets of their own, once on each store."""
    with open_direct_forum(store_url, tmp_path, clock) as opened:
        yield opened
