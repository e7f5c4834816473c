"""Ledger entries: which accounts an event moves money between. A pure function of the event.

One entry debits one account and credits another by the same amount, so every entry is balanced by
its shape. The database refuses an entry of zero or less, and a purse below zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from paidflow.money import Money
from paidflow.states import events as e

ISSUED = "issued"
"""Where credits come from that an operator gives to an actor."""


def purse(actor: str) -> str:
    """The account of an actor's credits."""
    return f"purse:{actor}"


def clearing(gateway: str) -> str:
    """The account of the money that a gateway holds for us."""
    return f"clearing:{gateway}"


def unclaimed(action_id: str) -> str:
    """The account of money that an action received and that is nobody's yet."""
    return f"unclaimed:{action_id}"


def revenue(kind: str) -> str:
    """The account of what actions of this kind have earned."""
    return f"revenue:{kind}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money.

    Args:
        debit: the account that gives.
        credit: the account that gets.
        amount: more than zero.
    """

    debit: str
    credit: str
    amount: Money

    @property
    def purse_changes(self) -> tuple[tuple[str, int], ...]:
        """The actors whose purse this entry touches, with the signed change."""
        sides = ((self.debit, -self.amount.amount), (self.credit, self.amount.amount))
        prefix = purse("")
        return tuple((a.removeprefix(prefix), n) for a, n in sides if a.startswith(prefix))


def entries_of(action_id: str, kind: str, actor: str | None, event: e.Event) -> tuple[Entry, ...]:
    """The entries that an event of an action stands for.

    Args:
        action_id: the action.
        kind: its kind.
        actor: who pays, if it is somebody with a purse.
        event: what happened.
    """
    match event:
        case e.PaymentSeen(amount=amount) if amount.amount > 0:
            return (Entry(clearing(event.gateway), unclaimed(action_id), amount),)
        case e.Paid(source="invoice", amount=amount) if amount.amount > 0:
            return (Entry(unclaimed(action_id), revenue(kind), amount),)
        case e.Paid(source="credits", amount=amount) if amount.amount > 0 and actor is not None:
            return (Entry(purse(actor), revenue(kind), amount),)
        case e.PaymentCredited(amount=amount, actor=to) | e.PaymentClaimed(amount=amount, actor=to):
            return (Entry(unclaimed(action_id), purse(to), amount),)
        case _:
            return ()
