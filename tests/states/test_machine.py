"""The table of states, compared with a literal that was written by hand from the design.

Nothing expected here is derived from the table: a wrong row in the source is a red test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from paidflow import PaidFlow, sats
from paidflow.errors import ClaimTaken, IllegalTransition
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states import answers as ans
from paidflow.states import events as e
from paidflow.states import machine
from paidflow.states.aggregate import Aggregate
from paidflow.states.decide import decide
from paidflow.states.evolve import evolve, fold
from paidflow.states.machine import State, Trigger, fire
from tests.states.build import LOOKUPS, NOW, about, attached, begun, requested, situation
from tests.wall import CreditedNote, HeldNote, Note, effects

DONE, NOT_DONE = True, False

# state, performed, what happens -> state. Everything else is illegal.
EDGES: dict[tuple[str, bool, str], str] = {
    # A new action: from a purse or free; optimistic; pessimistic; or its invoice has to wait.
    ("NEW", DONE, "settle"): "PAID",
    ("NEW", DONE, "open_invoice"): "PENDING",
    ("NEW", NOT_DONE, "open_hold_invoice"): "PENDING_HELD",
    ("NEW", DONE, "open_hold_invoice"): "PENDING_HELD",  # optimistic, passed on to a receiver
    ("NEW", DONE, "await_invoice"): "RETRYING",
    ("NEW", NOT_DONE, "await_invoice"): "RETRYING",  # purses have given their part first
    ("NEW", DONE, "await_pay_out"): "RETRYING",
    # Performed, and waiting for the payer.
    ("PENDING", DONE, "settle"): "PAID",
    ("PENDING", DONE, "fail"): "FAILED",
    ("PENDING", DONE, "request_cancel"): "CANCELLING",
    # A hold invoice is out. Performed when it is passed on, or was performed before a retry.
    ("PENDING_HELD", DONE, "hold"): "HELD",
    ("PENDING_HELD", NOT_DONE, "hold"): "HELD",
    ("PENDING_HELD", DONE, "fail"): "FAILED",
    ("PENDING_HELD", NOT_DONE, "fail"): "FAILED",
    ("PENDING_HELD", DONE, "request_cancel"): "CANCELLING",
    ("PENDING_HELD", NOT_DONE, "request_cancel"): "CANCELLING",
    # The money is locked. It fails at once when the gateway let go of it by itself.
    ("HELD", DONE, "request_capture"): "CAPTURING",
    ("HELD", DONE, "request_cancel"): "CANCELLING",
    ("HELD", NOT_DONE, "request_cancel"): "CANCELLING",
    ("HELD", DONE, "fail"): "FAILED",
    ("HELD", NOT_DONE, "fail"): "FAILED",
    # The locked money pays a receiver; it is let go only when he was certainly not paid.
    ("HELD", DONE, "request_forward"): "FORWARDING",
    ("FORWARDING", DONE, "request_capture"): "CAPTURING",
    ("FORWARDING", DONE, "request_cancel"): "CANCELLING",
    # Money is paid out: it is asked for once, and then arrives or does not.
    ("RETRYING", DONE, "request_forward"): "FORWARDING",
    ("FORWARDING", DONE, "settle"): "PAID",
    ("FORWARDING", DONE, "fail"): "FAILED",
    # The locked money was asked for.
    ("CAPTURING", DONE, "settle"): "PAID",
    ("CAPTURING", DONE, "fail"): "FAILED",
    ("CAPTURING", DONE, "request_cancel"): "CANCELLING",
    # A cancel was asked for: it worked, the payment was faster, or the gateway declined.
    ("CANCELLING", DONE, "fail"): "FAILED",
    ("CANCELLING", NOT_DONE, "fail"): "FAILED",
    ("CANCELLING", DONE, "settle"): "PAID",
    ("CANCELLING", DONE, "resume_pending"): "PENDING",
    ("CANCELLING", DONE, "resume_pending_held"): "PENDING_HELD",
    ("CANCELLING", NOT_DONE, "resume_pending_held"): "PENDING_HELD",
    ("CANCELLING", DONE, "resume_held"): "HELD",
    ("CANCELLING", NOT_DONE, "resume_held"): "HELD",
    # No payable invoice exists; money of an earlier one may still come.
    ("RETRYING", DONE, "open_invoice"): "PENDING",
    ("RETRYING", DONE, "open_hold_invoice"): "PENDING_HELD",
    ("RETRYING", NOT_DONE, "open_hold_invoice"): "PENDING_HELD",
    ("RETRYING", DONE, "settle"): "PAID",
    ("RETRYING", DONE, "fail"): "FAILED",
    ("RETRYING", NOT_DONE, "fail"): "FAILED",
    # It failed: the actor tries again, from the purse too, or money comes late.
    ("FAILED", DONE, "retry"): "RETRYING",
    ("FAILED", NOT_DONE, "retry"): "RETRYING",
    ("FAILED", DONE, "settle"): "PAID",
    # The money went back, or is contested; it may come back, and be contested later.
    ("PAID", DONE, "refund"): "REFUNDED",
    ("PAID", DONE, "dispute"): "DISPUTED",
    ("DISPUTED", DONE, "restore"): "PAID",
    ("DISPUTED", DONE, "refund"): "REFUNDED",
    ("REFUNDED", DONE, "restore"): "PAID",
    ("REFUNDED", DONE, "dispute"): "DISPUTED",
}

STATES = (
    *("NEW", "PENDING", "PENDING_HELD", "HELD", "FORWARDING", "CAPTURING", "CANCELLING"),
    *("RETRYING", "PAID", "FAILED", "REFUNDED", "DISPUTED"),
)
TRIGGERS = (
    *("open_invoice", "open_hold_invoice", "await_invoice", "hold", "request_capture"),
    *("await_pay_out", "request_forward"),
    *("request_cancel", "resume_pending", "resume_pending_held", "resume_held"),
    *("settle", "fail", "retry", "refund", "dispute", "restore"),
)
EVERY = tuple(product(STATES, (DONE, NOT_DONE), TRIGGERS))


def _fired(state: str, performed: bool, trigger: str) -> str | None:
    try:
        return str(fire(State(state), performed, Trigger(trigger)))
    except IllegalTransition:
        return None


def test_there_are_no_other_states_and_triggers() -> None:
    assert sorted(State) == sorted(STATES)
    assert sorted(Trigger) == sorted(TRIGGERS)


def test_every_combination_of_state_performed_and_trigger() -> None:
    assert len(EVERY) == 12 * 2 * 17
    actual = {row: to for row in EVERY if (to := _fired(*row)) is not None}
    assert actual == EDGES


def test_illegal_triggers_raise_and_leave_the_shared_machine_alone() -> None:
    """Only looking for a rule can already add an empty one to the library's dictionaries."""
    shared: Any = machine._MACHINE

    def everything() -> Any:
        offered = {state: sorted(shared.get_triggers(state)) for state in STATES}
        rules = {
            name: {source: len(found) for source, found in event.transitions.items()}
            for name, event in shared.events.items()
        }
        return offered, rules

    before = everything()
    illegal = [row for row in EVERY if row not in EDGES]
    for state, performed, trigger in illegal:
        with pytest.raises(IllegalTransition):
            fire(State(state), performed, Trigger(trigger))
    assert everything() == before
    offered = {
        state: sorted({trigger for source, _, trigger in EDGES if source == state})
        for state in STATES
    }
    assert before[0] == offered
    assert {row: _fired(*row) for row in EDGES} == EDGES
    assert everything() == before
    assert shared.models == []


def test_an_event_with_an_illegal_trigger_cannot_be_folded() -> None:
    """What ``fire`` refuses, ``evolve`` refuses as well."""
    paid = situation(State.PAID, True, False)
    assert paid is not None
    for event in (e.Held(), e.CaptureRequested(), e.Failed(reason="expired", undo_owed=False)):
        with pytest.raises(IllegalTransition):
            evolve(paid, event)


# What one answer leads to. The names are those of the lookups and, shortened, of the events.
NOTHING: dict[str, str] = {}
CLOSED = {
    "Cancelled": "FAILED attempt-closed failed",
    "Expired": "FAILED attempt-closed failed",
}
IMPOSSIBLE = {"Settled": "illegal", "Cancelled": "illegal", "Expired": "illegal"}
NEVER = {kind.__name__: "illegal" for kind in ans.Lookup.__args__}
FACTS_ONLY = {"Cancelled": "= attempt-closed", "Expired": "= attempt-closed"}

# (state, performed, hold) -> lookup -> state and events; a lookup that is not there changes
# nothing. First the situations that exist, told by real events.
ANSWERED: dict[tuple[str, bool, bool], dict[str, str]] = {
    ("NEW", DONE, False): NOTHING,
    ("NEW", NOT_DONE, True): NOTHING,
    ("PENDING", DONE, False): {"Settled": "PAID payment-seen paid", **CLOSED},
    ("PENDING_HELD", NOT_DONE, True): {
        "Held": "HELD hold-seen held",
        "Settled": "HELD payment-seen held",
        **CLOSED,
    },
    ("PENDING_HELD", DONE, True): {
        "Held": "HELD hold-seen held",
        "Settled": "HELD payment-seen held",
        **CLOSED,
    },
    ("HELD", NOT_DONE, True): {
        "Held": "CAPTURING performed capture-requested",
        "Settled": "PAID payment-seen performed capture-requested paid",
        **CLOSED,
    },
    ("HELD", DONE, True): {
        "Held": "CAPTURING capture-requested",
        "Settled": "PAID payment-seen capture-requested paid",
        **CLOSED,
    },
    # What becomes of the outgoing payment decides, and nothing else: the facts are noted.
    ("FORWARDING", DONE, False): NOTHING,
    ("FORWARDING", DONE, True): {"Settled": "= payment-seen", **FACTS_ONLY},
    ("CAPTURING", DONE, True): {"Settled": "PAID payment-seen paid", **CLOSED},
    ("CANCELLING", DONE, False): {"Settled": "PAID payment-seen paid", **CLOSED},
    ("CANCELLING", DONE, True): {"Settled": "PAID payment-seen paid", **CLOSED},
    ("CANCELLING", NOT_DONE, True): {
        "Held": "CANCELLING hold-seen",
        "Settled": "FAILED payment-seen failed",
        **CLOSED,
    },
    ("RETRYING", DONE, False): {"Settled": "PAID payment-seen paid"},
    ("RETRYING", DONE, True): {"Settled": "PAID payment-seen paid"},
    ("RETRYING", NOT_DONE, True): {"Settled": "PAID payment-seen performed paid"},
    ("PAID", DONE, False): NOTHING,
    ("PAID", DONE, True): NOTHING,
    ("FAILED", DONE, False): {"Settled": "PAID payment-seen redone paid"},
    ("FAILED", DONE, True): {"Settled": "PAID payment-seen redone paid"},
    ("FAILED", NOT_DONE, True): {"Settled": "PAID payment-seen performed paid"},
    ("REFUNDED", DONE, False): NOTHING,
    ("REFUNDED", DONE, True): NOTHING,
    ("DISPUTED", DONE, False): NOTHING,
    ("DISPUTED", DONE, True): NOTHING,
}

# Then those that no events lead to, put together by force: a fact about money is recorded at
# most, and nothing is ever PAID that is not performed.
FORCED: dict[tuple[str, bool, bool], dict[str, str]] = {
    ("NEW", DONE, True): {"Held": "= hold-seen", "Settled": "= payment-seen", **FACTS_ONLY},
    ("NEW", NOT_DONE, False): {"Settled": "= payment-seen", **FACTS_ONLY},
    ("PENDING", DONE, True): {
        "Held": "= hold-seen",
        "Settled": "PAID payment-seen paid",
        **CLOSED,
    },
    ("PENDING", NOT_DONE, False): IMPOSSIBLE,
    ("PENDING", NOT_DONE, True): {"Held": "= hold-seen", **IMPOSSIBLE},
    ("PENDING_HELD", DONE, False): {"Settled": "HELD payment-seen held", **CLOSED},
    ("PENDING_HELD", NOT_DONE, False): {"Settled": "HELD payment-seen held", **CLOSED},
    # Nothing is locked by a plain invoice, so the "hold" is too small: it is let go.
    ("HELD", DONE, False): {
        "Open": "CANCELLING cancel-requested",
        "Pending": "CANCELLING cancel-requested",
        "Held": "CANCELLING cancel-requested",
        "Settled": "PAID payment-seen capture-requested paid",
        **CLOSED,
        "NotFound": "CANCELLING cancel-requested",
        "Unreachable": "CANCELLING cancel-requested",
    },
    ("HELD", NOT_DONE, False): {
        "Open": "CANCELLING cancel-requested",
        "Pending": "CANCELLING cancel-requested",
        "Held": "CANCELLING cancel-requested",
        "Settled": "PAID payment-seen performed capture-requested paid",
        **CLOSED,
        "NotFound": "CANCELLING cancel-requested",
        "Unreachable": "CANCELLING cancel-requested",
    },
    ("FORWARDING", NOT_DONE, False): {"Settled": "= payment-seen", **FACTS_ONLY},
    ("FORWARDING", NOT_DONE, True): {
        "Held": "= hold-seen",
        "Settled": "= payment-seen",
        **FACTS_ONLY,
    },
    ("CAPTURING", DONE, False): {"Settled": "PAID payment-seen paid", **CLOSED},
    ("CAPTURING", NOT_DONE, False): IMPOSSIBLE,
    ("CAPTURING", NOT_DONE, True): {"Held": "= hold-seen", **IMPOSSIBLE},
    ("CANCELLING", NOT_DONE, False): {"Settled": "FAILED payment-seen failed", **CLOSED},
    ("RETRYING", NOT_DONE, False): {"Settled": "PAID payment-seen performed paid", **FACTS_ONLY},
    ("PAID", NOT_DONE, False): {"Settled": "= payment-seen payment-credited", **FACTS_ONLY},
    ("PAID", NOT_DONE, True): {
        "Held": "= hold-seen",
        "Settled": "= payment-seen payment-credited",
        **FACTS_ONLY,
    },
    ("FAILED", NOT_DONE, False): {"Settled": "PAID payment-seen performed paid", **FACTS_ONLY},
    # No money has gone back, so it should be PAID, which it cannot be without the work.
    ("REFUNDED", NOT_DONE, False): NEVER,
    ("REFUNDED", NOT_DONE, True): NEVER,
    ("DISPUTED", NOT_DONE, False): NEVER,
    ("DISPUTED", NOT_DONE, True): NEVER,
}


def _answered(a: Aggregate, lookup: ans.Lookup) -> str:
    answer = about(max(1, len(a.attempts)), lookup)
    try:
        events = decide(a, answer, NOW)
        after = fold(a, events)
    except IllegalTransition:
        return "illegal"
    state = after.state if after.state is not a.state else "="
    return " ".join([state, *(event.name.removeprefix("paid-action.") for event in events)])


def _expected(state: str, row: dict[str, str], lookup: ans.Lookup) -> str:
    told = row.get(type(lookup).__name__, "=")
    return told.replace(state, "=", 1) if told.split()[0] == state else told


def test_the_situations_cover_everything() -> None:
    assert sorted([*ANSWERED, *FORCED]) == sorted(product(STATES, (DONE, NOT_DONE), (False, True)))
    assert sorted(type(lookup).__name__ for lookup in LOOKUPS) == sorted(
        kind.__name__ for kind in ans.Lookup.__args__
    )


@pytest.mark.parametrize(("state", "performed", "hold"), sorted(ANSWERED))
def test_each_answer_in_each_state(state: str, performed: bool, hold: bool) -> None:
    a = situation(State(state), performed, hold)
    assert a is not None
    assert (a.state, a.performed) == (state, performed)
    row = ANSWERED[state, performed, hold]
    actual = {type(lookup).__name__: _answered(a, lookup) for lookup in LOOKUPS}
    assert actual == {type(lookup).__name__: _expected(state, row, lookup) for lookup in LOOKUPS}


@pytest.mark.parametrize(("state", "performed", "hold"), sorted(FORCED))
def test_each_answer_in_states_that_cannot_be(state: str, performed: bool, hold: bool) -> None:
    assert situation(State(state), performed, hold) is None
    a = replace(begun(hold=hold), state=State(state), performed=performed)
    row = FORCED[state, performed, hold]
    actual = {type(lookup).__name__: _answered(a, lookup) for lookup in LOOKUPS}
    assert actual == {type(lookup).__name__: _expected(state, row, lookup) for lookup in LOOKUPS}


TABLES = (
    *("events", "actions", "attempts", "payloads", "requests"),
    *("claims", "accounts", "entries"),
)


def _everything_stored(flow: PaidFlow) -> dict[str, list[str]]:
    with flow.store.reading() as tx:
        stored = {
            name: sorted(repr(row) for row in tx.execute(f"select * from paidflow_{name}"))
            for name in TABLES
        }
        for name in ("wall", "effects"):
            stored[name] = sorted(repr(row) for row in tx.execute(f"select * from {name}"))
    return stored


ILLEGAL: dict[State, Sequence[Sequence[e.Event]]] = {
    State.PENDING: (
        [e.Held()],
        [e.CaptureRequested()],
        [e.Performed()],
        [e.CancelDeclined(resumed=State.PENDING)],
        [e.RetryRequested(until=NOW, redone=False)],
        [requested()],
        [attached(3)],
        [e.AttemptClosed(number=2, closure=e.Closure.EXPIRED)],
    ),
    State.PENDING_HELD: (
        [e.CaptureRequested()],
        [e.Performed(), e.CaptureRequested()],
        [e.Paid(source="invoice", amount=sats(10), late=False, after_paid_owed=False)],
    ),
    State.PAID: (
        [e.Failed(reason="expired", undo_owed=False)],
        [e.CancelRequested(reason="user_cancelled")],
        [e.Paid(source="invoice", amount=sats(10), late=False, after_paid_owed=False)],
        # The fact before the illegal step must not stay behind either.
        [e.PaymentSeen(number=1, gateway="sandbox", amount=sats(10)), e.Held()],
    ),
}


def test_an_illegal_event_is_not_recorded(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The log, the status, the attempts, the claims, the ledger: byte for byte as before."""
    flow.grant("bob", sats(5), key="welcome")
    pending = flow.perform(Note(text="one", claim="seat"), actor="ann")
    held = flow.perform(HeldNote(text="two"))
    paid = flow.perform(CreditedNote(text="three"), actor="bob")
    assert paid.invoice_id is not None
    sandbox.pay(paid.invoice_id)
    flow.sync("sandbox", paid.invoice_id)
    before = _everything_stored(flow)
    assert all(before[name] for name in ("events", "actions", "attempts", "claims", "entries"))
    tried: Counter[State] = Counter()
    for receipt in (pending, held, paid):
        loaded = flow.steps.load(receipt.action_id)
        assert loaded is not None
        for events in ILLEGAL[loaded.aggregate.state]:
            with pytest.raises(IllegalTransition):
                flow._recorder.record(receipt.action_id, loaded, events, "illegal")
            with pytest.raises(IllegalTransition):
                flow._recorder.record_or_fall_back(receipt.action_id, loaded, events, "illegal")
            tried[loaded.aggregate.state] += 1
    assert _everything_stored(flow) == before
    assert tried == {State.PENDING: 8, State.PENDING_HELD: 3, State.PAID: 4}
    # And what is refused by the database leaves nothing behind either.
    with pytest.raises(ClaimTaken):
        flow.perform(Note(text="four", claim="seat"), actor="ann")
    assert _everything_stored(flow) == before
    assert effects(flow, paid.action_id) == {"perform": 1, "on_paid": 1}
