"""The checks that every gateway has to pass, on Stripe."""

from __future__ import annotations

import pytest

from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from paidflow.testing.conformance import GatewayConformance
from tests.gateways.stripe.front import Front
from tests.gateways.stripe.payer import Payer
from tests.gateways.stripe.under_test import StripeUnderTest

pytestmark = pytest.mark.gateways


class TestStripe(GatewayConformance):
    gateway_name = "stripe"

    @pytest.fixture
    def under_test(
        self, gateway: StripeGateway, front: Front, payer: Payer, clock: ManualClock
    ) -> StripeUnderTest:
        return StripeUnderTest(gateway, front, payer, clock)
