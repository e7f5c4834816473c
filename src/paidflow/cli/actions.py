"""``paidflow explain``, ``list`` and ``graph``: where actions stand, and where they can stand."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import App, find_flow, say, table, told
from paidflow.errors import InvalidArguments
from paidflow.money import Money
from paidflow.operating.timeline import Timeline, timeline
from paidflow.states.diagram import diagram
from paidflow.states.machine import State
from paidflow.store.records import as_time


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(told(explain))
    app.command("list")(told(list_actions))
    app.command()(told(graph))


def explain(
    action_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the action.")], app: App
) -> None:
    """Tell what happened to an action, and what comes next."""
    with closing(find_flow(app)) as flow:
        found = timeline(flow, action_id)
    for line in _head(action_id, found):
        say(line)
    rows = [(m.at, m.sentence, m.details, m.correlation_id) for m in found.moments]
    table(("when (UTC)", "what", "details", "correlation id"), rows)


def _head(action_id: str, found: Timeline) -> list[str]:
    a, status = found.aggregate, found.status
    who = "a logged-out person" if a.actor is None else a.actor
    lines = [
        f"{a.kind} {action_id} of {who}, {a.cost}",
        f"{a.state}: {found.meaning}",
    ]
    if a.failure_reason is not None:
        lines.append(f"It failed: {a.failure_reason}.")
    for money in a.claimable:
        lines.append(f"{money} were received that are nobody's yet.")
    if a.attention is not None:
        lines.append(f"It waits for a person: {a.attention}. See paidflow attention.")
    elif status.owed is not None and status.due_at is not None:
        until = f", until {status.deadline_at:%Y-%m-%d %H:%M:%S}" if status.deadline_at else ""
        lines.append(f"Next: {status.owed}, looked at {status.due_at:%Y-%m-%d %H:%M:%S}{until}.")
    else:
        lines.append("Nothing more is owed.")
    return lines


def list_actions(
    app: App,
    state: Annotated[str, typer.Option(help="Only in this state, such as HELD.")] = "",
    kind: Annotated[str, typer.Option(help="Only of this kind.")] = "",
    actor: Annotated[str, typer.Option(help="Only of this actor.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
) -> None:
    """List actions, the one that moved last first."""
    wanted = state.upper()
    if wanted and wanted not in State.__members__:
        names = ", ".join(name for name in State.__members__ if name != State.NEW)
        raise InvalidArguments(f"{state!r} is no state; there are {names}")
    with closing(find_flow(app)) as flow, flow.store.reading() as tx:
        where = {"state": wanted, "kind": kind, "actor": actor, "limit": limit}
        found = tx.query("select_actions", **where).fetchall()
    columns = ("id", "kind", "actor", "state", "cost", "since (UTC)", "owed", "due (UTC)", "person")
    rows = [
        (
            row["action_id"],
            row["kind"],
            row["actor"],
            row["state"],
            Money(row["cost"], row["currency"]),
            as_time(row["state_since"]),
            row["owed"],
            as_time(row["due_at"]),
            row["attention"],
        )
        for row in found
    ]
    table(columns, rows)


def graph() -> None:
    """Print the states and what leads from one to the other, as a Mermaid diagram."""
    say(diagram().removeprefix("```mermaid\n").removesuffix("\n```"))
