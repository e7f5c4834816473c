"""Scripts in which money goes back: our refunds, those of others, disputes."""

from __future__ import annotations

from paidflow import PaidAction, Receipt, sats
from tests.crash.script import FAILED, PAID, script
from tests.crash.world import World
from tests.wall import CarefulNote, HeldNote, Note, RefundedNote, SharedNote

REFUNDED = frozenset({"REFUNDED"})
DISPUTED = frozenset({"DISPUTED"})


def _paid(w: World, note: PaidAction) -> Receipt:
    receipt = w.request(note)
    w.pay(receipt)
    w.flow.sync("sandbox", receipt.invoice_id or "")
    return receipt


def _refund(w: World, receipt: Receipt, sats_: int = 10) -> None:
    w.flow.refund(receipt.action_id, sats(sats_), operator="olga", why="it was broken")


@script(SharedNote(text="given back"), ends=PAID | REFUNDED)
def refund_all(w: World, note: PaidAction) -> None:
    _refund(w, _paid(w, note))


@script(SharedNote(text="given back in parts"), ends=PAID | REFUNDED)
def refund_parts(w: World, note: PaidAction) -> None:
    receipt = _paid(w, note)
    _refund(w, receipt, 4)
    _refund(w, receipt, 6)


@script(Note(text="from the purse, and back"), ends=PAID | REFUNDED, grants=True)
def refund_credits(w: World, note: PaidAction) -> None:
    w.grant()
    receipt = w.request(note)
    _refund(w, receipt, 4)
    _refund(w, receipt, 6)
    w.work()  # sweeps what has come into the purse


@script(SharedNote(text="sent, but the answer is lost"), ends=PAID | REFUNDED)
def refund_times_out(w: World, note: PaidAction) -> None:
    w.sandbox.fault("refund", "time_out_after")
    _refund(w, _paid(w, note))
    w.clock.tick(6)
    w.work()


@script(HeldNote(text="not sent, and nobody knows"), ends=PAID | REFUNDED)
def refund_unsent(w: World, note: PaidAction) -> None:
    w.sandbox.fault("refund", "time_out_before")
    _refund(w, _paid(w, note))
    w.clock.tick(6)
    w.work()


@script(SharedNote(text="the gateway does not want to"), ends=PAID | REFUNDED)
def refund_declined(w: World, note: PaidAction) -> None:
    w.sandbox.fault("refund", "decline")
    _refund(w, _paid(w, note))


@script(Note(text="given back, and undone later", raises={"on_reversed": 1}), ends=PAID | REFUNDED)
def refund_undone_later(w: World, note: PaidAction) -> None:
    _refund(w, _paid(w, note))
    w.clock.tick(6)
    w.work()


@script(RefundedNote(text="late, and sent back"), ends=PAID | FAILED)
def late_refunded(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(CarefulNote(text="late, and somebody sends it back"), ends=PAID | FAILED)
def late_sent_back(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()
    w.flow.resolve(receipt.action_id, "refund", operator="olga", why="too late")


@script(SharedNote(text="sent back by somebody else"), ends=PAID | REFUNDED)
def refunded_outside(w: World, note: PaidAction) -> None:
    receipt = _paid(w, note)
    w.sandbox.refund_outside(receipt.invoice_id or "")
    w.work()


@script(SharedNote(text="contested, and won"), ends=PAID | DISPUTED)
def dispute_won(w: World, note: PaidAction) -> None:
    receipt = _paid(w, note)
    reversal_id = w.sandbox.open_dispute(receipt.invoice_id or "")
    w.work()
    w.sandbox.win_dispute(reversal_id or "")
    w.work()


@script(SharedNote(text="contested, and lost"), ends=PAID | DISPUTED | REFUNDED)
def dispute_lost(w: World, note: PaidAction) -> None:
    receipt = _paid(w, note)
    reversal_id = w.sandbox.open_dispute(receipt.invoice_id or "")
    w.work()
    w.sandbox.lose_dispute(reversal_id or "")
    w.work()


@script(SharedNote(text="given back, and bounced"), ends=PAID | REFUNDED)
def refund_bounced(w: World, note: PaidAction) -> None:
    receipt = _paid(w, note)
    _refund(w, receipt)
    for reversal in w.sandbox.reversals(receipt.invoice_id or ""):
        w.sandbox.bounce_refund(reversal.reversal_id)
    w.work()
