"""The forum of examples/forum behind a real server, and what people do in its pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from examples.forum.seed import seeded
from examples.forum.site import site
from paidflow import sats
from paidflow.forum import Gift
from paidflow.payments.sandbox import SandboxGateway
from tests.waiting import LONG_S
from tests.web.site import Running

SeenBy = Callable[[str | None], Page]
TEA = "Which tea for a long night?"
POLL = "When should an invoice expire?"


class Served:
    """A forum behind a server that can be stopped and started again.

    Args:
        folder: where its files are.
        settings: where it is paid; at the sandbox if they do not say.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder, self._settings = folder, settings
        self._port = 0

    def start(self) -> None:
        self.forum = seeded(self._folder, settings=self._settings)
        self._running = Running(site(self.forum), self._port)
        self._port = self._running.port
        self.url = f"http://127.0.0.1:{self._port}"
        self._running.start()

    def stop(self) -> None:
        self._running.stop()
        self.forum.close()

    @property
    def bank(self) -> SandboxGateway:
        """Where people pay."""
        bank = self.forum.bank
        assert bank is not None
        return bank

    @property
    def opened(self) -> list[str]:
        """The ids of all invoices that were ever opened."""
        return [book.invoice_id for book in self.bank.books()]

    @property
    def payable(self) -> list[str]:
        """The ids of the invoices that somebody could pay now."""
        return self.bank.payable_invoices()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    server.start()
    yield server
    server.stop()


def browser_of(
    chromium: Browser, url: str, person: str | None, *, scripts: bool = True
) -> BrowserContext:
    """A browser of somebody's own, who is that person at the forum."""
    context = chromium.new_context(java_script_enabled=scripts)
    context.set_default_timeout(LONG_S * 1000)
    if person is not None:
        context.add_cookies([{"name": "person", "value": person, "url": url}])
    return context


@pytest.fixture
def seen_by(chromium: Browser, served: Served) -> Iterator[SeenBy]:
    """The front page as somebody sees it, each person in a browser of his own."""
    contexts = []
    errors: list[str] = []

    def look(person: str | None) -> Page:
        context = browser_of(chromium, served.url, person)
        contexts.append(context)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        page = context.new_page()
        page.goto(f"{served.url}/recent")
        return page

    yield look
    for context in contexts:
        context.close()
    assert errors == []


def empty_purse(served: Served, person: str) -> None:
    """Let somebody have nothing, so that he has to pay an invoice."""
    balance = served.forum.flow.balance(person)
    gift = Gift(to="carol", amount_sats=balance.amount // 1000)
    served.forum.flow.perform(gift, actor=person)
    assert served.forum.flow.balance(person) < sats(1)


def go(page: Page, link: str | Locator, to: str) -> None:
    """Follow a link, and wait for the scripts of its page; without them its forms are plain."""
    found = page.get_by_role("link", name=link) if isinstance(link, str) else link
    found.click()
    page.wait_for_url(to)


def another_tab(page: Page) -> Page:
    """The same page once more, in the same browser."""
    tab = page.context.new_page()
    tab.goto(page.url)
    return tab


def unpaid(page: Page, text: str) -> Locator:
    """What opens the panel of something that is not paid."""
    return page.locator("main .state, #unpaid .state", has_text=text)


def invoice(page: Page) -> str:
    """The id of the invoice that the panel shows."""
    phase(page, "waiting")
    shown = page.get_by_label("Invoice", exact=True).input_value()
    return shown.removeprefix("sandbox:").split("?")[0]


def close(page: Page) -> None:
    """Close the panel of what is over."""
    page.get_by_role("button", name="Close").click()
    expect(page.locator("dialog")).to_have_count(0)


def cheat(page: Page, name: str) -> None:
    page.locator("dialog .cheats").get_by_role("button", name=name, exact=True).click()


def phase(page: Page, wanted: str) -> None:
    expect(page.locator(f"dialog .paidflow-panel[data-phase={wanted}]")).to_be_visible()


def write_post(page: Page, title: str) -> None:
    go(page, "write", "**/new/discussion")
    page.get_by_label("Title").fill(title)
    page.locator("form.write-post button").click()


def write_comment(page: Page, text: str) -> None:
    go(page, TEA, "**/items/*")
    form = page.locator("main > form.write-comment")
    form.get_by_label("Your comment").fill(text)
    form.get_by_role("button").click()


def zap(page: Page, title: str, amount_sats: int) -> None:
    line = page.locator("li", has_text=title)
    line.get_by_label("Sats to zap").fill(str(amount_sats))
    line.get_by_role("button", name="Zap").click()


def zapped(page: Page, title: str) -> int:
    shown = page.locator("li", has_text=title).locator(".sats").inner_text()
    return int(shown.replace(",", ""))


def vote(page: Page, option: str) -> None:
    go(page, POLL, "**/items/*")
    page.get_by_label(re.compile(option)).check()
    page.get_by_role("button", name="vote for 1 sat").click()


def votes(page: Page, option: str) -> Locator:
    return page.locator(".poll label", has_text=option).locator("b")
