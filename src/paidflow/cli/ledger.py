"""``paidflow audit`` and ``statement``: whether the books are right, and what is in an account."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Annotated

import typer

from paidflow.cli.console import FAILED, App, find_flow, say, table, told
from paidflow.operating.audit import Audited, Rule
from paidflow.operating.audit import audit as compare

SHOWN_MAX = 1000
"""More differences than that are only counted."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(told(audit))
    app.command()(told(statement))


def audit(app: App) -> None:
    """Prove that balances, actions and gateways say what the entries of the ledger say.

    The exit code is 1 when something differs, or a gateway did not answer. Run reconcile first:
    what a gateway has received and nobody has recorded yet differs, too.
    """
    counts: Counter[Rule] = Counter()
    differing: list[Audited] = []
    differences = 0
    with closing(find_flow(app)) as flow:
        for one in compare(flow):
            counts[one.rule] += 1
            if not one.agrees:
                differences += 1
                differing += [one] if differences <= SHOWN_MAX else []
    if differing:
        rows = [(o.rule, o.account, o.entries, o.other or "no answer") for o in differing]
        table(("what", "account", "the entries say", "it says"), rows)
    looked_at = (
        f"{counts[Rule.BALANCE]} balances, {counts[Rule.RESERVED]} actions and"
        f" {counts[Rule.HOLDINGS]} clearing accounts looked at"
    )
    say(f"{looked_at}: {differences or 'no'} difference{'' if differences == 1 else 's'}")
    if differences:
        raise typer.Exit(FAILED)


def statement(
    account: Annotated[str, typer.Argument(help="The account, such as purse:ann or pool.")],
    app: App,
    currency: Annotated[str, typer.Option(help="In this currency.")] = "BTC",
    limit: Annotated[int, typer.Option(help="At most so many lines.", min=1, max=1000)] = 50,
    before: Annotated[str, typer.Option(help="Go on after the cursor that was shown last.")] = "",
) -> None:
    """Print what came in on an account and went out, the newest first, with balances."""
    with closing(find_flow(app)) as flow:
        lines = flow.statement(account, currency, limit=limit, before=before or None)
    rows = [(line.at, line.amount, line.balance, line.other, line.source) for line in lines]
    table(("when (UTC)", "amount", "balance after", "from or to", "because of"), rows)
    if len(lines) == limit:
        say(f"more: --before {lines[-1].cursor}")
