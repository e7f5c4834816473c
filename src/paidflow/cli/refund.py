"""``paidflow refund``: gives back what an action has cost, or a part of it."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import App, find_flow, say, told
from paidflow.errors import ActionNotFound, InvalidArguments
from paidflow.money import MINOR_DIGITS, MINOR_DIGITS_DEFAULT, Money
from paidflow.states.reversals import refunded, refunding

_AMOUNT = re.compile(r"(-?[0-9]+)(?:\.([0-9]+))?(?: ?([A-Za-z]+))?")
_ASKED = "were asked for at the gateway, which does not show them"
_UNITS = {"sats": 1000, "sat": 1000, "msats": 1, "msat": 1}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(told(refund))


def refund(
    action_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the action.")],
    app: App,
    operator: Annotated[str, typer.Option(envvar="USER", help="Who decides.")],
    why: Annotated[str, typer.Option(help="The reason, which the log keeps for ever.")],
    amount: Annotated[
        str, typer.Option(help="How much, such as '5 sats' or '2.50 EUR'; all that is left.")
    ] = "",
    key: Annotated[
        str, typer.Option(help="With the same key the same refund is made once, such as a ticket.")
    ] = "",
) -> None:
    """Give back what an action has cost, or a part of it."""
    wanted, given = as_money(amount) if amount else None, {"operator": operator, "why": why}
    with closing(find_flow(app)) as flow:
        receipt = flow.refund(action_id, wanted, idempotency_key=key or None, **given)
        loaded = flow.steps.load(action_id)
    if loaded is None:
        raise ActionNotFound(action_id)
    parts = [f"{action_id} is {receipt.state}"]
    if not receipt.changed:
        parts.append("this key was used before, so nothing is new")
    parts += [f"{money} went back" for money in refunded(loaded.aggregate)]
    parts += [f"{money} {_ASKED}" for money in refunding(loaded.aggregate)]
    say("; ".join(parts))


def as_money(text: str) -> Money:
    """An amount such as ``5 sats``, ``1500 msats`` or ``2.50 EUR``.

    Raises:
        InvalidArguments: when it is none.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or found[3] is None:
        raise InvalidArguments(f"{text!r} is no amount, such as '5 sats' or '2.50 EUR'")
    whole, fraction, unit = found[1], found[2] or "", found[3]
    if unit in _UNITS and not fraction:
        return Money(int(whole) * _UNITS[unit], "BTC")
    digits = MINOR_DIGITS.get(unit, MINOR_DIGITS_DEFAULT)
    if unit in _UNITS or len(fraction) > digits or len(unit) != 3 or not unit.isupper():
        raise InvalidArguments(f"{text!r} is no amount, such as '5 sats' or '2.50 EUR'")
    return Money(int(whole + fraction.ljust(digits, "0")), unit)
