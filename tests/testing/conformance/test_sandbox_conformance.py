"""The sandbox passes all checks: with both kinds of deadlines, and over HTTP."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from paidflow.testing.conformance import GatewayConformance
from tests.testing.conformance.sandbox_world import (
    HttpUnderTest,
    SandboxUnderTest,
    http_world,
    sandbox_world,
)


class TestSandbox(GatewayConformance):
    gateway_name = "sandbox"

    @pytest.fixture
    def under_test(self) -> SandboxUnderTest:
        return sandbox_world("instant")


class TestSandboxWithHeights(GatewayConformance):
    gateway_name = "sandbox, by height"

    @pytest.fixture
    def under_test(self) -> SandboxUnderTest:
        return sandbox_world("height")


class TestSandboxOverHttp(GatewayConformance):
    gateway_name = "sandbox over HTTP"

    @pytest.fixture
    def under_test(self) -> Generator[HttpUnderTest]:
        with http_world() as world:
            yield world
