"""Withdrawals by themselves: what somebody earns above a threshold goes to his own address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from paidflow.actions.contract import Context, Tables
from paidflow.actions.forum_action import FORUM_TABLES, forum_settings, settings_of
from paidflow.actions.statements import Statements
from paidflow.actions.system_action import perform_for
from paidflow.actions.withdrawal import Withdrawal
from paidflow.errors import InvalidField, Refused
from paidflow.flow.paid_flow import PaidFlow
from paidflow.ledger.accounts import withdrawable
from paidflow.money import Money, msats, sats

SQL = Statements("auto_withdrawals")
PAGE = 100
SAT = 1000


class AutoWithdrawal(Withdrawal):
    """Pay out what somebody has above his threshold, if he still has it when it is taken."""

    kind = "auto-withdrawal"
    tables: ClassVar[Tables | None] = FORUM_TABLES

    def perform(self, ctx: Context) -> None:
        self._begin(ctx, ctx.now)

    def on_paid(self, ctx: Context) -> None:
        SQL.run(ctx.tx, "end", id=ctx.action_id, actor=ctx.actor, resume_at=None)

    def on_failed(self, ctx: Context) -> None:
        resume_at = ctx.now + settings_of(ctx).auto_withdrawal_pause
        SQL.run(ctx.tx, "end", id=ctx.action_id, actor=ctx.actor, resume_at=resume_at)

    def on_retry(self, ctx: Context) -> None:
        # Its owner does not have to wait for the end of the pause.
        self._begin(ctx, ctx.now + settings_of(ctx).auto_withdrawal_pause)

    def _begin(self, ctx: Context, now: datetime) -> None:
        begun = SQL.run(
            ctx.tx,
            "begin",
            id=ctx.action_id,
            actor=ctx.actor,
            destination=self.destination,
            now=now,
            left_msats=ctx.balance_of(withdrawable(str(ctx.actor))).amount,
        )
        if begun.rowcount != 1:
            raise Refused("there is nothing to be paid out by itself any more")


def set_auto_withdrawal(
    flow: PaidFlow, actor: str, destination: str, threshold_sats: int, fee_percent: int = 1
) -> None:
    """From now on pay out by itself what somebody has above a threshold.

    Args:
        flow: the forum.
        actor: who wants it; he alone may say so.
        destination: an address; an invoice can be paid only once.
        threshold_sats: so much stays in the purse.
        fee_percent: what sending may cost, in per cent of what is sent, 0 to 100.

    Raises:
        InvalidDestination: when nothing can be paid there from here.
        InvalidField: when it is no address, or one of the numbers is not allowed.
    """
    read = flow.decode(destination)
    if read.payment_id is not None or read.amount is not None:
        raise InvalidField("destination", "an invoice can be paid only once; give an address")
    if threshold_sats < 0:
        raise InvalidField("threshold_sats", "not less than zero")
    if not 0 <= fee_percent <= 100:
        raise InvalidField("fee_percent", "0 to 100")
    with flow.transaction() as tx:
        SQL.run(
            tx,
            "upsert",
            actor=actor,
            destination=destination,
            threshold_msats=sats(threshold_sats).amount,
            fee_percent=fee_percent,
        )


def stop_auto_withdrawal(flow: PaidFlow, actor: str) -> None:
    """Pay nothing out by itself any more; what is on its way arrives."""
    with flow.transaction() as tx:
        SQL.run(tx, "delete", actor=actor)


def auto_withdraw(flow: PaidFlow) -> int:
    """Begin the withdrawals that are due; any number of processes may do it at once.

    Returns:
        How many were begun.
    """
    return sum(perform_for(flow, withdrawal, actor) for actor, withdrawal in _due(flow))


def _due(flow: PaidFlow) -> Iterator[tuple[str, AutoWithdrawal]]:
    percent = forum_settings(flow).auto_withdrawal_excess_percent
    first, now = {"actor": ""}, flow.clock.now()
    for row in SQL.paged(flow.store, "select_ready", after=first, limit=PAGE, now=now):
        threshold = msats(row["threshold_msats"])
        excess = flow.balance_of(withdrawable(row["actor"])) - threshold
        if excess.amount * 100 < threshold.amount * percent:
            continue
        amount, fee_max = divided(excess, row["fee_percent"])
        if amount.amount > 0:
            destination = row["destination"]
            withdrawal = AutoWithdrawal(destination=destination, amount=amount, fee_max=fee_max)
            yield row["actor"], withdrawal


def divided(excess: Money, fee_percent: int) -> tuple[Money, Money]:
    """An amount in two parts: what is sent, in whole satoshis, and what that may cost besides.

    Args:
        excess: both together are at most this.
        fee_percent: what it may cost, in per cent of what is sent.
    """
    amount = excess.amount * 100 // (100 + fee_percent) // SAT * SAT
    return msats(amount), msats(amount * fee_percent // 100)
