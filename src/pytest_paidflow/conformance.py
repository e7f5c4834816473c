"""Writes down which checks of a gateway have passed: ``--conformance-report FILE``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PROPERTY = "conformance"
FAILED = "failed"


def mark(item: pytest.Item) -> None:
    """Note on a check which gateway it is about; other tests are left alone."""
    gateway = getattr(getattr(item, "cls", None), "gateway_name", "")
    if gateway:
        item.user_properties.append((PROPERTY, [gateway, item.name]))


class ConformanceReport:
    """Collects what came of each check, and writes it at the end.

    The file is JSON: gateway -> check -> ``outcome`` and ``reason``. An outcome is ``passed``,
    ``failed``, ``not supported`` or ``cannot be arranged``.

    Args:
        file: where to write.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, dict[str, dict[str, str]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of a check; whatever fails before or after it counts as its failure."""
        about = dict(report.user_properties).get(PROPERTY)
        if not isinstance(about, list):
            return
        gateway, check = map(str, about)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        checks = self._found.setdefault(gateway, {})
        outcome, _, reason = _outcome(report).partition(": ")
        if report.when == "call" or report.outcome != "passed":
            earlier = checks.get(check, {}).get("outcome")
            if earlier != FAILED:
                checks[check] = {"outcome": outcome, "reason": reason}

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        text = json.dumps(self._found, indent=1, sort_keys=True, ensure_ascii=False)
        self._file.write_text(text + "\n", encoding="utf-8")


def _outcome(report: pytest.TestReport) -> str:
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.outcome
