"""Every error of paidflow: a code, a sentence for people, and whether trying again can help.

The docstring of a class is its message. A detail may follow; it never holds a secret.
"""

from __future__ import annotations

import re
from typing import ClassVar


class PaidflowError(Exception):
    """Something went wrong in a paid action."""

    retryable: ClassVar[bool] = False
    code: ClassVar[str] = "paidflow_error"

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        sentence = (self.__doc__ or "").strip()
        super().__init__(f"{sentence} ({detail})" if detail else sentence)


# What the caller asked for is wrong: nothing was stored.


class InvalidAmount(PaidflowError, ValueError):
    """This is not an amount of money."""


class CurrencyMismatch(PaidflowError, ValueError):
    """Two amounts of different currencies cannot be put together."""


class InvalidArguments(PaidflowError, ValueError):
    """The arguments of the action are not valid."""


class UnknownAction(PaidflowError):
    """No action of this kind is registered."""


class NegativeCost(PaidflowError):
    """The cost of an action cannot be negative."""


class LoginRequired(PaidflowError):
    """You must be logged in to do this."""


class WeakIdempotencyKey(PaidflowError):
    """The idempotency key of a logged-out caller needs 128 random bits: 22 characters or more."""


class IdempotencyMismatch(PaidflowError):
    """This idempotency key was already used with other arguments."""


class ActionNotFound(PaidflowError):
    """There is no such action, or it is not yours."""


class InsufficientFunds(PaidflowError):
    """There is not enough money in the purse."""


class NoFunding(PaidflowError):
    """None of the ways to pay for this action can be used here."""


class TooManyOpenInvoices(PaidflowError):
    """You have too many unpaid invoices; pay or cancel some first."""

    retryable = True


class ClaimTaken(PaidflowError):
    """Somebody was first: this can be done only once."""


class Refused(PaidflowError):
    """The action is not allowed."""


class PayloadErased(PaidflowError):
    """The content of this action was erased, so it cannot go on."""


class NothingToClaim(PaidflowError):
    """There is no unclaimed money in this action."""


class NotResolvable(PaidflowError):
    """This resolution does not fit what the action is waiting for."""


class NotAtRest(PaidflowError):
    """The action still owes something; this is possible once it is finished."""


# The world moved, or cannot be reached.


class Conflict(PaidflowError):
    """Somebody else changed this action at the same moment."""

    retryable = True

    def __init__(self, detail: str = "", state: str | None = None) -> None:
        super().__init__(detail or (f"it is now {state}" if state else ""))
        self.state = state


class NotRetriable(Conflict):
    """Only a failed payment can be retried."""

    retryable = False


class NotCancellable(Conflict):
    """This payment can no longer be cancelled."""

    retryable = False


class GatewayUnavailable(PaidflowError):
    """The payment gateway cannot be reached right now; nothing was changed."""

    retryable = True


class GatewayRefused(PaidflowError):
    """The payment gateway refused to open an invoice; nothing was stored."""


class CommitUnknown(PaidflowError):
    """The database connection broke while saving; ask again with the same idempotency key."""

    retryable = True


class ViewsBehind(PaidflowError):
    """The views did not catch up with the log in time."""

    retryable = True


class RebuildStopped(PaidflowError):
    """The view could not be rebuilt; the live version stays as it is."""


# The program is wrong: found at start-up or by an assertion.


class IllegalTransition(PaidflowError):
    """The state machine has no such transition."""


class NetworkInTransaction(PaidflowError):
    """A gateway must not be called while a database transaction is open."""


class TransactionOpen(PaidflowError):
    """A transaction of paidflow is already open here; inside a hook, use ``ctx.tx``."""


class UnknownEvent(PaidflowError):
    """The log holds an event that this version of the program cannot read."""


class UpcastMissing(PaidflowError):
    """An old version of an event cannot be brought to the current one."""


class InvalidConfiguration(PaidflowError):
    """The configuration is not usable."""


class MissingTables(InvalidConfiguration):
    """The tables of paidflow are missing; create them first (open with create=True)."""


class SandboxRefused(InvalidConfiguration):
    """The sandbox gateway moves no real money; pass sandbox=True to use it."""


class IdentityMismatch(InvalidConfiguration):
    """This log belongs to another gateway account; it must be adopted before it may act."""


class WebhookRefused(PaidflowError):
    """This webhook is not genuine or not readable."""
