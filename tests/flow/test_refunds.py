"""Refunds of an operator and of a policy: reserved first, sent once, taken from whom it paid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from paidflow import (
    CREDITS,
    INVOICE,
    POOL,
    WITHDRAWABLE,
    Money,
    PaidFlow,
    State,
    msats,
    purse,
    sats,
    territory,
    withdrawable,
)
from paidflow.errors import (
    ActionNotFound,
    IdempotencyMismatch,
    InvalidArguments,
    InvalidConfiguration,
    NegativeRefund,
    NotRefundable,
    PaidflowError,
    RefundInOtherCurrency,
    RefundTooLarge,
    RefundUnsupported,
    ZeroRefund,
)
from paidflow.ledger.entries import Entry
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import FaultKind
from paidflow.states.events import AttentionReason
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
from tests.payday import cash, earn, open_payday
from tests.wall import (
    NOTES,
    CarefulNote,
    HeldNote,
    Note,
    RefundedNote,
    SharedNote,
    effects,
    open_wall,
)

BY = {"operator": "eve", "why": "it was broken"}


class PurseNote(SharedNote):
    """A note that credits, then withdrawable money, and then an invoice pay."""

    kind = "purse-note"
    funding: ClassVar[tuple[str, ...]] = (CREDITS, WITHDRAWABLE, INVOICE)


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    actions = [*NOTES, RefundedNote, SharedNote, PurseNote]
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions) as opened:
        yield opened


def sent(sandbox: SandboxGateway) -> int:
    """How often the gateway was asked for a refund."""
    return sum(call.operation == "refund" for call in sandbox.calls())


def seen(flow: PaidFlow) -> list[str]:
    """What strangers see on the wall."""
    rows = Reader(flow).select("select id from wall where visible(wall.id)", viewer=None)
    return [row["id"] for row in rows]


@pytest.mark.parametrize("kind", [Note, HeldNote])
def test_all_of_it(flow: PaidFlow, sandbox: SandboxGateway, kind: type[Note]) -> None:
    receipt = paid(flow, sandbox, kind(text="gm"))
    assert seen(flow) == [receipt.action_id]
    after = flow.refund(receipt.action_id, **BY)
    assert (after.state, after.refunded, after.refunding) == (State.REFUNDED, sats(10), None)
    assert seen(flow) == []
    (reversal,) = sandbox.reversals(invoice_of(receipt))
    assert (reversal.amount, reversal.status) == (sats(10), "succeeded")
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1, "on_reversed": 1}
    assert history(flow, receipt)[-4:] == [
        "refund-decided",
        "refund-requested",
        "reversal-seen",
        "reversed",
    ]
    assert sums(flow) == {}
    check_books(flow, sandbox)


def test_the_log_says_who_and_why(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    flow.refund(receipt.action_id, sats(3), **BY)
    lines = flow.history(receipt.action_id, actor="ann")
    (said,) = (line.details for line in lines if line.event.endswith("refund-decided"))
    assert said == {"amount": {"amount": 3000, "currency": "BTC"}, **BY}


def test_a_part_and_then_the_rest(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    after = flow.refund(receipt.action_id, sats(4), **BY)
    assert (after.state, after.refunded) == (State.PAID, sats(4))
    assert seen(flow) == [receipt.action_id]
    assert effects(flow, receipt.action_id)["on_reversed"] == 0
    assert sums(flow) == {"clearing:sandbox": -6000, "revenue:note": 6000}
    after = flow.refund(receipt.action_id, **BY)
    assert (after.state, after.refunded) == (State.REFUNDED, sats(10))
    assert [r.amount for r in sandbox.reversals(invoice_of(receipt))] == [sats(4), sats(6)]
    with pytest.raises(RefundTooLarge, match="nothing is left"):
        flow.refund(receipt.action_id, **BY)
    check_books(flow, sandbox)


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        (sats(0), ZeroRefund),
        (sats(-1), NegativeRefund),
        (Money(5, "EUR"), RefundInOtherCurrency),
        (msats(10_001), RefundTooLarge),
        (5, InvalidArguments),
    ],
)
def test_what_is_no_refund_is_not_stored(
    flow: PaidFlow, sandbox: SandboxGateway, amount: Money, error: type[PaidflowError]
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    before = snapshot(flow)
    with pytest.raises(error) as raised:
        flow.refund(receipt.action_id, amount, **BY)
    assert type(raised.value) is error
    assert snapshot(flow) == before
    assert sent(sandbox) == 0


def test_a_refund_needs_a_reason(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    with pytest.raises(InvalidArguments):
        flow.refund(receipt.action_id, operator="eve", why="")


def test_only_what_was_paid(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    failed = expired(flow, sandbox, Note(text="gm"))
    pending = flow.perform(Note(text="gm"), actor="ann")
    before = snapshot(flow)
    for receipt in (failed, pending):
        with pytest.raises(NotRefundable) as raised:
            flow.refund(receipt.action_id, **BY)
        assert raised.value.state == again(flow, receipt).state
    with pytest.raises(ActionNotFound):
        flow.refund("nothing", **BY)
    assert snapshot(flow) == before
    free = flow.perform(Note(text="gm", price_sats=0), actor="ann")
    with pytest.raises(RefundTooLarge, match="nothing is left"):
        flow.refund(free.action_id, **BY)


def test_a_gateway_that_sends_nothing_back(store_url: str, clock: ManualClock) -> None:
    bank = SandboxGateway(":memory:", sandbox=True, clock=clock, refunds=False)
    with open_wall(store_url, {"sandbox": bank}, clock=clock) as flow:
        receipt = paid(flow, bank, Note(text="gm"))
        before = snapshot(flow)
        with pytest.raises(RefundUnsupported):
            flow.refund(receipt.action_id, **BY)
        assert snapshot(flow) == before


def test_a_withdrawal_is_not_given_back(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    with open_payday(store_url, sandbox, clock) as flow:
        earn(flow, sandbox, sats(20))
        receipt = flow.perform(cash(), actor="ann")
        for _ in range(3):
            work(flow, clock)
        assert again(flow, receipt).state is State.PAID
        before = snapshot(flow)
        with pytest.raises(NotRefundable):
            flow.refund(receipt.action_id, **BY)
        assert snapshot(flow) == before


# One key, one refund.


@pytest.mark.parametrize("amount", [None, sats(4)])
def test_the_same_key_is_the_same_refund(
    flow: PaidFlow, sandbox: SandboxGateway, amount: Money | None
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    keyed = {"idempotency_key": "ticket 7", **BY}
    first = flow.refund(receipt.action_id, amount, **keyed)
    assert first.changed
    before = snapshot(flow)
    second = flow.refund(receipt.action_id, amount, **keyed)
    assert not second.changed
    assert second == first.model_copy(update={"changed": False})
    other = sats(10) if amount is None else None
    for wrong in (other, sats(5)):
        with pytest.raises(IdempotencyMismatch):
            flow.refund(receipt.action_id, wrong, **keyed)
    assert snapshot(flow) == before
    assert sent(sandbox) == 1
    assert "ticket 7" not in repr(before)


def test_another_key_and_another_action_are_other_refunds(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipts = [paid(flow, sandbox, Note(text="gm")) for _ in range(2)]
    for receipt in receipts:
        for key in ("a", "b", None):
            flow.refund(receipt.action_id, sats(2), idempotency_key=key, **BY)
        assert again(flow, receipt).refunded == sats(6)
    for bad in ("", "a\0", 7):
        with pytest.raises(InvalidArguments):
            flow.refund(receipts[0].action_id, sats(2), idempotency_key=bad, **BY)  # pyright: ignore


def test_a_refund_that_was_declined_is_not_made_again_under_its_key(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    sandbox.fault("refund", "decline")
    for _ in range(2):
        after = flow.refund(receipt.action_id, sats(4), idempotency_key="a", **BY)
        assert (after.refunded, sent(sandbox)) == (None, 1)
    flow.resolve(receipt.action_id, "dismiss", **BY)
    assert flow.refund(receipt.action_id, sats(4), idempotency_key="b", **BY).refunded == sats(4)


# Purses.


def test_credits_go_back_at_once(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    flow.grant("ann", sats(12), key="k")
    receipt = flow.perform(Note(text="gm"), actor="ann")
    after = flow.refund(receipt.action_id, sats(3), **BY)
    assert (after.state, after.refunded, flow.balance("ann")) == (State.PAID, sats(3), sats(5))
    after = flow.refund(receipt.action_id, **BY)
    assert (after.state, after.refunded, flow.balance("ann")) == (
        State.REFUNDED,
        sats(10),
        sats(12),
    )
    assert effects(flow, receipt.action_id)["on_reversed"] == 1
    assert sent(sandbox) == 0
    check_books(flow, sandbox)


def _split(flow: PaidFlow, sandbox: SandboxGateway) -> str:
    """Ann pays 10 sats: 3 from her credits, 1 of what she could withdraw, 6 by invoice."""
    flow.grant("ann", sats(3), key="k")
    with flow.store.transaction("test") as tx:
        entry = Entry("issued", withdrawable("ann"), sats(1))
        tx.post(entry, source="gift", version=1, line=1, now=flow.clock.now())
    receipt = flow.perform(PurseNote(text="gm"), actor="ann")
    assert sandbox.books()[-1].amount == sats(6)
    assert pay(flow, sandbox, again(flow, receipt)).state is State.PAID
    return receipt.action_id


def _ann_has(flow: PaidFlow) -> tuple[Money, Money]:
    return flow.balance("ann"), flow.balance_of(withdrawable("ann"))


def test_purses_first_and_then_the_gateway(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    action_id = _split(flow, sandbox)
    flow.refund(action_id, msats(2500), **BY)
    assert (_ann_has(flow), sent(sandbox)) == ((msats(2500), sats(0)), 0)
    after = flow.refund(action_id, sats(4), **BY)
    assert _ann_has(flow) == (sats(3), sats(1))
    assert sandbox.total_reversed() == msats(2500)
    assert (after.state, after.refunded) == (State.PAID, msats(6500))
    after = flow.refund(action_id, **BY)
    assert (after.state, sandbox.total_reversed()) == (State.REFUNDED, sats(6))
    assert sums(flow) == {"issued": -4000, purse("ann"): 3000, withdrawable("ann"): 1000}
    check_books(flow, sandbox)


# Whom the action has paid.


def test_everybody_gives_back_in_proportion(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    names = (purse("bob"), territory("wall"), POOL)

    def have() -> list[int]:
        return [flow.balance_of(name).amount for name in names]

    assert have() == [7000, 2100, 900]
    flow.refund(receipt.action_id, msats(101), **BY)
    # 70.7, 21.21 and 9.09: one unit is left over, and bob has lost most by rounding.
    assert have() == [7000 - 71, 2100 - 21, 900 - 9]
    flow.refund(receipt.action_id, **BY)
    assert have() == [0, 0, 0]
    check_books(flow, sandbox)


def test_what_is_spent_is_owed_and_repaid_first(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    flow.perform(Note(text="from bob", price_sats=5), actor="bob")
    assert flow.balance("bob") == sats(2)
    flow.refund(receipt.action_id, **BY)
    assert flow.balance("bob") == sats(0)
    assert sums(flow)[f"receivable:{purse('bob')}"] == -5000
    check_books(flow, sandbox)

    paid(flow, sandbox, SharedNote(text="again", price_sats=4))  # 2.8 of them are for bob
    assert flow.balance("bob") == sats(0)
    paid(flow, sandbox, SharedNote(text="once more"))
    assert flow.balance("bob") == msats(2800 + 7000 - 5000)
    flow.perform(Note(text="from bob", price_sats=4), actor="bob")
    assert sums(flow)[f"receivable:{purse('bob')}"] == 0
    assert flow.balance("bob") == msats(800)
    check_books(flow, sandbox)


def test_who_pays_himself_gets_back_what_he_gives(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    flow.grant("bob", sats(10), key="k")
    receipt = flow.perform(SharedNote(text="to myself"), actor="bob")
    assert flow.balance("bob") == sats(7)
    assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
    assert flow.balance("bob") == sats(10)
    check_books(flow, sandbox)


# The gateway has bad days.


@pytest.mark.parametrize("fault", ["refuse", "time_out_before", "time_out_after", "raise"])
def test_whatever_the_gateway_answers_it_is_sent_once(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, fault: FaultKind
) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    sandbox.fault("refund", fault)
    after = flow.refund(receipt.action_id, **BY)
    assert (after.state is State.REFUNDED) == (fault == "time_out_after")
    if fault != "time_out_after":
        assert (after.refunded, after.refunding) == (None, sats(10))
        assert flow.balance("bob") == sats(0)
        with pytest.raises(RefundTooLarge):
            flow.refund(receipt.action_id, sats(1), **BY)
    work(flow, clock)
    after = again(flow, receipt)
    assert (after.state, after.refunded, after.refunding) == (State.REFUNDED, sats(10), None)
    assert len(sandbox.reversals(invoice_of(receipt))) == 1
    assert sent(sandbox) == (1 if fault == "time_out_after" else 2)
    assert attention(flow) == []
    check_books(flow, sandbox)


def test_declined_gives_the_reservation_back(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = paid(flow, sandbox, SharedNote(text="gm"))
    sandbox.fault("refund", "decline")
    after = flow.refund(receipt.action_id, sats(4), **BY)
    assert (after.state, after.refunded, after.refunding) == (State.PAID, None, None)
    assert flow.balance("bob") == sats(7)
    assert [a.reason for a in attention(flow)] == [AttentionReason.REFUND_FAILED]
    work(flow, clock, times=3, seconds=700)
    assert sent(sandbox) == 1
    check_books(flow, sandbox)
    flow.resolve(receipt.action_id, "dismiss", **BY)
    assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
    assert attention(flow) == []


def test_nothing_is_sent_while_nobody_answers(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    sandbox.fault("lookup", "time_out_before", times=3)
    assert flow.refund(receipt.action_id, **BY).refunding == sats(10)
    assert sent(sandbox) == 0
    work(flow, clock, times=8, seconds=700)
    assert again(flow, receipt).state is State.REFUNDED
    assert sent(sandbox) == 1


def test_after_an_hour_a_person_is_told(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm"))
    sandbox.fault("refund", "refuse", times=30)
    flow.refund(receipt.action_id, **BY)
    work(flow, clock, times=14, seconds=400)
    assert [a.reason for a in attention(flow)] == [AttentionReason.REFUND_OVERDUE]
    sandbox.clear_faults()
    work(flow, clock, seconds=400)
    assert again(flow, receipt).state is State.REFUNDED


def test_a_hook_that_raises_keeps_no_money(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = paid(flow, sandbox, Note(text="gm", raises={"on_reversed": 2}))
    assert flow.refund(receipt.action_id, **BY).state is State.REFUNDED
    assert seen(flow) == []
    assert effects(flow, receipt.action_id)["on_reversed"] == 0
    work(flow, clock, times=4)
    assert effects(flow, receipt.action_id)["on_reversed"] == 1
    work(flow, clock, times=4)
    assert effects(flow, receipt.action_id)["on_reversed"] == 1


# The database has the last word.


def _post(flow: PaidFlow, debit: str, credit: str, amount: Money, line: int) -> None:
    with flow.store.transaction("test") as tx, tx._rules():  # pyright: ignore
        now = flow.clock.now()
        tx.post(Entry(debit, credit, amount), source="a-1", version=1, line=line, now=now)


def test_the_database_refuses_more_than_came(flow: PaidFlow) -> None:
    _post(flow, "clearing:sandbox", "unclaimed:a-1", sats(10), 1)
    _post(flow, "unclaimed:a-1", "refunding:a-1", sats(6), 2)
    _post(flow, "unclaimed:a-1", "refunding:a-1", sats(4), 3)
    with pytest.raises(RefundTooLarge):
        _post(flow, "losses", "refunding:a-1", msats(1), 4)
    _post(flow, "refunding:a-1", "clearing:sandbox", sats(6), 5)
    with pytest.raises(RefundTooLarge):
        _post(flow, "losses", "refunding:a-1", msats(1), 6)
    _post(flow, "refunding:a-1", "unclaimed:a-1", sats(4), 7)
    _post(flow, "unclaimed:a-1", "refunding:a-1", sats(4), 8)
    with pytest.raises(RefundTooLarge):
        _post(flow, "losses", "refunding:a-1", Money(1, "EUR"), 9)


# Money that nobody waited for.


def test_late_money_goes_back(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, RefundedNote(text="gm"))
    after = pay(flow, sandbox, receipt, late=True)
    assert (after.state, after.refunded, after.unclaimed) == (State.FAILED, sats(10), None)
    assert sandbox.total_reversed() == sats(10)
    assert flow.balance("ann") == sats(0)
    check_books(flow, sandbox)


def test_the_surplus_of_a_logged_out_payer_goes_back(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = flow.perform(RefundedNote(text="gm"))
    after = pay(flow, sandbox, receipt, sats(13))
    assert (after.state, after.refunded) == (State.PAID, sats(3))
    sandbox.pay_again(invoice_of(receipt), sats(2))
    assert sync(flow, receipt).refunded == sats(5)
    assert [r.amount for r in sandbox.reversals(invoice_of(receipt))] == [sats(3), sats(2)]
    check_books(flow, sandbox)


def test_too_little_goes_back(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(RefundedNote(text="gm"), actor="ann")
    after = pay(flow, sandbox, receipt, sats(9))
    assert (after.state, after.refunded) == (State.FAILED, sats(9))


@pytest.mark.parametrize("old_first", [True, False])
def test_what_is_paid_twice_goes_back_to_whoever_was_second(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, old_first: bool
) -> None:
    old = expired(flow, sandbox, RefundedNote(text="gm"))
    new = flow.retry(old.action_id, actor="ann")
    first, second = (old, new) if old_first else (new, old)
    sandbox.pay(invoice_of(old), late=True)
    sandbox.pay(invoice_of(new))
    sync(flow, first)
    assert sync(flow, second).state is State.PAID
    # The old one is never accepted by this policy, so it is always what goes back.
    assert [r.amount for r in sandbox.reversals(invoice_of(old))] == [sats(10)]
    assert sandbox.reversals(invoice_of(new)) == ()
    check_books(flow, sandbox)


def test_a_refund_that_is_declined_is_not_tried_for_ever(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = expired(flow, sandbox, RefundedNote(text="gm"))
    sandbox.fault("refund", "decline", times=2)
    after = pay(flow, sandbox, receipt, late=True)
    assert (after.refunded, after.unclaimed) == (None, sats(10))
    work(flow, clock, times=3, seconds=700)
    assert sent(sandbox) == 1
    assert [a.reason for a in attention(flow)] == [AttentionReason.REFUND_FAILED]
    flow.resolve(receipt.action_id, "refund", **BY)
    assert (sent(sandbox), len(attention(flow))) == (2, 1)
    flow.resolve(receipt.action_id, "refund", **BY)
    assert (again(flow, receipt).refunded, attention(flow)) == (sats(10), [])
    check_books(flow, sandbox)


def test_a_policy_needs_a_gateway_that_can(store_url: str, sandbox: SandboxGateway) -> None:
    bank = SandboxGateway(":memory:", sandbox=True, refunds=False)

    class Elsewhere(RefundedNote):
        kind = "elsewhere"
        gateway = "poor"

    gateways = {"poor": bank, "sandbox": sandbox}
    open_wall(store_url, gateways, actions=[RefundedNote]).close()
    with pytest.raises(InvalidConfiguration, match="Elsewhere"):
        open_wall(store_url, gateways, actions=[Elsewhere], create=False)
    with pytest.raises(InvalidConfiguration):
        open_wall(store_url, {"poor": bank}, actions=[RefundedNote], create=False)


def test_a_person_sends_late_money_back(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, CarefulNote(text="gm"))
    pay(flow, sandbox, receipt, late=True)
    flow.resolve(receipt.action_id, "refund", **BY)
    after = again(flow, receipt)
    assert (after.state, after.refunded, after.unclaimed) == (State.FAILED, sats(10), None)
    assert attention(flow) == []
    check_books(flow, sandbox)
