"""Reads pages of a forum as people see them, and in turn asks the bare queries; each is timed."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases
from benchmarks.figures import percentile
from benchmarks.forum.plan import COMMENTS_PER_POST, UNPAID_POST_EVERY, shape_of
from benchmarks.forum.site import PAGE_ITEMS, Site
from benchmarks.loads.job import JobNotDone
from benchmarks.threads import in_threads

PAGES = ("hot", "tree", "profile", "notifications")
_WARM_UP = 20

Page = Callable[[int], int]
"""Reads the page of the nth viewer; returns how many items are on it."""


def run(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Read so many pages, or as many as there is time.

    Pages and bare queries take turns, so what else the machine does is the same for both.
    """
    expected = _expected(size, case.load)
    with databases.forum(shape_of(size)) as site:
        pages = _pages(site, case.load)

        def read(n: int) -> None:
            found = pages[n % 2](n // 2)
            if found not in expected:
                raise JobNotDone(f"{case}: {found} items instead of {expected}")

        in_threads(read, case.threads, count=_WARM_UP * 2)
        databases.meter.start()
        _, times, _ = in_threads(read, case.threads, count=size.pages * 2, seconds=size.seconds)
        clocks = databases.meter.stop()
    shown, bare = times[::2], times[1::2]
    p50, p99 = (percentile(shown, percent) * 1000 for percent in (50, 99))
    bare_p50 = percentile(bare, 50) * 1000
    return Result(case, round_, len(shown), *clocks, p50_ms=p50, p99_ms=p99, bare_p50_ms=bare_p50)


def to_bare(result: Result) -> float:
    """The time of a page to that of the bare query."""
    assert result.p50_ms is not None, "the pages of this load are timed"
    assert result.bare_p50_ms is not None, "the pages of this load are timed"
    return result.p50_ms / result.bare_p50_ms


def _pages(site: Site, load: str) -> tuple[Page, Page]:
    """The page as people see it, and the bare query."""
    match load:
        case "hot":
            return site.hot, site.bare_hot
        case "tree":
            return site.tree, site.bare_tree
        case "profile":
            return site.profile, site.bare_profile
        case _:
            return site.notifications, site.bare_notifications


def _expected(size: Size, load: str) -> range:
    """How many items or lines may be on a page."""
    match load:
        case "hot":
            posts = size.items // (1 + COMMENTS_PER_POST)
            paid = posts - -(-size.items // UNPAID_POST_EVERY)
            return range(min(PAGE_ITEMS, paid), PAGE_ITEMS + 1)
        case "tree":
            return range(size.tree + 1, size.tree + 2)
        case _:
            return range(1, PAGE_ITEMS + 1)
