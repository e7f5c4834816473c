"""What the checks demand and which gateways pass them, as Markdown.

    python -m paidflow.testing.conformance.table REPORT... [--into PAGE]

A report comes from ``pytest --conformance-report FILE``.
"""

from __future__ import annotations

import argparse
import inspect
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from paidflow.testing.conformance.checks import Checks
from paidflow.testing.conformance.conformance import GatewayConformance

BEGIN, END = "<!-- conformance:begin -->", "<!-- conformance:end -->"
ORDER = ("failed", "passed", "not supported", "cannot be arranged")

Report = Mapping[str, Mapping[str, Mapping[str, str]]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or put them between the marks of a page."""
    parser = argparse.ArgumentParser(prog="python -m paidflow.testing.conformance.table")
    parser.add_argument("reports", nargs="*", type=Path, metavar="REPORT")
    parser.add_argument("--into", type=Path, metavar="PAGE")
    options = parser.parse_args(arguments)
    text = tables(read(options.reports))
    if options.into is None:
        print(text)
        return
    page: str = options.into.read_text(encoding="utf-8")
    head, tail = page.split(BEGIN)[0], page.split(END)[1]
    options.into.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def read(files: Sequence[Path]) -> Report:
    """The reports of some files together, gateways in the order of the files."""
    found: dict[str, Mapping[str, Mapping[str, str]]] = {}
    for file in files:
        found.update(json.loads(file.read_text(encoding="utf-8")))
    return found


def tables(report: Report) -> str:
    """One table for each topic: the checks, what they demand, and what came of them."""
    return "\n\n".join(_table(topic, report) for topic in _topics())


def demands(topic: type[Checks]) -> dict[str, str]:
    """The checks of a topic and what they demand, in the order in which they are written."""
    return {
        name: " ".join((inspect.getdoc(check) or "").split())
        for name, check in vars(topic).items()
        if name.startswith("test_")
    }


def _topics() -> Iterator[type[Checks]]:
    for topic in reversed(GatewayConformance.__bases__):
        assert issubclass(topic, Checks)
        yield topic


def _table(topic: type[Checks], report: Report) -> str:
    head = ["check", "what it demands", *report]
    rows = [head, ["---"] * len(head)]
    for check, demand in demands(topic).items():
        rows.append([f"`{check}`", demand, *(_cell(report[name], check) for name in report)])
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"### {topic.topic}\n\n{lines}"


def _cell(checks: Mapping[str, Mapping[str, str]], check: str) -> str:
    """What came of a check, with numbers if its ways came out differently."""
    found = Counter(
        result["outcome"] for name, result in checks.items() if name.partition("[")[0] == check
    )
    if len(found) <= 1:
        return next(iter(found), "not run")
    known = sorted(found, key=lambda outcome: ORDER.index(outcome) if outcome in ORDER else -1)
    return ", ".join(f"{outcome} {found[outcome]}" for outcome in known)


if __name__ == "__main__":
    main()
