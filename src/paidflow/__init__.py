"""paidflow: an event-sourced payment state machine for paid actions.

What is imported here is public, and so are ``paidflow.errors``, ``paidflow.outgoing``,
``paidflow.testing`` and what a gateway needs in ``paidflow.payments``. Everything else may change.
"""

from paidflow.actions.contract import (
    ACCOUNT,
    CREDITS,
    INVOICE,
    WITHDRAWABLE,
    AfterPaid,
    Context,
    PaidAction,
    Row,
    Tables,
    Transfer,
)
from paidflow.actions.withdrawal import Withdrawal
from paidflow.automatic_retry import AutomaticRetry
from paidflow.correlation import correlated
from paidflow.errors import PaidflowError, Refused
from paidflow.flow.inbox import WebhookAnswer, WebhookLimits
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import HistoryEntry, NextAction, Receipt
from paidflow.flow.statement import StatementLine
from paidflow.keyring import Keyring
from paidflow.ledger.accounts import POOL, purse, revenue, territory, withdrawable
from paidflow.ledger.shares import shares
from paidflow.money import Money, msats, sats
from paidflow.payments.quotes import Quote, Quotes
from paidflow.states.events import FailureReason, LatePolicy
from paidflow.states.machine import State
from paidflow.states.postings import Posting
from paidflow.states.receivers import Receiver
from paidflow.tasks import PeriodicTask
from paidflow.views.batch import Batch
from paidflow.views.counter import Counter
from paidflow.views.folding import Folding
from paidflow.views.projection import Projection
from paidflow.views.reader import Reader
from paidflow.views.rebuild import rebuild
from paidflow.worker import Worker

__all__ = [
    "ACCOUNT",
    "CREDITS",
    "INVOICE",
    "POOL",
    "WITHDRAWABLE",
    "AfterPaid",
    "AutomaticRetry",
    "Batch",
    "Context",
    "Counter",
    "FailureReason",
    "Folding",
    "HistoryEntry",
    "Keyring",
    "LatePolicy",
    "Money",
    "NextAction",
    "PaidAction",
    "PaidFlow",
    "PaidflowError",
    "PeriodicTask",
    "Posting",
    "Projection",
    "Quote",
    "Quotes",
    "Reader",
    "Receipt",
    "Receiver",
    "Refused",
    "Row",
    "State",
    "StatementLine",
    "Tables",
    "Transfer",
    "WebhookAnswer",
    "WebhookLimits",
    "Withdrawal",
    "Worker",
    "correlated",
    "msats",
    "purse",
    "rebuild",
    "revenue",
    "sats",
    "shares",
    "territory",
    "withdrawable",
]
