"""How an action is paid: from purses in the order that it declares, and the rest by invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import takewhile

from paidflow.actions.contract import CREDITS, INVOICE, WITHDRAWABLE, Context, PaidAction
from paidflow.errors import InsufficientFunds, InvalidArguments
from paidflow.flow.registry import check_text
from paidflow.ledger.accounts import is_common, purse, withdrawable
from paidflow.ledger.shares import taken
from paidflow.money import Money, invoice_unit
from paidflow.states.events import Mode
from paidflow.states.postings import Posting, Postings, total
from paidflow.store.contract import Transaction

SOLVENT_MAX = 10_000
_PURSES = {CREDITS: purse, WITHDRAWABLE: withdrawable}


class PurseUse(Enum):
    """How it is found out whether a purse has enough; the debit itself never overdraws."""

    LOOKED_INTO = auto()
    """Its balance is read."""

    TRUSTED = auto()
    """It is not read if the last payment from it succeeded; the debit will tell."""

    LEFT_OUT = auto()
    """It has not enough."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How an action is to be paid.

    Args:
        mode: in which order paying and doing happen.
        purses: what purses give; empty when credits alone pay everything.
    """

    mode: Mode
    purses: Postings = ()


class Funding:
    """Chooses the funding of actions, in the order that they declare."""

    def __init__(self) -> None:
        self._solvent: set[tuple[str, str]] = set()

    def plan(
        self,
        tx: Transaction,
        action: type[PaidAction],
        actor: str | None,
        cost: Money,
        payouts: Postings,
        use: PurseUse,
    ) -> Plan:
        """How it is paid; only what purses have not is asked for by invoice.

        Raises:
            InsufficientFunds: when the purses have not enough and there is no other way.
        """
        if actor is None:
            return Plan(Mode.PESSIMISTIC if cost.amount else Mode.FREE)
        if cost.amount == 0:
            return Plan(Mode.FREE)
        if self._trusts(action, actor, cost.currency, use) and _simple(actor, payouts):
            return Plan(Mode.CREDITS)
        purses = () if use is PurseUse.LEFT_OUT else purses_for(tx, action, actor, cost)
        if total(purses) == cost.amount:
            alone = [line.account for line in purses] == [purse(actor)]
            direct = alone and _simple(actor, payouts)
            return Plan(Mode.CREDITS, () if direct else purses)
        if INVOICE not in action.funding:
            raise InsufficientFunds(action.kind)
        mode = Mode.OPTIMISTIC if action.optimistic else Mode.PESSIMISTIC
        return Plan(mode, purses)

    def paid(self, actor: str | None, currency: str) -> None:
        """Remember that a purse had enough."""
        if len(self._solvent) >= SOLVENT_MAX:
            self._solvent.clear()
        if actor is not None:
            self._solvent.add((actor, currency))

    def lacked(self, actor: str | None, currency: str) -> None:
        """Remember that a purse had not enough."""
        if actor is not None:
            self._solvent.discard((actor, currency))

    def _trusts(self, action: type[PaidAction], actor: str, currency: str, use: PurseUse) -> bool:
        first = action.funding[0] == CREDITS
        return first and use is PurseUse.TRUSTED and (actor, currency) in self._solvent


def purses_for(tx: Transaction, action: type[PaidAction], actor: str, cost: Money) -> Postings:
    """What the purses of an actor give for an action; the rest is a whole number on an invoice."""
    accounts = [
        _PURSES[source](actor)
        for source in takewhile(lambda source: source != INVOICE, action.funding)
    ]
    balances = [balance_of(tx, account, cost.currency).amount for account in accounts]
    parts = _given(cost, balances, by_invoice=INVOICE in action.funding)
    return tuple(
        Posting(account, Money(part, cost.currency))
        for account, part in zip(accounts, parts, strict=True)
        if part
    )


def plan_from_account(tx: Transaction, action: PaidAction, ctx: Context, cost: Money) -> Plan:
    """How an action is paid from the account that it names: all of it, or not at all.

    Raises:
        InvalidArguments: when the account is somebody's purse, or nobody spends from it.
        InsufficientFunds: when there is not enough.
    """
    account = action.paying_account(ctx)
    check_text("an account", account)
    if not is_common(account):
        raise InvalidArguments(f"{action.kind} cannot be paid from {account!r}")
    if cost.amount == 0:
        return Plan(Mode.FREE)
    if balance_of(tx, account, cost.currency) < cost:
        raise InsufficientFunds(action.kind)
    return Plan(Mode.CREDITS, (Posting(account, cost),))


def purses_for_transfer(
    tx: Transaction, action: type[PaidAction], actor: str | None, cost: Money
) -> Postings:
    """What purses give for money that leaves: all of it.

    Raises:
        InsufficientFunds: when they have not enough.
    """
    purses = purses_for(tx, action, actor, cost) if actor is not None else ()
    if total(purses) != cost.amount:
        raise InsufficientFunds(action.kind)
    return purses


def _given(cost: Money, balances: Sequence[int], *, by_invoice: bool) -> Sequence[int]:
    if sum(balances) < cost.amount and not by_invoice:
        return [0 for _ in balances]
    return taken(cost.amount, balances, invoice_unit(cost.currency))


def _simple(actor: str, payouts: Postings) -> bool:
    """Whether credits can go straight to those who get them: the payer is not one of them."""
    return all(line.account != purse(actor) for line in payouts)


def balance_of(tx: Transaction, account: str, currency: str) -> Money:
    """What can be spent from an account."""
    row = tx.query("select_balance", account=account, currency=currency).fetchone()
    return Money(row["balance"] if row else 0, currency)
