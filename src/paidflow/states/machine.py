"""The table of states: where an action can stand, and what moves it on.

Everything else derives from this table: what is legal, the documentation and the diagram. It is
declared with the ``transitions`` library; one machine is shared by all actions and holds none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from transitions import Machine, MachineError

from paidflow.errors import IllegalTransition


class State(StrEnum):
    """Where a paid action stands; each state names what is owed next."""

    NEW = "NEW"
    PENDING = "PENDING"
    PENDING_HELD = "PENDING_HELD"
    HELD = "HELD"
    FORWARDING = "FORWARDING"
    CAPTURING = "CAPTURING"
    CANCELLING = "CANCELLING"
    RETRYING = "RETRYING"
    PAID = "PAID"
    FAILED = "FAILED"
    REFUNDED = "REFUNDED"
    DISPUTED = "DISPUTED"


class Trigger(StrEnum):
    """What can happen to a paid action."""

    OPEN_INVOICE = "open_invoice"
    OPEN_HOLD_INVOICE = "open_hold_invoice"
    AWAIT_INVOICE = "await_invoice"
    AWAIT_PAY_OUT = "await_pay_out"
    HOLD = "hold"
    REQUEST_FORWARD = "request_forward"
    REQUEST_CAPTURE = "request_capture"
    REQUEST_CANCEL = "request_cancel"
    RESUME_PENDING = "resume_pending"
    RESUME_PENDING_HELD = "resume_pending_held"
    RESUME_HELD = "resume_held"
    SETTLE = "settle"
    FAIL = "fail"
    RETRY = "retry"
    REFUND = "refund"
    DISPUTE = "dispute"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Args:
        source: the state before.
        trigger: what happens.
        target: the state after.
        performed: what must be true of the work: done, not done, or ``None`` for either.
        why: when this happens, in words.
    """

    source: State
    trigger: Trigger
    target: State
    performed: bool | None
    why: str


S, T = State, Trigger

TABLE: tuple[Rule, ...] = (
    Rule(S.NEW, T.SETTLE, S.PAID, True, "paid from a purse, or free"),
    Rule(S.NEW, T.OPEN_INVOICE, S.PENDING, True, "optimistic: performed, to be paid"),
    Rule(S.NEW, T.OPEN_HOLD_INVOICE, S.PENDING_HELD, None, "pessimistic, or wrapped: held first"),
    Rule(S.NEW, T.AWAIT_INVOICE, S.RETRYING, None, "purses give first, or the gateway is down"),
    Rule(S.NEW, T.AWAIT_PAY_OUT, S.RETRYING, True, "a purse has given what is to be paid out"),
    Rule(S.PENDING, T.SETTLE, S.PAID, True, "the gateway shows it settled"),
    Rule(S.PENDING, T.FAIL, S.FAILED, True, "the gateway shows it closed, or too little came"),
    Rule(S.PENDING, T.REQUEST_CANCEL, S.CANCELLING, True, "somebody cancels"),
    Rule(S.PENDING_HELD, T.HOLD, S.HELD, None, "the gateway shows the money locked"),
    Rule(S.PENDING_HELD, T.FAIL, S.FAILED, None, "the gateway shows it closed"),
    Rule(S.PENDING_HELD, T.REQUEST_CANCEL, S.CANCELLING, None, "somebody cancels"),
    Rule(S.HELD, T.REQUEST_CAPTURE, S.CAPTURING, True, "performed; the money is asked for"),
    Rule(
        S.HELD,
        T.REQUEST_CANCEL,
        S.CANCELLING,
        None,
        "cancelled, perform raised, too little, or too late",
    ),
    Rule(S.HELD, T.FAIL, S.FAILED, None, "the hold is gone, or settled work cannot be done"),
    Rule(S.HELD, T.REQUEST_FORWARD, S.FORWARDING, True, "performed; the receiver is to be paid"),
    Rule(S.FORWARDING, T.REQUEST_CAPTURE, S.CAPTURING, True, "the receiver has been paid"),
    Rule(S.FORWARDING, T.REQUEST_CANCEL, S.CANCELLING, True, "the receiver was certainly not paid"),
    Rule(S.FORWARDING, T.SETTLE, S.PAID, True, "the receiver has the money"),
    Rule(S.FORWARDING, T.FAIL, S.FAILED, True, "the receiver certainly does not have it"),
    Rule(S.CAPTURING, T.SETTLE, S.PAID, True, "the gateway shows it captured"),
    Rule(S.CAPTURING, T.FAIL, S.FAILED, True, "the hold is gone"),
    Rule(S.CAPTURING, T.REQUEST_CANCEL, S.CANCELLING, True, "capture declined, still held"),
    Rule(S.CANCELLING, T.FAIL, S.FAILED, None, "the gateway shows it closed"),
    Rule(S.CANCELLING, T.SETTLE, S.PAID, True, "the payment was faster than the cancel"),
    Rule(S.CANCELLING, T.RESUME_PENDING, S.PENDING, True, "cancel declined, still payable"),
    Rule(S.CANCELLING, T.RESUME_PENDING_HELD, S.PENDING_HELD, None, "cancel declined, payable"),
    Rule(S.CANCELLING, T.RESUME_HELD, S.HELD, None, "cancel declined, still held"),
    Rule(S.RETRYING, T.OPEN_INVOICE, S.PENDING, True, "the new invoice is there"),
    Rule(S.RETRYING, T.OPEN_HOLD_INVOICE, S.PENDING_HELD, None, "the new hold invoice is there"),
    Rule(S.RETRYING, T.REQUEST_FORWARD, S.FORWARDING, True, "it is paid out now"),
    Rule(S.RETRYING, T.SETTLE, S.PAID, True, "late money of an earlier attempt"),
    Rule(S.RETRYING, T.FAIL, S.FAILED, None, "nothing came of it in time, or cancelled"),
    Rule(S.FAILED, T.RETRY, S.RETRYING, None, "the actor tries again"),
    Rule(S.FAILED, T.SETTLE, S.PAID, True, "retried from a purse, or late money accepted"),
    Rule(S.PAID, T.REFUND, S.REFUNDED, True, "the gateway shows that all of it went back"),
    Rule(S.PAID, T.DISPUTE, S.DISPUTED, True, "the payer contests it"),
    Rule(S.DISPUTED, T.RESTORE, S.PAID, True, "the dispute is won"),
    Rule(S.DISPUTED, T.REFUND, S.REFUNDED, True, "the dispute is lost, or all went back before"),
    Rule(S.REFUNDED, T.RESTORE, S.PAID, True, "the refund bounced"),
    Rule(S.REFUNDED, T.DISPUTE, S.DISPUTED, True, "it is contested as well"),
)

FINAL = frozenset({State.PAID, State.FAILED, State.REFUNDED, State.DISPUTED})
"""In these states nobody owes money; something else may still be owed."""

REAL = FINAL - {State.FAILED}
"""In these states the money came and the work was done; only some of it can go back."""


class _Position:
    """What the machine reads and writes while it fires; it is thrown away afterwards."""

    __slots__ = ("performed", "state")

    def __init__(self, state: State, performed: bool) -> None:
        self.state = state
        self.performed = performed


def _build() -> Machine:
    machine = Machine(
        model=None,
        states=[str(state) for state in State],
        initial=str(State.NEW),
        auto_transitions=False,
    )
    for rule in TABLE:
        machine.add_transition(
            str(rule.trigger),
            str(rule.source),
            str(rule.target),
            conditions="performed" if rule.performed is True else None,
            unless="performed" if rule.performed is False else None,
        )
    return machine


_MACHINE = _build()


@cache
def fire(state: State, performed: bool, trigger: Trigger) -> State:
    """The state after ``trigger``.

    Args:
        state: where the action stands.
        performed: whether its work is done.
        trigger: what happens.

    Raises:
        IllegalTransition: when the table has no rule for it.
    """
    position = _Position(state, performed)
    try:
        moved = _MACHINE.events[str(trigger)].trigger(position)
    except MachineError:
        moved = False
    if not moved:
        done = "performed" if performed else "not performed"
        raise IllegalTransition(f"{trigger} in {state}, {done}")
    return State(position.state)
