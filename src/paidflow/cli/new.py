"""``paidflow new``: writes a small action, view or gateway, and a test that passes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from paidflow.cli.console import say, told
from paidflow.errors import InvalidArguments

app = typer.Typer(
    help="Write a small action, view or gateway, and a test that passes.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Such as shout or paid_vote.")]
Folder = Annotated[Path, typer.Option(help="Where to write the files.")]


@app.command()
@told
def action(name: Name, folder: Folder = Path()) -> None:
    """Write a paid action."""
    _write("action", name, folder)


@app.command()
@told
def view(name: Name, folder: Folder = Path()) -> None:
    """Write a view that is folded from the log."""
    _write("view", name, folder)


@app.command()
@told
def gateway(name: Name, folder: Folder = Path()) -> None:
    """Write a gateway: payments that a person confirms by hand, to start from, and its page."""
    _write("gateway", name, folder, {f"{name}.md": "gateway_page"})


def _write(what: str, name: str, folder: Path, more: Mapping[str, str] | None = None) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise InvalidArguments(f"{name!r} must be small letters, digits and _, as a module's name")
    if not folder.is_dir():
        raise InvalidArguments(f"there is no folder {folder}")
    words = {
        "module": name,
        "kind": name.replace("_", "-"),
        "type": "".join(part.capitalize() for part in name.split("_")),
    }
    templates = {f"{name}.py": what, f"test_{name}.py": f"test_{what}", **(more or {})}
    made = {folder / file: template for file, template in templates.items()}
    for path in made:
        if path.exists():
            raise InvalidArguments(f"{path} is there already, and is left as it is")
    for path, template in made.items():
        text = (files("paidflow.cli") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
        path.write_text(Template(text).substitute(words), encoding="utf-8")
        say(f"wrote {path}")
    say(f"try it: python -m pytest {folder / f'test_{name}.py'}")
