"""What hooks are told: who does something, when, and where they can look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NoReturn

from paidflow.actions.contract import Context, Rows, nothing_proven
from paidflow.errors import InvalidConfiguration
from paidflow.flow.funding import balance_of
from paidflow.flow.registry import Registry
from paidflow.money import Money
from paidflow.store.contract import Transaction


class NoTransaction:
    """What ``row`` gets for a transaction: the work as data must not need one."""

    @property
    def raw(self) -> NoReturn:
        raise InvalidConfiguration("row has no transaction; use perform if the work needs one")

    @property
    def for_hooks(self) -> NoTransaction:
        return self

    def execute(self, sql: str, **params: Any) -> Rows:
        return self.raw

    def flush(self) -> None:
        """Nothing: no hook can note anything here."""


def told(
    tx: Transaction | NoTransaction,
    registry: Registry,
    *,
    action_id: str,
    actor: str | None,
    now: datetime,
    cost: Money | None,
    performed: bool = False,
    carried_by: str | None = None,
    proves: Callable[[str], bool] = nothing_proven,
) -> Context:
    """What a hook of an action is told in a transaction; see ``Context``."""
    return Context(
        action_id=action_id,
        actor=actor,
        now=now,
        cost=cost,
        performed=performed,
        tx=tx.for_hooks,
        carried_by=carried_by,
        settings=registry.settings,
        balances=partial(_balance, tx),
        proves=proves,
    )


def _balance(tx: Transaction | NoTransaction, account: str, currency: str) -> Money:
    return tx.raw if isinstance(tx, NoTransaction) else balance_of(tx, account, currency)
