"""``paidflow worker``: does what is owed, until it is told to stop."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import App, Tasks, Views, find_flow, find_tasks, find_views, say, told
from paidflow.worker import Worker


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(told(worker))


def worker(
    app: App,
    views: Views = "",
    tasks: Tasks = "",
    batch: Annotated[int, typer.Option(help="How many actions are taken at once.")] = 20,
    poll: Annotated[float, typer.Option(help="How long to rest when idle, in seconds.")] = 1.0,
    once: Annotated[bool, typer.Option(help="Do what is due now, and end.")] = False,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Read the gateways' messages, do what actions owe, keep views up to date, run periodic tasks.

    Any number of workers may run. SIGTERM and SIGINT end it after the step that it is at.
    """
    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    with closing(find_flow(app)) as flow:
        folding = find_views(views, flow) if views else None
        again = find_tasks(tasks) if tasks else []
        working = Worker(flow, folding=folding, tasks=again, batch=batch, poll_s=poll)
        if once:
            say(f"did {working.run_until_idle()} things")
            return
        flow.gateways.refuse_copy()
        say("working")
        working.run_forever()
        say("stopped")
