"""Notes that pay somebody out, for the tests of money, and what those tests do again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from paidflow import (
    CREDITS,
    INVOICE,
    POOL,
    WITHDRAWABLE,
    Context,
    Money,
    PaidFlow,
    Posting,
    msats,
    purse,
    shares,
    territory,
    withdrawable,
)
from paidflow.ledger.accounts import FEES, ISSUED, receivable
from paidflow.ledger.entries import Entry
from paidflow.operating.audit import audit
from tests.wall import NOTES, Note

ZAP_PERCENT = 70
TERRITORY_PERCENT = 70
"""Of what the zap leaves: 70 of 30 per cent are 21, and the pool gets the other 9."""


class Zap(Note):
    """A note that pays an author, those he forwards to, a territory and the pool."""

    kind = "zap"
    funding = (CREDITS, WITHDRAWABLE, INVOICE)

    author: str = "bob"
    forwards: Mapping[str, int] = {}
    """actor -> per cent of what the author gets"""

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        (zap, rest) = _divided(ctx.cost, ZAP_PERCENT)
        forwards = {purse(actor): percent for actor, percent in self.forwards.items()}
        return (
            *shares(zap, forwards, rest=purse(self.author)),
            *shares(rest, {territory("bitcoin"): TERRITORY_PERCENT}, rest=POOL),
        )


def _divided(cost: Money, percent: int) -> tuple[Money, Money]:
    part = Money(cost.amount * percent // 100, cost.currency)
    return part, cost - part


class HeldZap(Zap):
    """The same, pessimistic."""

    kind = "held-zap"
    optimistic = False


class Earning(Note):
    """A note that pays everything to what an actor can withdraw."""

    kind = "earning"
    author: str = "bob"

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        return (Posting(withdrawable(self.author), ctx.cost),)


class Bill(Note):
    """What the system charges by itself: from purses or not at all."""

    kind = "bill"
    anonymous: ClassVar[bool] = False
    funding = (CREDITS, WITHDRAWABLE)


ZAPS = (*NOTES, Zap, HeldZap, Earning, Bill)


def fund(flow: PaidFlow, account: str, amount_msats: int, key: str = "start") -> None:
    """Put money into an account, out of nothing."""
    with flow.store.transaction("fund") as tx:
        entry = Entry(ISSUED, account, msats(amount_msats))
        source = f"fund:{account}:{key}"
        assert tx.post(entry, source=source, version=1, line=1, now=flow.clock.now())


def owe(flow: PaidFlow, account: str, amount_msats: int) -> None:
    """Have the owner of an account owe something: the entry, and the row."""
    now = flow.clock.now()
    with flow.store.transaction("owe") as tx:
        tx.sweep(account, "BTC", now)
        entry = Entry(receivable(account), FEES, msats(amount_msats))
        assert tx.post(entry, source=f"debt:{account}", version=1, line=1, now=now)
        tx.execute(
            "update paidflow_accounts set owed = owed + :amount where account = :account",
            amount=amount_msats,
            account=account,
        )


def left(flow: PaidFlow, *accounts: str) -> tuple[int, ...]:
    """What can be spent from accounts, in millisatoshis."""
    return tuple(flow.balance_of(account).amount for account in accounts)


def differences(flow: PaidFlow) -> list[str]:
    """What an audit complains about; nothing when the books are right."""
    return [str(one) for one in audit(flow) if not one.agrees]
