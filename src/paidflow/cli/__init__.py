"""The operators' command line: ``paidflow``, of the extra ``cli``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from paidflow.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit("The command line needs more libraries: pip install 'paidflow[cli]'")
    app(prog_name="paidflow")
