"""Checks that any gateway has to pass; an adapter joins with a class and a fixture.

class TestMine(GatewayConformance):
    gateway_name = "mine"

    @pytest.fixture
    def under_test(self):
        return MineUnderTest(MineGateway(...))
"""

from paidflow.testing.conformance.conformance import GatewayConformance
from paidflow.testing.conformance.under_test import GatewayUnderTest, cannot_be_arranged

__all__ = ["GatewayConformance", "GatewayUnderTest", "cannot_be_arranged"]
