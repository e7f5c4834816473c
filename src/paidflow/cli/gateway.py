"""``paidflow gateway``: how the gateways are, whether they work, and who is in maintenance."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from paidflow.cli.console import FAILED, App, find_flow, say, table, told
from paidflow.errors import InvalidArguments
from paidflow.money import Money
from paidflow.operating.gateway_check import check_gateway
from paidflow.operating.gateway_states import gateway_states
from paidflow.operating.health import Level

COLUMNS = (
    *("gateway", "breaker", "down since", "why", "maintenance since", "why"),
    *("last answer", "webhooks refused"),
)

app = typer.Typer(
    help="See how the gateways are, try them, take them out of use.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The gateway's name in the flow.")]


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


@app.command(name="list")
@told
def list_(app: App) -> None:
    """List the gateways, as operators have said and as workers saw them last."""
    with closing(find_flow(app)) as flow:
        states = gateway_states(flow)
    rows = [
        (
            *(one.name, one.breaker, one.down_since, one.down_reason),
            *(one.maintenance_since, one.maintenance_reason, one.answered_at),
            one.webhooks_refused,
        )
        for one in states
    ]
    table(COLUMNS, rows)


@app.command()
@told
def check(
    app: App,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Only this gateway.", show_default=False)
    ] = "",
    amount: Annotated[
        str, typer.Option(help="Of the invoices, in minor units, such as 100EUR; the smallest.")
    ] = "",
) -> None:
    """Connect with the configured settings, open tiny invoices, and close them again.

    Nobody is shown these invoices, so it does no harm. The exit code is 1 when something fails.
    """
    failed = False
    with closing(find_flow(app)) as flow:
        for gateway in [name] if name else flow.gateways:
            for found in check_gateway(flow, gateway, _amount(amount)):
                failed = failed or found.level is Level.CRITICAL
                level = "failed" if found.level is Level.CRITICAL else found.level.name.lower()
                say(f"{level:8}  {gateway} {found.name}: {found.sentence}")
    if failed:
        raise typer.Exit(FAILED)


@app.command()
@told
def maintenance(
    name: Name,
    switch: Annotated[Switch, typer.Argument(help="on or off.")],
    app: App,
    reason: Annotated[str, typer.Option(help="Why, for other operators.")] = "",
) -> None:
    """Give a gateway no new invoices and no new payments to others; what is under way goes on."""
    if switch is Switch.ON and not reason:
        raise InvalidArguments("say why: --reason 'a new disk'")
    with closing(find_flow(app)) as flow:
        if switch is Switch.ON:
            flow.begin_maintenance(name, why=reason)
            say(f"{name} gets no new business")
        elif flow.end_maintenance(name):
            say(f"{name} gets new business again")
        else:
            say(f"{name} was not in maintenance")


def _amount(text: str) -> Money | None:
    if not text:
        return None
    if not text[:-3].isdecimal() or not text[:-3].isascii():
        raise InvalidArguments(f"{text!r} is no amount in minor units, such as 100EUR")
    return Money(int(text[:-3]), text[-3:])
