"""Money that somebody else sends back, or contests: always a fact, and the item is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from paidflow import (
    Batch,
    Counter,
    Folding,
    PaidFlow,
    Receipt,
    State,
    Worker,
    msats,
    purse,
    rebuild,
    sats,
)
from paidflow.errors import NotRefundable, RefundTooLarge
from paidflow.operating.reconcile import Standing, reconcile
from paidflow.payments.contract import ReversalStatus
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import AttentionReason, Paid, Restored, Reversed
from paidflow.testing import ManualClock
from paidflow.views.reader import Reader
from tests.flow.support import (
    again,
    attention,
    check_books,
    expired,
    history,
    invoice_of,
    paid,
    pay,
    snapshot,
    sums,
    sync,
    work,
)
from tests.wall import NOTES, CreditedNote, Note, RefundedNote, SharedNote, effects, open_wall

BY = {"operator": "eve", "why": "it was broken"}


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    actions = [*NOTES, RefundedNote, SharedNote]
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions) as opened:
        yield opened


def dispute(flow: PaidFlow, sandbox: SandboxGateway, receipt: Receipt) -> str:
    """The payer contests it; the flow has seen that."""
    reversal_id = sandbox.open_dispute(invoice_of(receipt))
    assert reversal_id is not None
    sync(flow, receipt)
    return reversal_id


def seen(flow: PaidFlow, viewer: str | None = None) -> int:
    """How many notes somebody sees."""
    sql = "select id from wall where visible(wall.id)"
    return len(Reader(flow).select(sql, viewer=viewer))


def test_an_outside_refund(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    assert sandbox.refund_outside(invoice_of(receipt), sats(4))
    after = sync(flow, receipt)
    assert (after.state, after.refunded, flow.balance("bob")) == (State.PAID, sats(4), msats(4200))
    sandbox.refund_outside(invoice_of(receipt))
    after = sync(flow, receipt)
    assert (after.state, after.refunded, flow.balance("bob")) == (State.REFUNDED, sats(10), sats(0))
    assert effects(flow, receipt.action_id)["on_reversed"] == 1
    assert (seen(flow), seen(flow, "ann")) == (0, 1)
    assert history(flow, receipt)[-3:] == ["reversal-seen", "reversal-seen", "reversed"]
    assert attention(flow) == []
    check_books(flow, sandbox)


def test_a_dispute_that_is_won(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    reversal_id = dispute(flow, sandbox, receipt)
    assert again(flow, receipt).state is State.DISPUTED
    assert (seen(flow), flow.balance("bob")) == (0, sats(0))
    assert [a.reason for a in attention(flow)] == [AttentionReason.DISPUTED]
    check_books(flow, sandbox)
    assert sandbox.win_dispute(reversal_id)
    assert sync(flow, receipt).state is State.PAID
    assert (seen(flow), flow.balance("bob")) == (1, sats(7))
    counted = {"perform": 1, "on_paid": 2, "on_reversed": 1}
    assert effects(flow, receipt.action_id) == counted
    assert attention(flow) == []
    check_books(flow, sandbox)


def test_a_dispute_that_is_lost(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    reversal_id = dispute(flow, sandbox, receipt)
    with pytest.raises(RefundTooLarge, match="nothing is left"):
        flow.refund(receipt.action_id, **BY)
    assert sandbox.lose_dispute(reversal_id)
    after = sync(flow, receipt)
    assert (after.state, after.refunded) == (State.REFUNDED, None)
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1, "on_reversed": 1}
    assert attention(flow) == []
    check_books(flow, sandbox)


def test_the_outcome_of_a_dispute_is_looked_for(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    """Its message may be lost."""
    receipt = paid(flow, sandbox, Note(text="gm"))
    reversal_id = dispute(flow, sandbox, receipt)
    Worker(flow).run_until_idle()
    sandbox.updates_mode = "late"
    assert sandbox.win_dispute(reversal_id)
    work(flow, clock)
    assert again(flow, receipt).state is State.DISPUTED
    work(flow, clock, seconds=86_400)
    assert again(flow, receipt).state is State.PAID


def test_a_refund_that_bounces(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    sandbox.slow_refunds = True
    assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
    (reversal,) = sandbox.reversals(invoice_of(receipt))
    assert reversal.status is ReversalStatus.PENDING
    assert sandbox.bounce_refund(reversal.reversal_id)
    work(flow, clock, seconds=86_400)
    after = again(flow, receipt)
    assert (after.state, after.refunded, flow.balance("bob")) == (State.PAID, None, sats(7))
    assert effects(flow, receipt.action_id)["on_paid"] == 2
    assert [a.reason for a in attention(flow)] == [AttentionReason.REFUND_FAILED]
    check_books(flow, sandbox)
    assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
    (_, second) = sandbox.reversals(invoice_of(receipt))
    assert sandbox.finish_refund(second.reversal_id)
    sync(flow, receipt)
    assert sandbox.bounce_refund(second.reversal_id)  # also long after it had arrived
    assert sync(flow, receipt).state is State.PAID
    check_books(flow, sandbox)


def test_late_money_whose_refund_bounces_is_left_to_a_person(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = expired(flow, sandbox, RefundedNote(text="gm"))
    pay(flow, sandbox, receipt, late=True)
    (reversal,) = sandbox.reversals(invoice_of(receipt))
    sandbox.bounce_refund(reversal.reversal_id)
    after = sync(flow, receipt)
    assert (after.refunded, after.unclaimed) == (None, sats(10))
    work(flow, clock, times=3, seconds=700)
    assert len(sandbox.reversals(invoice_of(receipt))) == 1
    assert [a.reason for a in attention(flow)] == [AttentionReason.REFUND_FAILED]
    check_books(flow, sandbox)


def test_it_is_contested_after_it_was_refunded(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Banks let that happen: the money can go twice."""
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    assert flow.refund(receipt.action_id, sats(6), **BY).state is State.PAID
    reversal_id = dispute(flow, sandbox, receipt)
    assert again(flow, receipt).state is State.DISPUTED
    sandbox.win_dispute(reversal_id)
    assert sync(flow, receipt).state is State.PAID
    sandbox.slow_refunds = True
    assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
    (*_, last) = sandbox.reversals(invoice_of(receipt))
    assert sandbox.bounce_refund(last.reversal_id)
    other = sandbox.open_dispute(invoice_of(receipt))
    assert sync(flow, receipt).state is State.DISPUTED
    assert other is not None
    assert sandbox.lose_dispute(other)
    assert sync(flow, receipt).state is State.REFUNDED
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 2, "on_reversed": 2}
    check_books(flow, sandbox)


def test_our_own_refund_in_a_message(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Before our answer is recorded and after it, it is one refund."""
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    refund: Any = sandbox.refund
    told: list[Receipt] = []

    def refund_and_tell(command: Any) -> Any:
        outcome = refund(command)
        told.append(sync(flow, receipt))  # its message is faster than its answer
        return outcome

    sandbox.refund = refund_and_tell  # type: ignore[method-assign]
    for after in (
        flow.refund(receipt.action_id, sats(4), **BY),
        *told,
        *(sync(flow, receipt) for _ in range(3)),
    ):
        assert (after.refunded, after.refunding) == (sats(4), None)
    assert (len(told), flow.balance("bob")) == (1, msats(4200))
    assert history(flow, receipt).count("reversal-seen") == 1
    check_books(flow, sandbox)


def test_somebody_else_was_faster(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Both gave the same money back: ours is declined, and nobody loses anything by that."""
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    refund: Any = sandbox.refund

    def too_late(command: Any) -> Any:
        sandbox.refund = refund  # type: ignore[method-assign]
        sandbox.refund_outside(invoice_of(receipt))
        return refund(command)

    sandbox.refund = too_late  # type: ignore[method-assign]
    after = flow.refund(receipt.action_id, sats(6), **BY)
    assert (after.state, after.refunded, after.refunding) == (State.REFUNDED, sats(10), None)
    assert flow.balance("bob") == sats(0)
    assert [account for account in sums(flow) if account == "losses"] == []
    assert effects(flow, receipt.action_id)["on_reversed"] == 1
    check_books(flow, sandbox)


def test_what_was_credited_is_taken_from_the_purse(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, CreditedNote(text="gm"))
    pay(flow, sandbox, receipt, late=True)
    flow.perform(Note(text="with that", price_sats=4), actor="ann")
    dispute(flow, sandbox, receipt)
    assert again(flow, receipt).state is State.FAILED
    assert flow.balance("ann") == sats(0)
    assert sums(flow)[f"receivable:{purse('ann')}"] == -4000
    assert [a.reason for a in attention(flow)] == [AttentionReason.DISPUTED]
    check_books(flow, sandbox)


def test_what_nobody_can_be_asked_for_is_a_loss(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"))
    pay(flow, sandbox, receipt, sats(13))
    flow.claim(receipt.action_id, proof=receipt.proof or "", actor="ann")
    dispute(flow, sandbox, receipt)
    assert (flow.balance("ann"), sums(flow)["losses"]) == (sats(0), 0)
    assert again(flow, receipt).state is State.DISPUTED
    check_books(flow, sandbox)


@pytest.mark.parametrize("raises", [{"on_reversed": 1}, {"on_reversed": -1}])
def test_a_hook_that_raises_does_not_keep_it_visible(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, raises: dict[str, int]
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm", raises=raises))
    reversal_id = dispute(flow, sandbox, receipt)
    assert (again(flow, receipt).state, seen(flow)) == (State.DISPUTED, 0)
    sandbox.win_dispute(reversal_id)
    assert sync(flow, receipt).state is State.PAID
    work(flow, clock, times=3)
    done = effects(flow, receipt.action_id)
    assert done["on_paid"] - done["on_reversed"] == 1
    assert done["on_reversed"] == 0, "what was not taken back is not done again"


def test_on_paid_raises_when_the_money_is_here_again(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    reversal_id = dispute(flow, sandbox, receipt)
    sandbox.win_dispute(reversal_id)
    raised = False
    leave: Any = Note._leave

    def leave_once(note: Note, ctx: Any, hook: str) -> None:
        nonlocal raised
        if hook == "on_paid" and not raised:
            raised = True
            raise ValueError(hook)
        leave(note, ctx, hook)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Note, "_leave", leave_once)
        assert sync(flow, receipt).state is State.DISPUTED
        assert raised
        check_books(flow, sandbox)
        work(flow, clock)
    assert again(flow, receipt).state is State.PAID
    done = effects(flow, receipt.action_id)
    assert done["on_paid"] - done["on_reversed"] == 1


def test_an_unpaid_action_is_not_refunded_by_an_outside_refund(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    """The money had gone again before anybody looked: it was never paid."""
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    sandbox.refund_outside(invoice_of(receipt))
    assert sync(flow, receipt).state is State.FAILED
    with pytest.raises(NotRefundable):
        flow.refund(receipt.action_id, **BY)
    check_books(flow, sandbox)


def test_the_same_answer_again_changes_nothing(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    before = flow.ask("sandbox", invoice_of(receipt))
    reversal_id = dispute(flow, sandbox, receipt)
    during = flow.ask("sandbox", invoice_of(receipt))
    sandbox.win_dispute(reversal_id)
    sync(flow, receipt)
    stored = snapshot(flow)
    for answer in (during, before, during):
        flow.apply(answer)
    assert snapshot(flow) == stored


def test_reconciling_finds_what_nobody_has_told(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    begun = clock.now()
    sandbox.refund_outside(invoice_of(receipt))
    (told,) = reconcile(flow, since=begun, record=False)
    assert told.standing is Standing.DIFFERS
    (mended,) = reconcile(flow, since=begun)
    assert mended.standing is Standing.MENDED
    assert again(flow, receipt).state is State.REFUNDED


class Real(Counter):
    """How many real notes each actor has, and sats in them."""

    name = "real"
    events = (Paid, Reversed, Restored)
    key = "actor"
    columns = ("notes",)

    def count(self, batch: Batch) -> Iterator[tuple[str, int]]:
        actors = batch.actors()
        for kind, number in ((Paid, 1), (Reversed, -1), (Restored, 1)):
            for action_id in batch.actions(kind):
                yield actors[action_id] or "nobody", number


class Real2(Real):
    """Its next version."""

    version = 2


def test_counters_go_back_by_the_exact_negative(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    folding = Folding(flow, [Real()])

    def counted() -> int:
        while folding.run_once():
            pass
        with flow.store.reading() as tx:
            row = tx.execute("select notes from real").fetchone()
        assert row is not None
        return row["notes"]

    receipts = [paid(flow, sandbox, Note(text="gm")) for _ in range(3)]
    assert counted() == 3
    reversal_id = dispute(flow, sandbox, receipts[0])
    flow.refund(receipts[1].action_id, **BY)
    assert counted() == 1
    sandbox.win_dispute(reversal_id)
    sync(flow, receipts[0])
    assert counted() == 2
    rebuild(Folding(flow, [Real2()]), "real")
    with flow.store.reading() as tx:
        assert tx.execute("select notes from real").fetchone() == {"notes": 2}
