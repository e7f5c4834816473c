"""What all commands share: how they find the application, print, and say what went wrong."""

from __future__ import annotations

import importlib
import os
import sqlite3
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, NoReturn, ParamSpec, TypeVar, cast

import typer
from rich.console import Console
from rich.table import Table

from paidflow.errors import InvalidArguments, InvalidConfiguration, PaidflowError
from paidflow.flow.paid_flow import PaidFlow
from paidflow.tasks import PeriodicTask
from paidflow.views.folding import Folding

P = ParamSpec("P")
T = TypeVar("T")

FAILED = 1
"""The exit code when something is left that a person has to look at."""

REFUSED = 2
"""The exit code when a command could not be carried out."""

App = Annotated[
    str,
    typer.Option(
        "--app",
        envvar="PAIDFLOW_APP",
        metavar="MODULE:NAME",
        help="Where the PaidFlow is, or what returns it, such as shop.payments:flow.",
    ),
]
Views = Annotated[
    str,
    typer.Option(
        "--views",
        envvar="PAIDFLOW_VIEWS",
        metavar="MODULE:NAME",
        help="Where the Folding is, or what returns it when it is given the flow.",
    ),
]
Tasks = Annotated[
    str,
    typer.Option(
        "--tasks",
        envvar="PAIDFLOW_TASKS",
        metavar="MODULE:NAME",
        help="Where the list of PeriodicTasks is, or what returns it.",
    ),
]


def console() -> Console:
    """Where answers go; wide when nobody looks, so that a program can read the lines."""
    out = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = 200
    return out


def say(text: str) -> None:
    """Print a line as it is."""
    console().print(text, markup=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table."""
    made = Table(box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    console().print(made)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        value = value.strftime("%Y-%m-%d %H:%M:%S")
    return "-" if value is None else str(value).replace("[", "\\[")


def refuse(sentence: str, code: int = REFUSED) -> NoReturn:
    """Say on the standard error output why it could not be done, and end."""
    print(sentence, file=sys.stderr)
    raise typer.Exit(code)


def told(command: Callable[P, None]) -> Callable[P, None]:
    """A command whose errors are a sentence and an exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except PaidflowError as error:
            refuse(str(error))
        except Exception as error:
            if not _of_database(error):
                raise
            first = str(error).strip().partition("\n")[0]
            refuse(f"The database refused or cannot be reached: {first}")

    return run


def _of_database(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) or type(error).__module__.startswith("psycopg")


def find(place: str) -> Any:
    """What a name such as ``shop.payments:flow`` stands for.

    Raises:
        InvalidConfiguration: when there is nothing of this name.
    """
    module, _, name = place.partition(":")
    if not module or not name:
        raise InvalidConfiguration(f"{place!r} must be MODULE:NAME, such as shop.payments:flow")
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    with _loading(place):
        return getattr(importlib.import_module(module), name)


@contextmanager
def _loading(place: str) -> Generator[None]:
    """Whatever the application raises while it is loaded is told as a sentence."""
    try:
        yield
    except Exception as error:
        if isinstance(error, PaidflowError) or _of_database(error):
            raise
        what = f"{type(error).__name__}: {error}"
        raise InvalidConfiguration(f"{place!r} cannot be loaded: {what}") from error


def find_as(place: str, kind: type[T], *arguments: Any) -> T:
    """What is at a place, or what it returns when it is called.

    Args:
        place: such as ``shop.payments:flow``.
        kind: what it must be.
        arguments: what it is called with.

    Raises:
        InvalidConfiguration: when it is something else.
    """
    found = find(place)
    with _loading(place):
        found = found(*arguments) if callable(found) else found
    if not isinstance(found, kind):
        raise InvalidConfiguration(f"{place!r} is no {kind.__name__}, and returns none")
    return found


def find_flow(place: str) -> PaidFlow:
    """The application's flow.

    Raises:
        InvalidConfiguration: when there is none.
    """
    return find_as(place, PaidFlow)


def find_views(place: str, flow: PaidFlow) -> Folding:
    """What keeps the application's views.

    Raises:
        InvalidConfiguration: when there is none.
    """
    return find_as(place, Folding, flow)


def find_tasks(place: str) -> list[PeriodicTask]:
    """What the application has to do again and again.

    Raises:
        InvalidConfiguration: when it is no list of periodic tasks.
    """
    found = cast("list[object]", find_as(place, list))
    tasks = [task for task in found if isinstance(task, PeriodicTask)]
    if len(tasks) != len(found):
        raise InvalidConfiguration(f"{place!r} has something in it that is no PeriodicTask")
    return tasks


def as_moment(text: str, default: datetime) -> datetime:
    """A moment such as ``2030-01-31`` or ``2030-01-31T12:00+00:00``; UTC unless it says otherwise.

    Raises:
        InvalidArguments: when it is none.
    """
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArguments(f"{text!r} is no date or time, such as 2030-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=default.tzinfo)
