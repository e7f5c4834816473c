"""What a person is asked, and decides."""

from __future__ import annotations

from enum import StrEnum

from paidflow.states.events.event import Event


class AttentionReason(StrEnum):
    """Why a person has to look."""

    LATE_PAYMENT = "late_payment"
    WRONG_CURRENCY = "wrong_currency"
    HOOK_FAILS = "hook_fails"
    CLOSE_OVERDUE = "close_overdue"
    CAPTURE_OVERDUE = "capture_overdue"
    FORWARD_OVERDUE = "forward_overdue"
    FORWARD_LOST = "forward_lost"
    NOT_REGISTERED = "not_registered"
    PAID_OUT_LATE = "paid_out_late"
    REFUND_FAILED = "refund_failed"
    REFUND_OVERDUE = "refund_overdue"
    DISPUTED = "disputed"


ABOUT_HOOKS = frozenset({AttentionReason.HOOK_FAILS, AttentionReason.NOT_REGISTERED})
ABOUT_MONEY = frozenset(
    {
        AttentionReason.LATE_PAYMENT,
        AttentionReason.WRONG_CURRENCY,
        AttentionReason.FORWARD_LOST,
        AttentionReason.PAID_OUT_LATE,
        AttentionReason.REFUND_FAILED,
    }
)


class AttentionAsked(Event):
    """A person has to look."""

    name = "paid-action.attention-asked"
    reason: AttentionReason


class AttentionResolved(Event):
    """A person has decided."""

    name = "paid-action.attention-resolved"
    resolution: str
    operator: str
    why: str
