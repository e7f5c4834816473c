"""The checks on each broken adapter; ``test_broken.py`` runs them and expects failures."""

from __future__ import annotations

from typing import Any

import pytest

from paidflow.payments.contract import Gateway
from paidflow.testing.conformance import GatewayConformance
from tests.testing.conformance.broken import BROKEN
from tests.testing.conformance.http_bank import HttpBank
from tests.testing.conformance.sandbox_world import SandboxUnderTest, http_bank, sandbox_world


class BrokenOnTheNetwork(SandboxUnderTest):
    """The bank itself is sane, and the adapter over HTTP is broken.

    Args:
        inside: the bank and its world.
        adapter: the class of the adapter.
    """

    def __init__(self, inside: SandboxUnderTest, adapter: Any) -> None:
        super().__init__(inside.clock, inside.bank, inside.receiver)
        self._adapter = adapter

    def pointed_at(self, url: str, timeout_s: float) -> Gateway:
        return http_bank(url, self.bank, timeout_s, adapter=self._adapter)


def _suite(name: str) -> type[GatewayConformance]:
    adapter: Any = BROKEN[name].adapter

    @pytest.fixture
    def under_test(self: object) -> SandboxUnderTest:
        if issubclass(adapter, HttpBank):
            world: SandboxUnderTest = BrokenOnTheNetwork(sandbox_world("instant"), adapter)
        else:
            world = sandbox_world("instant", adapter=adapter)
        world.wait_s = 0.2
        return world

    return type(
        f"Test{name}", (GatewayConformance,), {"gateway_name": name, "under_test": under_test}
    )


globals().update({f"Test{name}": _suite(name) for name in BROKEN})
