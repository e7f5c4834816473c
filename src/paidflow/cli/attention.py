"""``paidflow attention``, ``resolve``, ``payments``: what a person has to know and to decide."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, cast, get_args

import typer

from paidflow.cli.console import App, find_flow, say, table, told
from paidflow.cli.refund import as_money
from paidflow.errors import ActionNotFound, InvalidArguments
from paidflow.flow.resolutions import Resolution
from paidflow.operating.decisions import decisions
from paidflow.views.reader import Reader

MEANINGS: dict[Resolution, str] = {
    "retry": "run the hook that raised again",
    "accept": "make the action real with the money that came late",
    "credit": "put that money into the actor's purse",
    "refund": "send that money back to whoever has paid it",
    "close": "take the invoice for dead",
    "outgoing_arrived": "the payment to somebody else has arrived; see --fee",
    "outgoing_failed": "the payment to somebody else will never arrive",
    "dismiss": "leave everything as it is",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(told(attention))
    app.command()(told(resolve))
    app.command()(told(payments))


def attention(
    app: App, limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50
) -> None:
    """List what waits for a person, oldest first, and what can be decided about it."""
    with closing(find_flow(app)) as flow:
        waiting = Reader(flow).attention(limit=limit)
        possible = [", ".join(decisions(flow, one.action_id)) for one in waiting]
    rows = [
        (one.action_id, one.kind, one.state, one.reason, one.since, can)
        for one, can in zip(waiting, possible, strict=True)
    ]
    if not rows:
        say("nothing waits for a person")
        return
    table(("id", "kind", "state", "why", "since (UTC)", "can be"), rows)
    for resolution, meaning in MEANINGS.items():
        say(f"{resolution}: {meaning}")


def resolve(
    action_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the action.")],
    resolution: Annotated[str, typer.Argument(help="What is decided; see paidflow attention.")],
    app: App,
    operator: Annotated[str, typer.Option(envvar="USER", help="Who decides.")],
    why: Annotated[str, typer.Option(help="The reason, which the log keeps for ever.")],
    fee: Annotated[
        str,
        typer.Option(help="What a payment that has arrived has cost, such as '3 sats'; else all."),
    ] = "",
) -> None:
    """Decide about an action that waits for a person."""
    if resolution not in get_args(Resolution):
        raise InvalidArguments(f"{resolution!r} is none of {', '.join(get_args(Resolution))}")
    decided, cost = cast("Resolution", resolution), as_money(fee) if fee else None
    with closing(find_flow(app)) as flow:
        flow.resolve(action_id, decided, operator=operator, why=why, fee=cost)
        loaded = flow.steps.load(action_id)
    if loaded is None:
        raise ActionNotFound(action_id)
    say(f"{action_id} is {loaded.aggregate.state}")


def payments(
    app: App, limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50
) -> None:
    """List payments to others that are on their way, or may be, oldest first."""
    with closing(find_flow(app)) as flow:
        doubtful = Reader(flow).payments_in_doubt(limit=limit)
    if not doubtful:
        say("no payment is in doubt")
        return
    table(
        ("id", "kind", "actor", "gateway", "payment", "since (UTC)"),
        [(p.action_id, p.kind, p.actor, p.gateway, p.payment_id, p.since) for p in doubtful],
    )
