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
from paidflow.testing.conformance.faults import FAULTS

BEGIN, END = "<!-- conformance:begin -->", "<!-- conformance:end -->"
ORDER = ("failed", "passed", "not supported", "cannot be arranged")

Report = Mapping[str, Mapping[str, str]]


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
    found: dict[str, Mapping[str, str]] = {}
    for file in files:
        found.update(json.loads(file.read_text(encoding="utf-8")))
    return found


def tables(report: Report) -> str:
    """One table for each topic: the checks, what they demand, and what came of them; then the
    failures that calls are tried with.
    """
    return "\n\n".join([*(_checks(topic, report) for topic in _topics()), _faults()])


def demands(topic: type[Checks]) -> dict[str, str]:
    """The checks of a topic and what they demand, in the order in which they are written."""
    return {
        name: " ".join((inspect.getdoc(check) or "").replace("``", "`").split())
        for name, check in vars(topic).items()
        if name.startswith("test_")
    }


def _topics() -> Iterator[type[Checks]]:
    for topic in reversed(GatewayConformance.__bases__):
        assert issubclass(topic, Checks)
        yield topic


def _checks(topic: type[Checks], report: Report) -> str:
    rows = [
        [f"`{check}`", demand, *(_cell(report[gateway], check) for gateway in report)]
        for check, demand in demands(topic).items()
    ]
    return _table(topic.topic, ["check", "what it demands", *report], rows)


def _faults() -> str:
    rows = [
        [name, fault.meaning, *map(_names, (fault.opened, fault.commands, fault.lookups))]
        for name, fault in FAULTS.items()
    ]
    head = ["when", "what happens", "`open`", "other commands", "lookups"]
    return _table("What a call may answer when it fails", head, rows)


def _names(kinds: tuple[type, ...]) -> str:
    return " or ".join(f"`{kind.__name__}`" for kind in kinds)


def _table(title: str, head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return f"### {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(checks: Mapping[str, str], check: str) -> str:
    """What came of a check, with numbers if its ways came out differently."""
    found = Counter(
        outcome.partition(": ")[0]
        for name, outcome in checks.items()
        if name.partition("[")[0] == check
    )
    if len(found) <= 1:
        return next(iter(found), "not run")
    known = sorted(found, key=lambda outcome: ORDER.index(outcome) if outcome in ORDER else -1)
    return ", ".join(f"{outcome} {found[outcome]}" for outcome in known)


if __name__ == "__main__":
    main()
