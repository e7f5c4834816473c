"""Scripts in which the payer's money is passed on to a receiver, and what can go wrong then."""

from __future__ import annotations

from paidflow import PaidAction, Receipt
from tests.crash.script import FAILED, PAID, script
from tests.crash.world import World
from tests.wall import EagerNote, WrappedNote

NOTE = WrappedNote(text="for Bob")
EITHER = PAID | FAILED


def _paid(w: World, note: PaidAction) -> Receipt:
    receipt = w.request(note)
    w.pay(receipt)
    w.work()
    return receipt


@script(NOTE, ends=EITHER, receives=True)
def wrapped(w: World, note: PaidAction) -> None:
    _paid(w, note)


@script(EagerNote(text="for Bob, at once"), ends=EITHER, receives=True)
def wrapped_optimistic(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.flow.sync("sandbox", receipt.invoice_id or "")


@script(EagerNote(text="for Bob, and the gateway is down"), ends=EITHER, receives=True)
def wrapped_outage(w: World, note: PaidAction) -> None:
    w.sandbox.outage(True)
    action_id = w.request(note).action_id
    w.sandbox.outage(False)
    w.clock.tick(6)
    w.work()
    w.pay(w.flow.get(action_id, actor="ann"))
    w.work()


@script(WrappedNote(text="for Bob, who has no wallet", wallets=["none"]), receives=True)
def wrapped_without_a_wallet(w: World, note: PaidAction) -> None:
    _paid(w, note)


@script(NOTE, ends=EITHER, receives=True)
def wrapped_unreachable(w: World, note: PaidAction) -> None:
    """The first wallet fails, and the second one is paid."""
    w.sandbox.fate("unreachable")
    receipt = _paid(w, note)
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(NOTE, ends=EITHER, receives=True)
def wrapped_answer_lost(w: World, note: PaidAction) -> None:
    w.sandbox.fault("pay_out", "time_out_after")
    _paid(w, note)


@script(NOTE, ends=EITHER, receives=True)
def wrapped_not_sent(w: World, note: PaidAction) -> None:
    w.sandbox.fault("pay_out", "time_out_before")
    _paid(w, note)
    w.clock.tick(130)
    w.work()


@script(NOTE, ends=EITHER, receives=True)
def wrapped_declined(w: World, note: PaidAction) -> None:
    w.sandbox.fault("pay_out", "decline")
    _paid(w, note)


@script(NOTE, ends=EITHER, receives=True)
def wrapped_stuck(w: World, note: PaidAction) -> None:
    w.sandbox.fate("stuck")
    receipt = _paid(w, note)
    w.clock.tick(700)
    w.work()
    w.sandbox.finish_payment(receipt.invoice_id or "")
    w.clock.tick(301)
    w.work()


@script(NOTE, ends=EITHER, earns=True, receives=True, denies=True)
def wrapped_denied_and_arrived(w: World, note: PaidAction) -> None:
    """The payer has his money back, and Bob is paid after all, before the payer tries again."""
    w.earn()  # so that the bank could pay Bob twice
    w.lose_payment()
    receipt = _paid(w, note)
    w.deny_payments()
    w.clock.tick(700)
    w.work()
    w.deny_payments(False)
    w.end_payments(arrive=True)
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(NOTE, ends=EITHER, receives=True)
def wrapped_and_the_payer_cancels(w: World, note: PaidAction) -> None:
    w.sandbox.fate("stuck")
    receipt = _paid(w, note)
    w.sandbox.release_hold(receipt.invoice_id or "")
    w.work()
    w.sandbox.finish_payment(receipt.invoice_id or "")
    w.clock.tick(6)
    w.work()


@script(NOTE, ends=EITHER, receives=True)
def wrapped_capture_declined(w: World, note: PaidAction) -> None:
    w.sandbox.fault("capture", "decline")
    _paid(w, note)
    w.clock.tick(6)
    w.work()


@script(NOTE, ends=EITHER, receives=True)
def wrapped_capture_in_vain(w: World, note: PaidAction) -> None:
    """The gateway says that it has captured, but the money is gone."""
    w.sandbox.fault("capture", "pretend")
    receipt = w.request(note)
    w.pay(receipt)
    w.at["worker.capture.before"] = lambda: _gone(w, receipt)
    w.work()


def _gone(w: World, receipt: Receipt) -> None:
    w.sandbox.release_hold(receipt.invoice_id or "")
