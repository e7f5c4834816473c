"""What people do in the forum and pay by invoice: begun, found again, and seen by others."""

from __future__ import annotations

from typing import ClassVar

from playwright.sync_api import Page, expect

from tests.browser.served_forum import (
    POLL,
    TEA,
    go,
    unpaid,
    vote,
    votes,
    write_comment,
    write_post,
    zap,
    zapped,
)


class Deed:
    """Something that ``person`` does; ``None`` is logged out."""

    person: ClassVar[str | None] = "ann"

    def begin(self, page: Page) -> None:
        """Do it, from the front page, until the panel waits."""
        raise NotImplementedError

    def reopen(self, page: Page) -> None:
        """Open the panel again, after the page was left."""
        raise NotImplementedError

    def told(self, page: Page) -> None:
        """Wait until the page says that it is paid."""
        expect(page.locator("[data-phase=waiting]")).to_have_count(0)

    def watch(self, page: Page) -> None:
        """Go from the front page to where somebody else sees it."""

    def seen(self, page: Page) -> bool:
        """Whether somebody else sees it there."""
        raise NotImplementedError


class Post(Deed):
    def begin(self, page: Page) -> None:
        write_post(page, "Rivers at night")

    def reopen(self, page: Page) -> None:
        go(page, "recent", "**/recent")
        unpaid(page, "pending: pay").click()

    def told(self, page: Page) -> None:
        page.wait_for_url("**/items/*")

    def seen(self, page: Page) -> bool:
        return page.get_by_text("Rivers at night").count() == 1


class Comment(Deed):
    def begin(self, page: Page) -> None:
        write_comment(page, "Mint")

    def reopen(self, page: Page) -> None:
        unpaid(page, "pending: pay").click()

    def watch(self, page: Page) -> None:
        go(page, TEA, "**/items/*")

    def seen(self, page: Page) -> bool:
        return page.locator("#tree").get_by_text("Mint").count() == 1


class LoggedOutComment(Comment):
    person = None

    def reopen(self, page: Page) -> None:
        unpaid(page, "comment pending: pay").click()


class Zap(Deed):
    person = "bob"

    def begin(self, page: Page) -> None:
        self.after = zapped(page, TEA) + 50
        zap(page, TEA, 50)

    def reopen(self, page: Page) -> None:
        go(page, page.locator("#balance"), "**/wallet")
        unpaid(page, "pay").click()

    def seen(self, page: Page) -> bool:
        return zapped(page, TEA) == self.after


class Vote(Deed):
    person = "dave"

    def begin(self, page: Page) -> None:
        vote(page, "never")

    def reopen(self, page: Page) -> None:
        unpaid(page, "vote pending: pay").click()

    def watch(self, page: Page) -> None:
        go(page, POLL, "**/items/*")

    def seen(self, page: Page) -> bool:
        return votes(page, "never").inner_text() == "1"


class Donation(Zap):
    def begin(self, page: Page) -> None:
        self.watch(page)
        self.before = page.locator("#pool").inner_text()
        page.get_by_role("button", name="donate").click()

    def watch(self, page: Page) -> None:
        go(page, "rewards", "**/rewards")

    def seen(self, page: Page) -> bool:
        return page.locator("#pool").inner_text() != self.before


DEEDS = (Post, Comment, LoggedOutComment, Zap, Vote, Donation)
