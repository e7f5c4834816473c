"""What a caller gets back: where the action stands and what the payer has to do next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from paidflow.money import Money
from paidflow.states.events import FailureReason
from paidflow.states.machine import State
from paidflow.states.quote import Quote


class NextAction(StrEnum):
    """What the payer has to do."""

    NONE = "none"
    PAY_INVOICE = "pay_invoice"
    CONFIRM_CARD = "confirm_card"
    WAIT = "wait"


class Receipt(BaseModel):
    """Where a paid action stands.

    Args:
        action_id: the id of the action, and of the thing that it creates.
        state: its place in the state table.
        version: how many events it has; of two receipts the one with more is newer.
        performed: whether its work is done.
        cost: what it costs, with all its parts.
        next_action: what the payer has to do.
        amount_due: what the invoice asks for: the cost, less what purses have given, in the
            currency that the gateway takes.
        arguments: what was asked for; ``None`` once it is erased.
        gateway: the name of the gateway that the latest invoice is from.
        payment_request: what the payer needs in order to pay; to confirm a card, a client secret.
        invoice_id: the gateway's id of the latest invoice.
        expires_at: until when.
        payment_id: the id of the latest payment to somebody else.
        fee: what it has cost, once it has arrived.
        result: what ``perform`` returned.
        failure_reason: why it failed.
        error: what went wrong, for the actor to read.
        completing: the money is there and the rest is being done.
        unclaimed: received money that is nobody's yet, claimable with the proof; if it is in
            several currencies, one of them.
        refunded: what has gone back of what was paid; if it is in several currencies, that of the
            cost.
        refunding: what is reserved to go back, and the gateway does not show yet.
        changed: whether this call changed anything.
        provisional: it was done in a transaction of the caller, and counts once that is committed.
        proof: shows that its holder requested the action; only in the answer to the request.
        quote: how the latest invoice's amount was converted, if the cost has another currency.
    """

    model_config = ConfigDict(frozen=True)

    action_id: str
    kind: str
    state: State
    version: int
    performed: bool
    cost: Money
    next_action: NextAction
    amount_due: Money | None = None
    arguments: dict[str, Any] | None = None
    gateway: str | None = None
    payment_request: str | None = Field(default=None, repr=False)
    invoice_id: str | None = None
    expires_at: datetime | None = None
    payment_id: str | None = None
    fee: Money | None = None
    result: Any = None
    failure_reason: FailureReason | None = None
    error: str | None = None
    completing: bool = False
    unclaimed: Money | None = None
    refunded: Money | None = None
    refunding: Money | None = None
    changed: bool = True
    provisional: bool = False
    proof: str | None = Field(default=None, repr=False)
    quote: Quote | None = None


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
