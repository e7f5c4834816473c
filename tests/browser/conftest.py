"""A real Chromium, the distribution's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.browser.shop import open_shop
from tests.waiting import LONG_S
from tests.web.site import Site

MISSING = "there is no Chromium; install it with: apt-get install --no-install-recommends chromium"
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.fail(MISSING)
    expect.set_options(timeout=LONG_S * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


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
