"""All commands together."""

from __future__ import annotations

import typer

from paidflow.cli import (
    actions,
    attention,
    data,
    doctor,
    gateway,
    ledger,
    migrate,
    new,
    outgoing,
    reconcile,
    refund,
    views,
    webhooks,
    worker,
)

app = typer.Typer(
    help="Look after a paidflow database: migrate it, work on it, see what is wrong, put it right.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
GROUPS = (
    *(migrate, worker, actions, attention, refund, reconcile, ledger, views),
    *(outgoing, doctor, data),
)
for group in GROUPS:
    group.register(app)
app.add_typer(gateway.app, name="gateway")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(new.app, name="new")
