"""What a forum does by itself: paid from the pool or from a territory, never by an invoice."""

from __future__ import annotations

import logging

from paidflow.actions.contract import ACCOUNT, Context, PaidAction
from paidflow.actions.forum_action import ForumAction, forum_settings, settings_of
from paidflow.errors import IdempotencyMismatch, InsufficientFunds, PaidflowError, Refused
from paidflow.flow.paid_flow import PaidFlow

logger = logging.getLogger("paidflow.tasks")


class SystemAction(ForumAction):
    """An action that only the system may do."""

    funding = (ACCOUNT,)
    pessimistic = False

    def validate_request(self, ctx: Context) -> None:
        if ctx.actor != settings_of(ctx).system:
            raise Refused("only the forum itself does this")


def perform_once(flow: PaidFlow, action: SystemAction, key: str) -> bool:
    """Do something as the system, once for each key, whatever it was about the first time.

    Returns:
        Whether it was done now; ``False`` if it was done before, or there was not enough.
    """
    try:
        receipt = flow.perform(action, actor=forum_settings(flow).system, idempotency_key=key)
    except (IdempotencyMismatch, InsufficientFunds):
        return False
    return receipt.changed


def perform_for(flow: PaidFlow, action: PaidAction, actor: str) -> bool:
    """Do for somebody what he has asked for once and for all.

    Returns:
        Whether it was done; ``False`` if it cannot be now, or another process was faster.
    """
    try:
        flow.perform(action, actor=actor)
    except PaidflowError as error:
        logger.info("%s for %s: %s", action.kind, actor, error.code)
        return False
    return True
