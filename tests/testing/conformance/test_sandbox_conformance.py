"""The sandbox passes all checks, whether its holds end at an instant or at a height."""

from __future__ import annotations

import pytest

from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.conformance import GatewayConformance
from tests.testing.conformance.sandbox_under_test import RECEIVER, SECRET, SandboxUnderTest


class TestSandbox(GatewayConformance):
    gateway_name = "sandbox"

    @pytest.fixture(params=["instant", "height"])
    def under_test(self, request: pytest.FixtureRequest) -> SandboxUnderTest:
        clock = ManualClock()
        receiver = SandboxGateway(":memory:", sandbox=True, clock=clock, account=RECEIVER)
        bank = SandboxGateway(
            ":memory:",
            sandbox=True,
            clock=clock,
            webhook_secret=SECRET,
            deadline=request.param,
            receivers=[receiver],
        )
        return SandboxUnderTest(clock, bank, receiver)
