from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.browser.shop import open_shop
from tests.chromium import chromium
from tests.waiting import LONG_S
from tests.web.site import Site

__all__ = ["chromium"]


@pytest.fixture
def shop(flow: PaidFlow, sandbox: SandboxGateway) -> Iterator[Site]:
    """A page that uses paidflow.js, on each store."""
    with open_shop(flow, sandbox) as site:
        yield site


@pytest.fixture
def page(chromium: Browser, shop: Site) -> Iterator[Page]:
    """The page of Ann; an error in it fails the test."""
    context = chromium.new_context(
        extra_http_headers={"x-actor": "ann"}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(LONG_S * 1000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(f"{shop.url}/")
    opened.wait_for_function("window.flow")
    yield opened
    context.close()
    assert errors == []
