"""lnd passes the checks of all gateways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidflow.testing.conformance import GatewayConformance
from tests.gateways.lightning.nodes import Network
from tests.gateways.lightning.under_test import LndUnderTest

pytestmark = pytest.mark.lightning


class TestLnd(GatewayConformance):
    gateway_name = "lnd"

    @pytest.fixture
    def under_test(self, network: Network) -> Iterator[LndUnderTest]:
        under_test = LndUnderTest(network)
        yield under_test
        under_test.close()
