"""Who gets a part of what an item earns."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from paidflow.actions.contract import Context
from paidflow.actions.fields import check_distinct
from paidflow.actions.forum_action import settings_of
from paidflow.actions.statements import Statements
from paidflow.errors import InvalidField
from paidflow.ledger.shares import PERCENT_MAX

SQL = Statements("forwards")


class Forward(BaseModel):
    """A part of what an item earns, for somebody else than its author.

    Args:
        actor: who gets it.
        percent: how much of it, 1 to 100.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str
    percent: int


def check_forwards(ctx: Context, forwards: Sequence[Forward], author: str | None) -> None:
    """Refuse forwards that make no sense.

    Raises:
        InvalidField: when there are too many or they are too much, or go to the same person twice,
            to the author, or to somebody without an account.
    """
    rules = settings_of(ctx)
    if len(forwards) > rules.forwards_max:
        raise InvalidField("forwards", f"to {rules.forwards_max} people at most")
    check_distinct("forwards", [line.actor for line in forwards])
    if any(not 1 <= line.percent <= PERCENT_MAX for line in forwards):
        raise InvalidField("forwards", "1 to 100 per cent each")
    if sum(line.percent for line in forwards) > PERCENT_MAX:
        raise InvalidField("forwards", "100 per cent in all at most")
    for line in forwards:
        if line.actor == author:
            raise InvalidField("forwards", "not to yourself, who gets the rest")
        if not line.actor or not rules.people.knows(ctx, line.actor):
            raise InvalidField("forwards", f"there is nobody called {line.actor}")


def write_forwards(ctx: Context, item_id: str, forwards: Sequence[Forward]) -> None:
    """Have an item forward to these people and to nobody else."""
    kept = {line.actor for line in forwards}
    for row in SQL.run(ctx.tx, "select_forwards", item_id=item_id).fetchall():
        if row["actor"] not in kept:
            SQL.run(ctx.tx, "delete_forward", item_id=item_id, actor=row["actor"])
    for line in forwards:
        SQL.run(ctx.tx, "upsert_forward", item_id=item_id, actor=line.actor, percent=line.percent)
