"""Draws the cases as bars, one group per load, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.cases import Size
from benchmarks.output import Line, in_words
from benchmarks.rounds import Outcome

_LEFT, _BAR, _WIDTH, _ROW = 130, 520, 900, 24
_COLOURS = {"paidflow": "#d9730d"}
_OTHER = "#7a8ca0"
_REACHED = {"aim": "#2e7d32", "yes": "#7cb342", "no": "#c62828"}


def write_chart(path: Path, lines: Sequence[Line], outcomes: Sequence[Outcome], size: Size) -> None:
    """Write the picture: the bar is the median, the thin line goes from minimum to maximum."""
    path.write_text(chart(lines, outcomes, size), encoding="utf-8")


def chart(lines: Sequence[Line], outcomes: Sequence[Outcome], size: Size) -> str:
    """The picture as text: what is reached, then the loads, each with a scale of its own."""
    parts: list[str] = []
    y = 10
    for outcome in outcomes:
        parts += _goal(outcome, y, size)
        y += _ROW
    y += 10
    for title, group in groupby(lines, key=lambda line: line.title):
        parts.append(_text(8, y + 16, f"{title}: per second", weight="bold"))
        y += _ROW
        found = list(group)
        scale = _BAR / max(line.rate.high for line in found)
        for line in found:
            parts += _bar(line, y, scale)
            y += _ROW
        y += 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y}"'
        ' font-family="sans-serif" font-size="13">'
    )
    ground = f'<rect width="{_WIDTH}" height="{y}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def _goal(outcome: Outcome, y: int, size: Size) -> list[str]:
    """One measure: green and red say whether it is reached."""
    m, s = outcome.measure, outcome.spread
    sign = "at most" if m.at_most else "at least"
    told = (
        f"{m.letter}  {in_words(m, size)}: {s.median:.2f} ({s.low:.2f} to {s.high:.2f}){m.unit},"
        f" {sign} {m.required:g}, aim {m.aim:g}"
    )
    return [
        f'<circle cx="14" cy="{y + 11}" r="6" fill="{_REACHED[m.reached(s.median)]}"/>',
        _text(28, y + 16, told),
    ]


def _bar(line: Line, y: int, scale: float) -> list[str]:
    rate = line.rate
    colour = _COLOURS.get(line.case.side, _OTHER)
    middle = y + _ROW // 2 - 2
    low, high = _LEFT + rate.low * scale, _LEFT + rate.high * scale
    told = f"{rate.median:,.0f}"
    if line.p99_ms is not None:
        told += f", p99 {line.p99_ms.median:.1f} ms"
    return [
        _text(_LEFT - 8, y + 15, line.case.side, anchor="end"),
        f'<rect x="{_LEFT}" y="{y}" width="{rate.median * scale:.1f}" height="{_ROW - 5}"'
        f' fill="{colour}"/>',
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="black"/>',
        _text(high + 8, y + 15, told),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {place}>{escape(text)}</text>"
