"""paidflow: an event-sourced payment state machine for paid actions.

What is imported here is public, and so are ``paidflow.errors``, ``paidflow.testing`` and what a
gateway needs in ``paidflow.payments``. Everything else may change.
"""

from paidflow.actions.contract import CREDITS, INVOICE, AfterPaid, Context, PaidAction
from paidflow.errors import PaidflowError, Refused
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import HistoryEntry, NextAction, Receipt
from paidflow.keyring import Keyring
from paidflow.money import Money, msats, sats
from paidflow.states.events import FailureReason, LatePolicy
from paidflow.states.machine import State
from paidflow.views.reader import Reader
from paidflow.worker import Worker

__all__ = [
    "CREDITS",
    "INVOICE",
    "AfterPaid",
    "Context",
    "FailureReason",
    "HistoryEntry",
    "Keyring",
    "LatePolicy",
    "Money",
    "NextAction",
    "PaidAction",
    "PaidFlow",
    "PaidflowError",
    "Reader",
    "Receipt",
    "Refused",
    "State",
    "Worker",
    "msats",
    "sats",
]
