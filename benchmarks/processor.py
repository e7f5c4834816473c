"""Processor time on both sides of the socket."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def own_seconds() -> float:
    """User and system time of this process and of the children that it has waited for."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def server_seconds(postmaster: int) -> float:
    """User and system time of all processes of a PostgreSQL server, from /proc.

    They are the postmaster, its children, and those children that have ended, whose time the
    kernel adds to the postmaster's.
    """
    ticks = 0
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            parent, own, waited = _times(folder)
            if int(folder.name) == postmaster:
                ticks += own + waited
            elif parent == postmaster:
                ticks += own
    return ticks / _TICKS


def _times(folder: Path) -> tuple[int, int, int]:
    """The parent, own ticks and ticks of ended children of a process; see proc(5)."""
    try:
        text = (folder / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0, 0, 0
    # The name is in brackets and may hold anything.
    fields = text[text.rindex(")") + 2 :].split()
    user, system, waited_user, waited_system = (int(field) for field in fields[11:15])
    return int(fields[1]), user + system, waited_user + waited_system
