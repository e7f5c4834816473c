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


class UnbalancedPayouts(PaidflowError):
    """What this action pays out is not exactly what it costs."""


class InsufficientFunds(PaidflowError):
    """There is not enough money in the purse."""


class InvalidDestination(PaidflowError, ValueError):
    """This is not an invoice or an address that can be paid from here."""


class PaymentUsed(PaidflowError):
    """This invoice was used for a payment before; ask the receiver for a new one."""


class NoFunding(PaidflowError):
    """None of the ways to pay for this action can be used here."""


class TooManyOpenInvoices(PaidflowError):
    """You have too many unpaid invoices; pay or cancel some first."""

    retryable = True


class SecondPayer(PaidflowError):
    """One transaction is for one payer; to have several, lock all of them first."""


class ApplicationRowsRefused(PaidflowError):
    """The database does not take rows of the application itself; nothing of paidflow is wrong."""


class ClaimTaken(PaidflowError):
    """Somebody was first: this can be done only once."""


class Refused(PaidflowError):
    """The action is not allowed."""


class InvalidField(Refused):
    """One of the fields is not allowed as it is."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        PaidflowError.__init__(self, f"{field}: {why}")


class PayloadErased(PaidflowError):
    """The content of this action was erased, so it cannot go on."""


class NothingToClaim(PaidflowError):
    """There is no unclaimed money in this action."""


class NotResolvable(PaidflowError):
    """This resolution does not fit what the action is waiting for."""


class ZeroRefund(PaidflowError, ValueError):
    """A refund must be of more than nothing."""


class NegativeRefund(PaidflowError, ValueError):
    """A refund cannot be negative."""


class RefundInOtherCurrency(CurrencyMismatch):
    """A refund is in the currency in which the action was paid."""


class RefundTooLarge(PaidflowError):
    """This is more than can still be given back."""


class RefundUnsupported(PaidflowError):
    """The gateway that received this money cannot send it back."""


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


class NotRefundable(Conflict):
    """Only what was paid can be refunded."""

    retryable = False


class GatewayUnavailable(PaidflowError):
    """The payment gateway cannot be reached right now; nothing was changed."""

    retryable = True


class QuoteUnavailable(PaidflowError):
    """There is no exchange rate for this payment right now; nothing was changed."""

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
    """A transaction is open here; in a hook use ``ctx.tx``, else pass it as ``tx`` or end it."""


class UnknownEvent(PaidflowError):
    """The log holds an event that this version of the program cannot read."""


class UpcastMissing(PaidflowError):
    """An old version of an event cannot be brought to the current one."""


class InvalidConfiguration(PaidflowError):
    """The configuration is not usable."""


class TransactionMissing(InvalidConfiguration):
    """No transaction is open on this connection that the caller could commit."""


class UnsupportedIsolation(InvalidConfiguration):
    """On PostgreSQL only transactions with the level READ COMMITTED can be joined."""


class MissingTables(InvalidConfiguration):
    """The tables of paidflow are missing; create them first (paidflow migrate, or create=True)."""


class OlderTables(InvalidConfiguration):
    """The tables are of an older version than this program needs; run paidflow migrate."""


class NewerTables(InvalidConfiguration):
    """The tables were migrated past what this program can work with; run a newer program."""


class SandboxRefused(InvalidConfiguration):
    """The sandbox gateway moves no real money; pass sandbox=True to use it."""


class IdentityMismatch(InvalidConfiguration):
    """This log belongs to another gateway account; it must be adopted before it may act."""


class RestoredCopy(IdentityMismatch):
    """This database is a copy or was restored and must be adopted before it may act."""

    def __init__(self) -> None:
        super().__init__("paidflow adopt --after-restore")


class WebhookRefused(PaidflowError):
    """This webhook is not genuine or not readable."""
