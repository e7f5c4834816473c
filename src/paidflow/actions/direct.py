"""Who can be paid directly, to a wallet of his own."""

from __future__ import annotations

from collections.abc import Mapping

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.ledger.accounts import purse
from paidflow.money import Money, sats
from paidflow.states.receivers import Receiver


def direct_receivers(ctx: Context, given: Mapping[str, Money]) -> tuple[Receiver, ...]:
    """Whose share may go to a wallet of his own, the greatest share first.

    Args:
        ctx: the action that pays them.
        given: who gets how much of it.
    """
    rules = settings_of(ctx)
    least, most = sats(rules.direct_sats_min), sats(rules.direct_sats_max)
    ranked = sorted(given.items(), key=lambda line: (-line[1].amount, line[0]))
    return tuple(
        Receiver(purse(actor), wallet)
        for actor, share in ranked
        if least <= share <= most
        for wallet in rules.wallets.names(ctx, actor, share)
    )
