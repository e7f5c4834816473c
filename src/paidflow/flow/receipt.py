"""What a caller gets back: where the action stands and what the payer has to do next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from paidflow.money import Money
from paidflow.states.events import FailureReason
from paidflow.states.machine import State


class NextAction(StrEnum):
    """What the payer has to do."""

    NONE = "none"
    PAY_INVOICE = "pay_invoice"
    WAIT = "wait"


class Receipt(BaseModel):
    """Where a paid action stands.

    Args:
        action_id: the id of the action, and of the thing that it creates.
        state: its place in the state table.
        performed: whether its work is done.
        cost: what it costs.
        next_action: what the payer has to do.
        arguments: what was asked for; ``None`` once it is erased.
        gateway: the name of the gateway that the latest invoice is from.
        payment_request: what the payer needs in order to pay.
        invoice_id: the gateway's id of the latest invoice.
        expires_at: until when.
        result: what ``perform`` returned.
        failure_reason: why it failed.
        error: what went wrong, for the actor to read.
        completing: the money is there and the rest is being done.
        unclaimed: received money that is nobody's yet, claimable with the proof.
        changed: whether this call changed anything.
        proof: shows that its holder requested the action; only in the answer to the request.
    """

    model_config = ConfigDict(frozen=True)

    action_id: str
    kind: str
    state: State
    performed: bool
    cost: Money
    next_action: NextAction
    arguments: dict[str, Any] | None = None
    gateway: str | None = None
    payment_request: str | None = Field(default=None, repr=False)
    invoice_id: str | None = None
    expires_at: datetime | None = None
    result: Any = None
    failure_reason: FailureReason | None = None
    error: str | None = None
    completing: bool = False
    unclaimed: Money | None = None
    changed: bool = True
    proof: str | None = Field(default=None, repr=False)


class HistoryEntry(BaseModel):
    """One line of an action's history.

    Args:
        version: its place, from 1.
        at: when it was recorded, UTC.
        event: its stable name.
        details: what it says: ids, amounts and reasons.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    at: datetime
    event: str
    details: dict[str, Any]
