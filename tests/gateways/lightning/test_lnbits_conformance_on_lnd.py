"""LNbits on a real node passes the checks of all gateways, those of holds too."""

from __future__ import annotations

import pytest

from paidflow.payments.lnd import Lnd
from paidflow.testing.conformance import GatewayConformance
from tests.gateways.lightning.lnbits_under_test import LnbitsOnLndUnderTest
from tests.gateways.lightning.nodes import Network
from tests.gateways.lnbits.server import LnbitsServer

pytestmark = pytest.mark.lightning


class TestLnbitsOnLnd(GatewayConformance):
    gateway_name = "LNbits, lnd"

    @pytest.fixture
    def under_test(
        self, lnbits_on_ours: LnbitsServer, lnd: Lnd, network: Network
    ) -> LnbitsOnLndUnderTest:
        shop = lnbits_on_ours.new_wallet("shop")
        return LnbitsOnLndUnderTest(lnbits_on_ours, shop, lnd, network)
