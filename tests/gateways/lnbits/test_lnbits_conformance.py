"""LNbits passes the checks of all gateways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paidflow.testing.conformance import GatewayConformance
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.gateways.lnbits.under_test import LnbitsUnderTest, WebhookReceiver

pytestmark = pytest.mark.gateways


class TestFakeWallet(GatewayConformance):
    gateway_name = "LNbits, FakeWallet"

    @pytest.fixture
    def under_test(
        self, lnbits: LnbitsServer, shop: ServerWallet, payer: ServerWallet
    ) -> Iterator[LnbitsUnderTest]:
        with WebhookReceiver() as webhooks:
            yield LnbitsUnderTest(lnbits, shop, payer, webhooks)
