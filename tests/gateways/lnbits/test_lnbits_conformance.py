"""LNbits passes the checks of all gateways."""

from __future__ import annotations

import pytest

from paidflow.testing.conformance import GatewayConformance
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.gateways.lnbits.under_test import LnbitsUnderTest

pytestmark = pytest.mark.gateways


class TestFakeWallet(GatewayConformance):
    gateway_name = "LNbits, FakeWallet"

    @pytest.fixture
    def under_test(
        self, lnbits: LnbitsServer, shop: ServerWallet, payer: ServerWallet
    ) -> LnbitsUnderTest:
        return LnbitsUnderTest(lnbits, shop, payer)
