"""Runs one case: makes its database, warms up, measures, counts what was really done."""

from __future__ import annotations

from importlib import import_module

from benchmarks.cases import Case, Result, Size
from benchmarks.databases import Databases

LOADS = {
    "lifecycle": "lifecycles",
    "zap": "lifecycles",
    "payout": "lifecycles",
    "full_log": "lifecycles",
    "credits": "credits",
    "settle": "settling",
    "backlog": "backlog",
    "zap_backlog": "backlog",
    "read": "reading",
    "read_all": "reading",
    "fold": "folding",
    "rebuild": "folding",
    "scan": "folding",
    "memory": "memory",
    "loop": "loop",
    "hot": "forum_pages",
    "tree": "forum_pages",
    "profile": "forum_pages",
    "notifications": "forum_pages",
    "fold_zaps": "fold_zaps",
}
"""Which module runs a load."""


def run_case(databases: Databases, case: Case, size: Size, round_: int) -> Result:
    """Run one case once.

    Raises:
        JobNotDone: when the tables do not hold what was done.
    """
    module = import_module(f"{__name__}.{LOADS[case.load]}")
    return module.run(databases, case, size, round_)
