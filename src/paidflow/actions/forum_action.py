"""What all actions of the catalogue share: their tables and their settings."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from paidflow.actions.contract import Context, PaidAction, Tables, setting_in
from paidflow.actions.forum_days import local_day
from paidflow.actions.forum_settings import ForumSettings
from paidflow.actions.statements import PACKAGE
from paidflow.errors import InvalidField
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money

FORUM_TABLES = Tables("forum", PACKAGE)
"""The tables of the catalogue."""


class ForumAction(PaidAction):
    """An action of the catalogue."""

    tables: ClassVar[Tables | None] = FORUM_TABLES


def settings_of(ctx: Context) -> ForumSettings:
    """What the operator of the forum has set."""
    return ctx.setting(ForumSettings)


def forum_settings(flow: PaidFlow) -> ForumSettings:
    """What the operator of the forum has set, where no hook runs."""
    return setting_in(flow.registry.settings, ForumSettings)


def forum_day(flow: PaidFlow) -> date:
    """The day that it is now in the time zone of the forum."""
    return local_day(flow.clock.now(), forum_settings(flow).time_zone)


def check_other_person(ctx: Context, field: str, person: str) -> None:
    """Refuse the actor himself, and whoever has no account.

    Raises:
        InvalidField: when it is one of these.
    """
    if person == ctx.actor:
        raise InvalidField(field, "this is yourself")
    if not person or not settings_of(ctx).people.knows(ctx, person):
        raise InvalidField(field, "there is no such person")


def cost_of(ctx: Context) -> Money:
    """What the action costs, once that was asked."""
    assert ctx.cost is not None
    return ctx.cost
