"""The same key gives the same receipt; other arguments under the same key are an error."""

from __future__ import annotations

import pytest

from paidflow import PaidFlow, State, sats
from paidflow.errors import ClaimTaken, Conflict, IdempotencyMismatch, WeakIdempotencyKey
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import expired, pay, snapshot
from tests.wall import HeldNote, HookTrouble, Note, effects

STRONG = "0123456789abcdef012345"


def test_a_replay_is_the_same_receipt(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first = flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    before = snapshot(flow)
    second = flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    assert snapshot(flow) == before
    assert second == first.model_copy(update={"changed": False})
    assert second.proof == first.proof
    assert len(sandbox.books()) == 1
    assert effects(flow, first.action_id) == {"perform": 1}


def test_a_replay_shows_where_it_stands_now(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first = flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    pay(flow, sandbox, first)
    second = flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    assert (second.action_id, second.state) == (first.action_id, State.PAID)


def test_a_replay_of_what_failed_does_not_retry(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    first = flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    flow.cancel(first.action_id, actor="ann")
    second = flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    assert (second.action_id, second.state) == (first.action_id, State.FAILED)


def test_a_replay_does_not_debit_again(flow: PaidFlow) -> None:
    flow.grant("ann", sats(25), key="g")
    for _ in range(3):
        flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    assert flow.balance("ann") == sats(15)


def test_other_arguments_are_an_error(flow: PaidFlow) -> None:
    flow.perform(Note(text="gm"), actor="ann", idempotency_key="k")
    before = snapshot(flow)
    with pytest.raises(IdempotencyMismatch):
        flow.perform(Note(text="gn"), actor="ann", idempotency_key="k")
    assert snapshot(flow) == before


def test_a_key_is_scoped_to_actor_and_kind(flow: PaidFlow) -> None:
    made = {
        flow.perform(Note(text="gm"), actor="ann", idempotency_key=STRONG).action_id,
        flow.perform(Note(text="gm"), actor="bob", idempotency_key=STRONG).action_id,
        flow.perform(HeldNote(text="gm"), actor="ann", idempotency_key=STRONG).action_id,
        flow.perform(Note(text="gm"), idempotency_key=STRONG).action_id,
    }
    assert len(made) == 4


def test_a_logged_out_caller_needs_a_strong_key(flow: PaidFlow) -> None:
    with pytest.raises(WeakIdempotencyKey):
        flow.perform(Note(text="gm"), idempotency_key=STRONG[:-1])
    first = flow.perform(Note(text="gm"), idempotency_key=STRONG)
    assert flow.perform(Note(text="gm"), idempotency_key=STRONG).proof == first.proof


def test_what_was_not_stored_leaves_the_key_free(flow: PaidFlow) -> None:
    note = Note(text="gm", raises={"perform": 1})
    with pytest.raises(HookTrouble):
        flow.perform(note, actor="ann", idempotency_key="k")
    flow.grant("ann", sats(10), key="g")
    other = Note(text="gn")
    assert flow.perform(other, actor="ann", idempotency_key="k").state is State.PAID


def test_two_at_the_same_moment(flow: PaidFlow) -> None:
    prepared = [
        flow.prepare(Note(text="gm", claim="first"), actor="ann", idempotency_key="k")
        for _ in range(2)
    ]
    first, second = (flow.perform(p) for p in prepared)
    assert (first.action_id, first.proof) == (second.action_id, second.proof)
    assert (first.changed, second.changed) == (True, False)


def test_two_at_the_same_moment_with_other_arguments(flow: PaidFlow) -> None:
    one = flow.prepare(Note(text="gm"), actor="ann", idempotency_key="k")
    two = flow.prepare(Note(text="gn"), actor="ann", idempotency_key="k")
    flow.perform(one)
    with pytest.raises(IdempotencyMismatch):
        flow.perform(two)


def test_a_claim_of_somebody_else_is_no_replay(flow: PaidFlow) -> None:
    one = flow.prepare(Note(text="gm", claim="first"), actor="ann", idempotency_key="k")
    two = flow.prepare(Note(text="gm", claim="first"), actor="bob", idempotency_key="k")
    flow.perform(one)
    with pytest.raises(ClaimTaken):
        flow.perform(two)


def test_what_is_prepared_is_stored_once(flow: PaidFlow) -> None:
    prepared = flow.prepare(Note(text="gm"), actor="ann")
    assert flow.perform(prepared).action_id == prepared.action_id
    before = snapshot(flow)
    with pytest.raises(Conflict):
        flow.perform(prepared)
    assert snapshot(flow) == before


def test_a_key_is_not_kept(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    expired(flow, sandbox, Note(text="gm"))
    flow.perform(Note(text="gm"), idempotency_key=STRONG)
    assert STRONG not in repr(snapshot(flow))
