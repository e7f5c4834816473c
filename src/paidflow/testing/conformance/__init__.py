"""Checks that any gateway has to pass; an adapter joins with a class and a fixture.

class TestMine(GatewayConformance):
    gateway_name = "mine"

    @pytest.fixture
    def under_test(self):
        return MineUnderTest(MineGateway(...))
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in ("steps", "opening", "looking", "paying", "holding", "closing")
    )
)

from paidflow.testing.conformance.conformance import GatewayConformance  # noqa: E402
from paidflow.testing.conformance.under_test import (  # noqa: E402
    GatewayUnderTest,
    cannot_be_arranged,
)

__all__ = ["GatewayConformance", "GatewayUnderTest", "cannot_be_arranged"]
