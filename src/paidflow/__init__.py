"""paidflow: an event-sourced payment state machine for paid actions.

What is imported here is public, and so are ``paidflow.errors``, ``paidflow.testing`` and what a
gateway needs in ``paidflow.payments``. Everything else may change.
"""

from paidflow.actions.contract import CREDITS, INVOICE, AfterPaid, Context, PaidAction, Row
from paidflow.errors import PaidflowError, Refused
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import HistoryEntry, NextAction, Receipt
from paidflow.keyring import Keyring
from paidflow.money import Money, msats, sats
from paidflow.states.events import FailureReason, LatePolicy
from paidflow.states.machine import State
from paidflow.views.batch import Batch
from paidflow.views.counter import Counter
from paidflow.views.folding import Folding
from paidflow.views.projection import Projection
from paidflow.views.reader import Reader
from paidflow.views.rebuild import rebuild
from paidflow.worker import Worker

__all__ = [
    "CREDITS",
    "INVOICE",
    "AfterPaid",
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
    "Projection",
    "Reader",
    "Receipt",
    "Refused",
    "Row",
    "State",
    "Worker",
    "msats",
    "rebuild",
    "sats",
]
