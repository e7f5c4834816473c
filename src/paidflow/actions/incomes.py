"""What people get that is no zap: gifts, rewards, and what territories have earned."""

from __future__ import annotations

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.forum_days import local_day
from paidflow.actions.statements import Statements
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money

SQL = Statements("incomes")


def add_income(
    ctx: Context, income: str, actor: str, amount: Money, day: str, territory: str | None = None
) -> None:
    """Note what somebody gets from the application.

    Args:
        ctx: the action that pays it.
        income: ``revenue``, ``reward`` or ``streak``.
        actor: who gets it.
        amount: how much.
        day: what it is for, such as ``2030-01-31``.
        territory: which one has earned it.
    """
    SQL.run(
        ctx.tx,
        "insert_income",
        id=ctx.action_id,
        actor=actor,
        income=income,
        territory=territory,
        amount_msats=amount.amount,
        day=day,
        now=ctx.now,
    )


def is_paid(flow: PaidFlow, income: str, day: str) -> bool:
    """Whether anybody got this for this day."""
    with flow.store.reading() as tx:
        return SQL.one(tx, "select_paid", income=income, day=day) is not None


def today(ctx: Context) -> str:
    """The day in the time zone of the forum, such as ``2030-01-31``."""
    return local_day(ctx.now, settings_of(ctx).time_zone).isoformat()
