"""``paidflow erase`` and ``export``: personal data, and the ledger for accounting."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer

from paidflow.cli.console import FAILED, App, as_moment, find_flow, refuse, say, told
from paidflow.flow.paid_flow import PaidFlow
from paidflow.operating.erase import erase_actor
from paidflow.store.paging import paged
from paidflow.store.records import as_time

PAGE = 1000
COLUMNS = ("source", "version", "line", "recorded_at", "debit", "credit", "amount", "currency")
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(told(erase))
    app.command()(told(export))


def erase(
    subject: Annotated[str, typer.Argument(help="The actor whose texts are to go.")],
    app: App,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase the texts of everything that an actor has done; the log and the money stay.

    The exit code is 1 when some actions are not finished, so that their texts are still needed.
    """
    if not yes and not typer.confirm(f"Erase all texts of {subject}? They cannot be brought back."):
        refuse("Nothing is erased.", FAILED)
    with closing(find_flow(app)) as flow:
        done = erase_actor(flow, subject)
    say(f"erased the texts of {done.erased} actions")
    if done.waiting:
        refuse("Not finished, so not erased: " + ", ".join(done.waiting), FAILED)


def export(
    app: App,
    form: Annotated[
        Literal["csv", "json"], typer.Option("--format", help="JSON is one object a line.")
    ] = "csv",
    since: Annotated[str, typer.Option(help="Only from this date or time on, UTC.")] = "",
    until: Annotated[str, typer.Option(help="Only before this date or time, UTC.")] = "",
) -> None:
    """Print the entries of the ledger: each moves an amount in minor units from debit to credit.

    They are in the order of their source, which is the action or the grant.
    """
    first, last = as_moment(since, _FIRST), as_moment(until, _LAST)
    with closing(find_flow(app)) as flow:
        if form == "csv":
            sys.stdout.write(",".join(COLUMNS) + "\n")
        for entry in _entries(flow, first, last):
            sys.stdout.write(_csv(entry) if form == "csv" else json.dumps(entry) + "\n")


def _entries(flow: PaidFlow, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    first, between = {"source": "", "version": 0, "line": 0}, {"since": since, "until": until}
    for row in paged(flow.store, "select_entries", after=first, limit=PAGE, **between):
        at = as_time(row["recorded_at"])
        yield {
            name: at.isoformat() if name == "recorded_at" and at else row[name] for name in COLUMNS
        }


def _csv(entry: dict[str, Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(entry.values())
    return line.getvalue()
