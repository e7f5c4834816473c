"""What an action remembers of money that goes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from paidflow.money import Money
from paidflow.states.answers import ReversalKind, ReversalStatus
from paidflow.states.postings import Taken


class RefundStatus(StrEnum):
    """Where a refund of ours stands."""

    REQUESTED = "requested"
    SEEN = "seen"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund that the gateway was asked for, or will be.

    Args:
        refund: its number in the action, from 1.
        number: the attempt whose payer gets the money.
        amount: how much.
        taken: from whom it is reserved.
        status: whether it was seen at the gateway, or came to nothing.
    """

    refund: int
    number: int
    amount: Money
    taken: Taken
    status: RefundStatus = RefundStatus.REQUESTED


@dataclass(frozen=True, slots=True)
class SeenReversal:
    """A reversal that the gateway has shown.

    Args:
        reversal_id: the gateway's id.
        kind: a refund, or a dispute.
        amount: how much.
        status: where it stands.
        taken: from whom it was taken.
        refund: the number of our refund that it is.
    """

    reversal_id: str
    kind: ReversalKind
    amount: Money
    status: ReversalStatus
    taken: Taken
    refund: int | None = None


def refund_key(invoice_id: str, refund: int) -> str:
    """The idempotency key of a refund; the same one in every repetition.

    Args:
        invoice_id: the gateway's id of the invoice, unique there for ever.
        refund: the number of the refund in its action.
    """
    return f"pf-{invoice_id}-refund-{refund}"
