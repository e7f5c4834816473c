"""The sides by name. Each is imported when it is used, with what it needs."""

from __future__ import annotations

from importlib import import_module

from benchmarks.sides.base import Side

_WHERE = {
    "paidflow": "benchmarks.sides.with_paidflow:WithPaidflow",
    "paidflow_rows": "benchmarks.sides.with_paidflow_rows:WithPaidflowRows",
    "hand_written": "benchmarks.sides.hand_written:HandWritten",
    "hand_tuned": "benchmarks.sides.hand_tuned:HandTuned",
    "eventsourcing": "benchmarks.sides.plain_eventsourcing:PlainEventsourcing",
    "sqlalchemy": "benchmarks.sides.orm:Orm",
    "pgbench": "benchmarks.sides.with_pgbench:WithPgbench",
}

NAMES = tuple(_WHERE)


def side_class(name: str) -> type[Side]:
    """The class of a side."""
    module, _, attribute = _WHERE[name].partition(":")
    return getattr(import_module(module), attribute)
