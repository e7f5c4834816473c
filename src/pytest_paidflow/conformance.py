"""Writes down which checks of a gateway have passed: ``--conformance-report FILE``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PROPERTY = "conformance"


def mark(item: pytest.Item) -> None:
    """Note on a check which gateway it is about; other tests are left alone."""
    gateway = getattr(getattr(item, "cls", None), "gateway_name", "")
    if gateway:
        item.user_properties.append((PROPERTY, f"{gateway}\n{item.name}"))


class ConformanceReport:
    """Collects what came of each check, and writes it at the end.

    The file is JSON: gateway -> check -> ``passed``, ``failed``, or ``not supported`` or ``cannot
    be arranged`` with a colon and what that is.

    Args:
        file: where to write.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what came of a check; whatever fails before or after it counts as its failure."""
        for name, about in report.user_properties:
            if name == PROPERTY and (report.when == "call" or report.outcome != "passed"):
                gateway, check = str(about).split("\n")
                checks = self._found.setdefault(gateway, {})
                if checks.get(check) != "failed":
                    checks[check] = _outcome(report)

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        text = json.dumps(self._found, indent=1, sort_keys=True, ensure_ascii=False)
        self._file.write_text(text + "\n", encoding="utf-8")


def _outcome(report: pytest.TestReport) -> str:
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.outcome
