"""paidflow: an event-sourced payment state machine for paid actions.

What is imported here is public; everything else may change.
"""

from paidflow.actions.contract import CREDITS, INVOICE, AfterPaid, Context, PaidAction
from paidflow.errors import PaidflowError
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import HistoryEntry, NextAction, Receipt
from paidflow.keyring import Keyring
from paidflow.money import Money, msats, sats
from paidflow.states.events import FailureReason, LatePolicy
from paidflow.states.machine import State
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
    "Receipt",
    "State",
    "Worker",
    "msats",
    "sats",
]
