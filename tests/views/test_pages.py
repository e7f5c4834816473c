"""Pages follow each other, whoever turned them meanwhile, and the next one is read ahead."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any

import pytest

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.codec import EVENT_TYPES
from paidflow.store.contract import Transaction
from paidflow.views.pages import SPAN, Page, Pages
from tests.views.support import paid_notes

WAIT_S = 60


@pytest.fixture
def end(flow: PaidFlow, sandbox: SandboxGateway) -> int:
    """The last position of a log with some events."""
    paid_notes(flow, sandbox, 4)
    return flow.store.publish()


def all_pages(flow: PaidFlow, size: int) -> Pages:
    return Pages(flow.store, sorted(EVENT_TYPES), size)


def positions(page: Page) -> list[int]:
    return [row[0] for row in page.rows]


def test_pages_follow_each_other_to_the_end(flow: PaidFlow, end: int) -> None:
    whole = positions(all_pages(flow, 1000).next(0, end))
    assert len(whole) > 10
    for size in (1, 3, len(whole), len(whole) + 1):
        pages, found, after = all_pages(flow, size), list[int](), 0
        while after < end:
            page = pages.next(after, end)
            assert page.after == after
            assert len(page.rows) <= size
            assert all(after < position <= page.upto for position in positions(page))
            found += positions(page)
            after = page.upto
        assert found == whole


def test_the_next_page_is_read_while_one_is_folded(
    flow: PaidFlow, end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, again = threading.Semaphore(0), flow.store.reading
    readers: list[bool] = []

    def reading() -> AbstractContextManager[Transaction]:
        readers.append(threading.current_thread() is threading.main_thread())
        read.release()
        return again()

    monkeypatch.setattr(flow.store, "reading", reading)
    pages = all_pages(flow, 3)
    first = pages.next(0, end)
    assert read.acquire(timeout=WAIT_S)
    assert read.acquire(timeout=WAIT_S), "nobody asked for the second page yet"
    second = pages.next(first.upto, first.upto + 1000)
    assert second.after == first.upto
    assert readers[:2] == [True, False]
    assert readers.count(True) == 1, "the page was there"


def test_a_page_that_another_has_folded_is_not_the_next_one(flow: PaidFlow, end: int) -> None:
    pages, whole = all_pages(flow, 3), positions(all_pages(flow, 1000).next(0, end))
    pages.next(0, end)
    assert positions(pages.next(whole[6], end)) == whole[7:10]
    assert positions(pages.next(0, end)) == whole[:3], "or the view began again"


def test_one_event_is_read_alone_also_when_more_were_read_ahead(flow: PaidFlow, end: int) -> None:
    pages = all_pages(flow, 3)
    first = pages.next(0, end)
    assert len(pages.next(first.upto, end, 1).rows) == 1


def test_what_could_not_be_read_ahead_is_told_and_read_again(
    flow: PaidFlow, end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = flow.store.reading

    def broken_elsewhere() -> Any:
        if threading.current_thread() is not threading.main_thread():
            raise ConnectionError("the connection broke")
        return again()

    pages = all_pages(flow, 3)
    with monkeypatch.context() as patch:
        patch.setattr(flow.store, "reading", broken_elsewhere)
        first = pages.next(0, end)
        with pytest.raises(ConnectionError):
            pages.next(first.upto, end)
        assert len(pages.next(first.upto, end).rows) == 3


def test_a_page_of_rare_events_ends(flow: PaidFlow) -> None:
    page = all_pages(flow, 2).next(0, 1_000_000)
    assert page == (0, 2 * SPAN, [])
    assert all_pages(flow, 2).next(0, 1_000_000, 1).upto == 2 * SPAN
