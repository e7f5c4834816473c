"""Territories: parts of a forum with an owner, and how their rows change.

A change is a row of its own first; only one can make a version. It is applied when it is paid, so
nobody sees a change that is not, and two changes at once cannot both be paid for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast

from paidflow.actions.contract import Context, HookTransaction
from paidflow.actions.statements import Statements
from paidflow.actions.territory_bills import Billing
from paidflow.errors import InvalidField
from paidflow.money import Money, msats
from paidflow.store.records import as_time

SQL = Statements("territories")


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """A part of a forum.

    Args:
        name: what it is called; capitals make no difference.
        owner: who pays for it and earns from it.
        base_cost: of a post in it.
        reply_cost: of a comment in it; ``None`` is what it costs elsewhere.
        post_kinds: what can be posted in it.
        free_posts: whether freebies are allowed.
        rewards_percent: how much of its fees goes to the pool.
        billing: how often it is paid for.
        billing_cost: what the next bill is about.
        billed_at: since when the last payment counts.
        paid_until: when the next bill is due; ``None`` is never.
        stopped: whether a bill was not paid in time, or the payment went back.
        version: how often it was changed.
        paid_by: the action with the last payment.
    """

    name: str
    owner: str
    description: str
    base_cost: Money
    reply_cost: Money | None
    post_kinds: tuple[str, ...]
    free_posts: bool
    rewards_percent: int
    billing: Billing
    billing_cost: Money
    auto_renew: bool
    billed_at: datetime
    paid_until: datetime | None
    stopped: bool = False
    version: int = 0
    paid_by: str | None = None

    def status_at(self, now: datetime) -> str:
        """``active``, ``grace`` when a bill is due, or ``stopped``."""
        return status_at(now, self.paid_until, stopped=self.stopped)


def status_at(now: datetime, paid_until: datetime | None, *, stopped: bool) -> str:
    """Of a territory that is paid so long: ``active``, ``grace`` or ``stopped``."""
    if stopped:
        return "stopped"
    return "grace" if paid_until is not None and paid_until <= now else "active"


def find_territory(tx: HookTransaction, name: str) -> Territory | None:
    """The territory of this name; ``None`` if there is none."""
    row = SQL.one(tx, "select_territory", name=name)
    if row is None:
        return None
    read: dict[str, Any] = {field.name: _read(field.name, row) for field in fields(Territory)}
    return Territory(**read)


def territory_as_seen(ctx: Context, name: str, version: int) -> Territory:
    """A territory, if it still is as the actor has seen it.

    Raises:
        InvalidField: when there is none, or it has been changed since.
    """
    found = find_territory(ctx.tx, name)
    if found is None:
        raise InvalidField("name", "there is no such territory")
    if found.version != version:
        raise InvalidField("seen_version", "the territory has been changed meanwhile")
    return found


def check_owner(ctx: Context, territory: Territory) -> None:
    """Refuse what only the owner of a territory may do.

    Raises:
        InvalidField: when the actor is somebody else.
    """
    if territory.owner != ctx.actor:
        raise InvalidField("name", "this territory is not yours")


def propose(ctx: Context, change: str, before: Territory | None, after: Territory) -> int:
    """Note a change that becomes real when it is paid.

    Args:
        ctx: the action that makes it.
        change: ``create``, ``update``, ``bill``, ``revive`` or ``transfer``.
        before: the territory so far; ``None`` for a new one.
        after: the territory as it will be.

    Returns:
        The version that it makes.

    Raises:
        InvalidField: when somebody else is making that version.
    """
    version = before.version + 1 if before else 1
    noted = SQL.run(
        ctx.tx,
        "insert_change",
        id=ctx.action_id,
        change=change,
        name=after.name,
        version=version,
        owner=after.owner,
        owner_before=before.owner if before else None,
        description=after.description,
        base_cost_msats=after.base_cost.amount,
        reply_cost_msats=after.reply_cost.amount if after.reply_cost else None,
        post_kinds=" ".join(after.post_kinds),
        free_posts=after.free_posts,
        rewards_percent=after.rewards_percent,
        billing=after.billing,
        billing_cost_msats=after.billing_cost.amount,
        auto_renew=after.auto_renew,
        billed_at=after.billed_at,
        paid_until=after.paid_until,
        cost_msats=ctx.cost.amount if ctx.cost else 0,
        now=ctx.now,
    )
    if noted.rowcount != 1:
        field, why = ("seen_version", "is changing it") if before else ("name", "takes this name")
        raise InvalidField(field, f"somebody else {why} at this moment")
    return version


def withdraw(ctx: Context) -> None:
    """The change of this action is not paid in the end."""
    SQL.run(ctx.tx, "delete_change", id=ctx.action_id)


def make_real(ctx: Context) -> None:
    """The change of this action is paid; or its payment went back and has come again."""
    if not SQL.run(ctx.tx, "apply_change", id=ctx.action_id, now=ctx.now).rowcount:
        SQL.run(ctx.tx, "resume", id=ctx.action_id, now=ctx.now)


def stop_unpaid(ctx: Context) -> None:
    """The payment of this action went back: a territory that lives on it stops."""
    SQL.run(ctx.tx, "stop_unpaid", id=ctx.action_id)


def set_status(tx: HookTransaction, territory: Territory, status: str) -> None:
    """Time has passed: a bill is due, or was not paid in time."""
    SQL.run(tx, "set_status", name=territory.name, version=territory.version, status=status)


def _read(field: str, row: Any) -> Any:
    match field:
        case "base_cost" | "reply_cost" | "billing_cost":
            amount = cast("int | None", row[f"{field}_msats"])
            return None if amount is None else msats(amount)
        case "billed_at" | "paid_until":
            return as_time(row[field])
        case "free_posts" | "auto_renew":
            return bool(row[field])
        case "post_kinds":
            return tuple(row[field].split())
        case "stopped":
            return row["status"] == "stopped"
        case _:
            return row[field]
