"""Amounts, times, and what happened, in words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from paidflow import Money
from paidflow.views.notifications import Notification

_DEEDS = {
    "auto-withdrawal": "a withdrawal",
    "bio": "what you say about yourself",
    "boost": "a boost",
    "bounty": "a bounty post",
    "bounty-payment": "a bounty",
    "buy-credits": "credits",
    "comment": "a comment",
    "delete-item": "a deletion",
    "discussion": "a discussion",
    "donate": "a donation",
    "downzap": "a downzap",
    "gift": "a gift",
    "job": "a job",
    "link": "a link",
    "poll": "a poll",
    "poll-vote": "a vote",
    "rewards-payout": "rewards",
    "streak-reward": "a reward for a streak",
    "territory-billing": "the bill of a territory",
    "territory-create": "a new territory",
    "territory-renewal": "the bill of a territory",
    "territory-revenue": "what a territory has earned",
    "territory-transfer": "a territory to somebody else",
    "territory-unarchive": "a territory revived",
    "territory-update": "the terms of a territory",
    "update-comment": "an edit",
    "update-post": "an edit",
    "upload": "files",
    "zap": "a zap",
}
_TOLD = {
    "reply": "Somebody has answered you.",
    "mention": "Somebody has mentioned you.",
    "item-mention": "Somebody has mentioned what you wrote.",
    "reminder": "You wanted to be reminded of this.",
    "zap": "What you wrote was zapped{times}; it has brought you {amount}.",
    "bounty": "You have won a bounty of {amount}.",
    "forward": "Of zaps of somebody else you got {amount}.",
    "gift": "You were given {amount}.",
    "reward": "You were rewarded with {amount} from the pool.",
    "revenue": "Your territory has earned {amount}.",
    "streak": "Your streak has brought you {amount}.",
    "territory-transfer": "You were given a territory.",
    "territory-revive": "Somebody has revived a territory that was yours.",
    "territory-grace": "The bill of your territory is due.",
    "territory-stopped": "Your territory was not paid for, and has stopped.",
}
_REASONS = {
    "expired": "its invoice has expired",
    "user_cancelled": "you gave it up",
    "underpaid": "it was paid too little",
}


def deed(kind: str | None) -> str:
    """What an action is called; without a kind it is money that was granted."""
    return "a grant" if kind is None else _DEEDS[kind]


def told(line: Notification) -> str:
    """What a notification says."""
    amount = f"{in_sats(line.amount.amount)} sats"
    if line.failed:
        reason = _REASONS.get(line.reason or "", "it did not work")
        return f"You have not paid for {deed(line.kind)} ({amount}): {reason}."
    times = f" {line.times} times" if line.times > 1 else ""
    return _TOLD[line.kind].format(times=times, amount=amount)


def in_sats(amount_msats: int) -> str:
    """An amount as an exact number of satoshis."""
    return f"{Decimal(amount_msats) / 1000:,}"


def purse(balance: Money) -> str:
    """What can be spent; the rest of a satoshi stays in the purse."""
    return f"{balance.amount // 1000:,} sats"


def ago(at: datetime, now: datetime) -> str:
    """How long ago something was."""
    seconds = max(int((now - at).total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "now"
