"""``paidflow doctor``: says whether all is well, for people and for monitors."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import App, find_flow, say, told
from paidflow.operating.health import Level, examine


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(told(doctor))


def doctor(
    app: App, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Look whether all is well. The exit code is 0 if it is, 1 for a warning, 2 if it is critical.

    A flow that cannot be opened, such as one for another gateway account, is critical, too.
    """
    with closing(find_flow(app)) as flow:
        findings = examine(flow)
    worst = max((finding.level for finding in findings), default=Level.GOOD)
    if as_json:
        lines = [
            {"name": f.name, "level": f.level.name.lower(), "sentence": f.sentence}
            for f in findings
        ]
        say(json.dumps({"level": worst.name.lower(), "findings": lines}, indent=2))
    else:
        for finding in findings:
            say(f"{finding.level.name.lower():8}  {finding.name}: {finding.sentence}")
    raise typer.Exit(int(worst))
