"""``paidflow rebuild``: builds a view anew beside the live one."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from paidflow.cli.console import App, Views, console, find_flow, find_views, say, told
from paidflow.errors import InvalidConfiguration
from paidflow.views.rebuild import rebuild as build


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(told(rebuild))


def rebuild(
    view: Annotated[str, typer.Argument(help="The name of the view.")], app: App, views: Views = ""
) -> None:
    """Build the version of a view that the program has, and make it the live one."""
    if not views:
        raise InvalidConfiguration("say where the Folding is: --views shop.payments:folding")
    with closing(find_flow(app)) as flow:
        folding = find_views(views, flow)
        percent = TextColumn("{task.percentage:.0f} %")
        parts = (TextColumn("{task.description}"), BarColumn(), percent, TimeRemainingColumn())
        with Progress(*parts, console=console()) as progress:
            task = progress.add_task(view)
            build(folding, view, lambda at, of: progress.update(task, completed=at, total=of))
    say(f"{view} is live")
