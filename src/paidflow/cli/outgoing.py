"""``paidflow undelivered``: events that a subscriber has not acknowledged, and what to do then."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import FAILED, App, find_as, find_flow, refuse, say, table, told
from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.flow.paid_flow import PaidFlow
from paidflow.outgoing.deliveries import Deliveries

COLUMNS = ("subscriber", "action", "event", "tries", "next try", "given up", "reason")

Outgoing = Annotated[
    str,
    typer.Option(
        "--deliveries",
        envvar="PAIDFLOW_DELIVERIES",
        metavar="MODULE:NAME",
        help="Where the Deliveries are, or what returns them when it is given the flow.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(told(undelivered))


def undelivered(
    app: App,
    deliveries: Outgoing = "",
    requeue: Annotated[
        str, typer.Option(metavar="SUBSCRIBER", help="Send again what was given up.")
    ] = "",
    resume: Annotated[
        str, typer.Option(metavar="SUBSCRIBER", help="Send again to somebody who is left alone.")
    ] = "",
    drop: Annotated[
        str, typer.Option(metavar="SUBSCRIBER", help="Never send what was given up for --action.")
    ] = "",
    action: Annotated[str, typer.Option(help="Requeue or drop those of this action only.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
) -> None:
    """List events that were not acknowledged; what was given up comes first. Or decide about it.

    The exit code is 1 when something was given up, so that an operator has to decide.
    """
    if drop and not action:
        raise InvalidArguments("say which action's event is to be dropped: --action ID")
    with closing(find_flow(app)) as flow:
        found = _find(deliveries, flow)
        if requeue:
            say(f"requeued {found.requeue(requeue, action or None)} events for {requeue}")
        if resume:
            found.resume(resume)
            say(f"{resume} is sent to again")
        if drop:
            say(f"dropped {found.drop(drop, action)} events of {action} for {drop}")
        waiting = found.undelivered(limit=limit)
    if not waiting:
        say("everything was acknowledged")
        return
    rows = [
        (u.name, u.action_id, u.topic, u.tries, u.next_try_at, u.given_up_at, u.reason)
        for u in waiting
    ]
    table(COLUMNS, rows)
    if any(one.given_up_at is not None for one in waiting):
        refuse("Some were given up.", FAILED)


def _find(place: str, flow: PaidFlow) -> Deliveries:
    if not place:
        raise InvalidConfiguration("say where they are: --deliveries shop.payments:deliveries")
    return find_as(place, Deliveries, flow)
