"""``paidflow webhooks``: what gateways have sent, and what has become of it."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import FAILED, App, find_flow, refuse, say, table, told
from paidflow.operating.inbox import KeptWebhook, kept_webhooks, retry_webhooks

COLUMNS = ("gateway", "invoice", "standing", "times", "first (UTC)", "last (UTC)", "next look")

app = typer.Typer(help="See what gateways have sent, and look again.", no_args_is_help=True)
Gateway = Annotated[str, typer.Option(help="Only those of this gateway.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]


@app.command(name="list")
@told
def list_(app: App, gateway: Gateway = "", limit: Limit = 100) -> None:
    """List the webhooks that are kept, the newest first; never what is in them."""
    with closing(find_flow(app)) as flow:
        kept = kept_webhooks(flow, gateway=gateway, limit=limit)
    _show(kept)


@app.command()
@told
def unmatched(app: App, gateway: Gateway = "", limit: Limit = 100) -> None:
    """List webhooks about invoices that nobody knows, and those that could not be read.

    The exit code is 1 when there are some.
    """
    with closing(find_flow(app)) as flow:
        kept = kept_webhooks(flow, gateway=gateway, unmatched=True, limit=limit)
    _show(kept)
    if kept:
        refuse("Some belong to no invoice.", FAILED)


@app.command()
@told
def retry(
    app: App,
    gateway: Gateway = "",
    invoice: Annotated[str, typer.Option(help="Only those about this invoice.")] = "",
) -> None:
    """Have a worker look again where webhooks say that one should look."""
    with closing(find_flow(app)) as flow:
        again = retry_webhooks(flow, gateway=gateway, invoice_id=invoice)
    say(f"a worker will look at {again} webhooks again")


def _show(kept: list[KeptWebhook]) -> None:
    if not kept:
        say("there are none")
        return
    rows = [
        (
            *(one.gateway, one.invoice_id or None, one.standing, one.times),
            *(one.received_at, one.last_received_at, one.due_at),
        )
        for one in kept
    ]
    table(COLUMNS, rows)
