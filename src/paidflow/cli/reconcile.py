"""``paidflow reconcile`` and ``adopt``: compare the log with what the gateways show now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Annotated

import typer

from paidflow.cli.console import FAILED, App, find_flow, refuse, say, table, told
from paidflow.flow.paid_flow import PaidFlow
from paidflow.operating.reconcile import Compared, Standing
from paidflow.operating.reconcile import reconcile as compare

Days = Annotated[
    float, typer.Option(min=0, help="Look at what is finished, too, if it moved in so many days.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(told(reconcile))
    app.command()(told(adopt))


def reconcile(
    app: App,
    days: Days = 1.0,
    dry_run: Annotated[bool, typer.Option(help="Record nothing, only tell.")] = False,
) -> None:
    """Ask the gateways about everything unfinished, now, and record what is new.

    The exit code is 1 when something differs all the same, or a gateway did not answer.
    """
    with closing(find_flow(app)) as flow:
        counts = _show(compare(flow, since=_since(flow, days), record=not dry_run))
    if counts[Standing.DIFFERS] or counts[Standing.UNANSWERED]:
        raise typer.Exit(FAILED)


def adopt(
    app: App,
    after_restore: Annotated[
        bool, typer.Option("--after-restore", help="Say that the database was restored.")
    ] = False,
    days: Days = 30.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let a restored database act on the gateways, after it was compared with them.

    Until then it asks nothing and sends nothing. Make sure that the database from which it was
    copied is gone for good: two of them must never act on the same account.
    """
    with closing(find_flow(app)) as flow:
        if not flow.home.is_copy:
            say("this database is where its log lives; there is nothing to adopt")
            return
        if not after_restore:
            refuse("Say --after-restore if this database is to take the place of the other one.")
        with flow.home.asking():
            counts = _show(compare(flow, since=_since(flow, days), record=False))
        if counts[Standing.UNANSWERED]:
            refuse("A gateway did not answer, so nothing is adopted; try again later.", FAILED)
        if not yes and not typer.confirm("Adopt it, and record what the gateways show?"):
            refuse("Nothing is adopted.", FAILED)
        flow.home.move_here()
        counts = _show(compare(flow, since=_since(flow, days)))
        say("adopted; workers can be started")
    if counts[Standing.DIFFERS] or counts[Standing.UNANSWERED]:
        raise typer.Exit(FAILED)


def _since(flow: PaidFlow, days: float) -> datetime:
    return flow.clock.now() - timedelta(days=days)


def _show(compared: Iterable[Compared]) -> Counter[Standing]:
    """Tell what does not agree, and how many invoices and payments to others there were."""
    invoices, payments = Counter[Standing](), Counter[Standing]()
    rows: list[Compared] = []
    for one in compared:
        (payments if one.outgoing else invoices)[one.standing] += 1
        if one.standing is not Standing.AGREES:
            rows.append(one)
    if rows:
        columns = ("action", "number", "gateway", "invoice", "in the log", "shown", "now")
        table(columns, [astuple(one)[: len(columns)] for one in rows])
    _count("invoices", invoices)
    if payments:
        _count("payments to others", payments)
    return invoices + payments


def _count(what: str, counts: Counter[Standing]) -> None:
    parts = ", ".join(f"{counts[standing]} {standing}" for standing in Standing if counts[standing])
    say(f"{counts.total()} {what} looked at{': ' if parts else ''}{parts}")
