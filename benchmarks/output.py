"""Prints what was measured as two tables, and writes it as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, Result, Size
from benchmarks.figures import Spread
from benchmarks.rounds import Measure, Outcome

HOW = """\
Ratios are taken within a round; the table shows their median, smallest and largest.
Processor time is user and system time per lifecycle, settlement or call, the median of all rounds:
own CPU by getrusage, for this process and the clients that it starts; server CPU from
/proc/<pid>/stat, summed over the postmaster and all of its children, also those that ended.
Every round ends when views, balances and after_paid have caught up, and its rows are counted.
A full log has at least so many events and rows, copied by SQL from some that were performed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One case over all rounds.

    Args:
        case: what was run.
        title: the load in words.
        rate: how many per second.
        client_ms: the benchmark's own processor time of each.
        server_ms: the server's processor time of each.
        p50_ms: the median of one call, where calls were timed.
        p99_ms: the 99th percentile of one call, where calls were timed.
        grown_mb: by how much a worker has grown, where its memory was read.
        lag_p99_ms: the 99th percentile of how late the event loop was, where it was watched.
        done: how many in all.
    """

    case: Case
    title: str
    rate: Spread
    client_ms: Spread
    server_ms: Spread | None
    p50_ms: Spread | None
    p99_ms: Spread | None
    grown_mb: Spread | None
    lag_p99_ms: Spread | None
    done: int


def lines_of(results: Sequence[Result], size: Size) -> list[Line]:
    """One line for each case, those with the same load next to each other."""
    by_case: dict[Case, list[Result]] = {}
    for result in results:
        by_case.setdefault(result.case, []).append(result)
    lines = [_line(case, found, size) for case, found in by_case.items()]
    titles = list(dict.fromkeys(line.title for line in lines))
    return sorted(lines, key=lambda line: titles.index(line.title))


def _line(case: Case, results: Sequence[Result], size: Size) -> Line:
    return Line(
        case=case,
        title=case.title(size),
        rate=Spread.of([result.rate for result in results]),
        client_ms=Spread.of([result.client_ms for result in results]),
        server_ms=_spread(result.server_ms for result in results),
        p50_ms=_spread(result.p50_ms for result in results),
        p99_ms=_spread(result.p99_ms for result in results),
        grown_mb=_spread(result.grown_mb for result in results),
        lag_p99_ms=_spread(result.lag_p99_ms for result in results),
        done=sum(result.done for result in results),
    )


def _spread(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return Spread.of(known) if known else None


def tables(lines: Sequence[Line], outcomes: Sequence[Outcome], size: Size) -> str:
    """Both tables as text."""
    rows = [
        ("load", "side", "per second (min-max)", "own CPU ms", "server CPU ms", "p50 ms", "p99 ms")
    ]
    for line in lines:
        rate = line.rate
        rows.append(
            (
                line.title,
                line.case.side,
                f"{rate.median:,.0f} ({rate.low:,.0f}-{rate.high:,.0f})",
                *(_median(s) for s in (line.client_ms, line.server_ms, line.p50_ms, line.p99_ms)),
            )
        )
    text = table(rows)
    if outcomes:
        rows = [("", "measure", "ratio (min-max)", "rounds", "required", "aim", "reached")]
        for outcome in outcomes:
            m, s = outcome.measure, outcome.spread
            sign = "<=" if m.at_most else ">="
            rows.append(
                (
                    m.letter,
                    in_words(m, size),
                    f"{s.median:.2f} ({s.low:.2f}-{s.high:.2f}){m.unit}",
                    str(outcome.rounds),
                    f"{sign} {m.required:g}",
                    f"{sign} {m.aim:g}",
                    m.reached(s.median),
                )
            )
        text += "\n\n" + table(rows)
    return text


def in_words(measure: Measure, size: Size) -> str:
    """What a measure compares, with the numbers of this run."""
    return measure.title.format(**asdict(size))


def _median(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"{spread.median:.2f}" if spread.median >= 0.1 else f"{spread.median:.4f}"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as text in columns, the first as the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    printed = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([printed[0], rule, *printed[1:]])


def write_json(
    path: Path,
    size: Size,
    server_settings: dict[str, str],
    results: Sequence[Result],
    outcomes: Sequence[Outcome],
) -> None:
    """Write everything, so that it can be judged again later."""
    told: dict[str, Any] = {
        "machine": {
            "processors": os.cpu_count(),
            "system": platform.system(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        },
        "server": server_settings,
        "how": HOW,
        "size": asdict(size),
        "measures": [
            {
                "letter": outcome.measure.letter,
                "title": in_words(outcome.measure, size),
                "unit": outcome.measure.unit,
                "required": outcome.measure.required,
                "aim": outcome.measure.aim,
                "at_most": outcome.measure.at_most,
                "rounds": outcome.rounds,
                "reached": outcome.measure.reached(outcome.spread.median),
                "ratio": asdict(outcome.spread),
            }
            for outcome in outcomes
        ],
        "cases": [asdict(line) for line in lines_of(results, size)],
        "results": [asdict(result) for result in results],
    }
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
