"""How what the log knows compares with what a gateway shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PAGE = 200


class Standing(StrEnum):
    """How an invoice or a payment in the log compares with its gateway."""

    AGREES = "agrees"
    MENDED = "mended"
    DIFFERS = "differs"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Compared:
    """One invoice, or one payment to somebody else, in the log and at its gateway.

    Args:
        action_id: the action.
        number: the number of the attempt, or of the payment.
        gateway: the gateway's name.
        invoice_id: the gateway's id.
        log: what the log knew.
        shown: what the gateway shows.
        standing: how they compare, after it was recorded if it was.
        outgoing: whether it is a payment to somebody else.
    """

    action_id: str
    number: int
    gateway: str
    invoice_id: str
    log: str
    shown: str
    standing: Standing
    outgoing: bool = False
