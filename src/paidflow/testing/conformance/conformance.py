"""All checks together."""

from __future__ import annotations

from paidflow.testing.conformance.closing import CancelChecks, ExpiryChecks
from paidflow.testing.conformance.counting import HoldingsChecks
from paidflow.testing.conformance.failing import FailureChecks
from paidflow.testing.conformance.flowing import FlowChecks
from paidflow.testing.conformance.hiding import SecretChecks
from paidflow.testing.conformance.holding import CaptureChecks, HoldChecks
from paidflow.testing.conformance.looking import LookupChecks
from paidflow.testing.conformance.opening import OpenChecks
from paidflow.testing.conformance.paying import PayChecks
from paidflow.testing.conformance.paying_out import PayOutChecks
from paidflow.testing.conformance.promising import PromiseChecks
from paidflow.testing.conformance.refunding import RefundChecks
from paidflow.testing.conformance.streaming import UpdatesChecks
from paidflow.testing.conformance.webhooks import WebhookChecks


class GatewayConformance(
    FlowChecks,
    SecretChecks,
    FailureChecks,
    WebhookChecks,
    UpdatesChecks,
    HoldingsChecks,
    PayOutChecks,
    RefundChecks,
    ExpiryChecks,
    CancelChecks,
    CaptureChecks,
    HoldChecks,
    PayChecks,
    LookupChecks,
    OpenChecks,
    PromiseChecks,
):
    """What every gateway has to pass; a subclass gives the fixture ``under_test``.

    A check that needs what the profile does not promise reports "not supported"; one that needs
    what the world of the gateway cannot do, "cannot be arranged".

    Class attributes:
        gateway_name: what the gateway is called in reports.
    """
