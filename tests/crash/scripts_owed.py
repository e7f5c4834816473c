"""What is owed when a worker starts that is then stopped or ended in the middle of its work."""

from __future__ import annotations

from paidflow import PaidAction
from tests.crash.script import FAILED, script
from tests.crash.world import World
from tests.wall import HeldNote, Note


@script(Note(text="to be settled"))
def owes_settle(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))


@script(HeldNote(text="to be performed and captured"))
def owes_capture(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))


@script(HeldNote(text="to be released", raises={"perform": -1}), ends=FAILED)
def owes_release(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))


@script(Note(text="to get an invoice"))
def owes_invoice(w: World, note: PaidAction) -> None:
    w.sandbox.outage(True)
    w.request(note)
    w.sandbox.outage(False)
    w.clock.tick(6)


@script(Note(text="to be closed"))
def owes_close(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.sandbox.outage(True)
    w.flow.cancel(receipt.action_id, actor="ann")
    w.sandbox.outage(False)
    w.clock.tick(6)


@script(Note(text="to be undone", raises={"on_failed": 1}))
def owes_undo(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(602)
    w.work()
    w.clock.tick(6)


@script(Note(text="to be made real", raises={"on_paid": 1}))
def owes_completion(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)


@script(Note(text="the same with late money"))
def owes_late(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
