"""Scripts in which the gateway fails, declines, or is told to stop; and late money."""

from __future__ import annotations

from paidflow import PaidAction
from tests.crash.script import FAILED, PAID, script
from tests.crash.world import World
from tests.wall import CarefulNote, CreditedNote, HeldNote, Note


@script(HeldNote(text="captured, but the answer is lost"))
def capture_times_out(w: World, note: PaidAction) -> None:
    w.sandbox.fault("capture", "time_out_after")
    w.pay(w.request(note))
    w.work()


@script(HeldNote(text="capture is refused"), ends=PAID | FAILED)
def capture_declined(w: World, note: PaidAction) -> None:
    w.sandbox.fault("capture", "decline")
    w.pay(w.request(note))
    w.work()


@script(HeldNote(text="the gateway is gone when the money is held"), ends=PAID | FAILED)
def held_too_long(w: World, note: PaidAction) -> None:
    w.at["sync.answer.after"] = lambda: w.sandbox.outage(True)
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()
    w.clock.tick(61)
    w.work()
    w.sandbox.outage(False)
    w.clock.tick(301)
    w.work()


@script(Note(text="not wanted"))
def cancel_pending(w: World, note: PaidAction) -> None:
    w.flow.cancel(w.request(note).action_id, actor="ann")


@script(HeldNote(text="not wanted, though held"), ends=PAID | FAILED)
def cancel_hold(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.flow.cancel(receipt.action_id, actor="ann")


@script(Note(text="not wanted, but nobody hears it"))
def cancel_unheard(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.sandbox.outage(True)
    w.flow.cancel(receipt.action_id, actor="ann")
    w.clock.tick(3700)
    w.work()
    w.sandbox.outage(False)
    w.clock.tick(301)
    w.work()


@script(Note(text="cannot be cancelled"))
def cancel_declined(w: World, note: PaidAction) -> None:
    w.sandbox.fault("cancel", "decline")
    receipt = w.request(note)
    w.flow.cancel(receipt.action_id, actor="ann")
    w.pay(receipt)
    w.work()


@script(Note(text="late"))
def late_accepted(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(Note(text="the first invoice is paid after the second was asked for"))
def late_while_retried(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.flow.retry(receipt.action_id, actor="ann")
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()
    w.clock.tick(6)
    w.work()


@script(Note(text="late, and no longer valid", valid_when_late=False), ends=PAID | FAILED)
def late_refused(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(CreditedNote(text="late"), ends=PAID | FAILED)
def late_credited(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(CarefulNote(text="late, and somebody decides"), ends=PAID | FAILED)
def late_decided(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()
    w.flow.resolve(receipt.action_id, "accept", operator="olga", why="it was ours")


@script(Note(text="twice"))
def paid_twice(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.work()
    w.sandbox.pay_again(receipt.invoice_id or "")
    w.work()


@script(Note(text="counts as closed, but is paid"), grace_s=30)
def watched_and_paid(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(700)
    w.work()
    w.pay(receipt)
    w.clock.tick(700)
    w.work()


@script(Note(text="counts as closed"), grace_s=30)
def watched_for_a_day(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(700)
    w.work()
    w.clock.tick(90_000)
    w.work()
