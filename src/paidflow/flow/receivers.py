"""Checks whom an action wants to have paid directly."""

from __future__ import annotations

from collections.abc import Iterator

from paidflow.actions.contract import Context, PaidAction
from paidflow.errors import InvalidArguments
from paidflow.flow.registry import check_text
from paidflow.ledger.accounts import is_named
from paidflow.states.postings import Postings
from paidflow.states.receivers import Receiver


def receivers_of(action: PaidAction, ctx: Context, payouts: Postings) -> tuple[Receiver, ...]:
    """Who may be paid directly by an action, most preferred first; not who gets nothing of it.

    Raises:
        InvalidArguments: when somebody has not one payout of his own.
    """
    if not action.has_own("receivers"):
        return ()
    return tuple(_checked(action, ctx, payouts))


def _checked(action: PaidAction, ctx: Context, payouts: Postings) -> Iterator[Receiver]:
    for receiver in action.receivers(ctx):
        if not isinstance(receiver, Receiver):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArguments(f"{action.kind} pays {type(receiver).__name__}, not a Receiver")
        check_text("a wallet", receiver.wallet)
        if not is_named(receiver.account):
            raise InvalidArguments(f"{action.kind} cannot pay {receiver.account!r} directly")
        shares = sum(line.account == receiver.account for line in payouts)
        if shares > 1:
            raise InvalidArguments(f"{action.kind} has more than one payout for a receiver")
        if shares:
            yield receiver
