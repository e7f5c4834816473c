"""Scripts in which nothing but the process itself fails; retries; hooks that raise."""

from __future__ import annotations

from paidflow import PaidAction
from paidflow.views.reader import Reader
from tests.crash.script import ANON, FAILED, PAID, script
from tests.crash.world import World
from tests.wall import CreditedNote, HeldNote, Note


@script(Note(text="from the purse"), grants=True)
def credits(w: World, note: PaidAction) -> None:
    w.grant()
    w.request(note)
    w.work()


@script(Note(text="for nothing", price_sats=0))
def free(w: World, note: PaidAction) -> None:
    w.request(note)
    w.work()


@script(Note(text="paid"))
def optimistic_paid(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.flow.sync("sandbox", receipt.invoice_id or "")
    w.work()


@script(Note(text="paid, found by the stream"))
def optimistic_streamed(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()


@script(Note(text="one of a backlog"), ends=PAID | FAILED)
def backlog(w: World, note: PaidAction) -> None:
    """Killed before the payments, the other one is never paid."""
    receipts = [w.request(note), w.request(HeldNote(text="another"), actor="bob")]
    for receipt in receipts:
        w.pay(receipt)
    w.work()


@script(Note(text="never paid"))
def optimistic_expired(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(602)
    w.work()


@script(Note(text="the gateway is down"))
def optimistic_outage(w: World, note: PaidAction) -> None:
    w.sandbox.outage(True)
    action_id = w.request(note).action_id
    w.clock.tick(6)
    w.work()
    w.sandbox.outage(False)
    w.clock.tick(6)
    w.work()
    w.pay(w.flow.get(action_id, actor="ann"))
    w.work()


@script(Note(text="the gateway stays down"))
def never_an_invoice(w: World, note: PaidAction) -> None:
    w.sandbox.outage(True)
    w.request(note)
    w.clock.tick(61)
    w.work()


@script(HeldNote(text="held"))
def pessimistic(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()


@script(HeldNote(text="held"), actor=ANON)
def pessimistic_logged_out(w: World, note: PaidAction) -> None:
    receipt = w.request(note, None)
    w.pay(receipt)
    w.flow.sync("sandbox", receipt.invoice_id or "")


@script(HeldNote(text="never done", raises={"perform": -1}), ends=FAILED)
def pessimistic_raises(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()


@script(Note(text="again", claim="first"))
def retry_by_invoice(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(Note(text="again, from the purse"), grants=True)
def retry_from_credits(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.grant()
    w.flow.retry(receipt.action_id, actor="ann")


@script(HeldNote(text="held at the second try"))
def retry_pessimistic(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(Note(text="bumpy", raises={"on_paid": 1}))
def on_paid_raises_once(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()


@script(Note(text="bumpy", raises={"on_failed": 1}))
def on_failed_raises_once(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(602)
    w.work()
    w.clock.tick(6)
    w.work()


@script(Note(text="bumpy", raises={"after_paid": 1}))
def after_paid_raises_once(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()


@script(CreditedNote(text="nobody's money"), actor=ANON, ends=PAID | FAILED)
def claim(w: World, note: PaidAction) -> None:
    receipt = w.request(note, None)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()
    w.flow.claim(receipt.action_id, proof=receipt.proof or "", actor="ann")


@script(Note(text="for nothing", price_sats=0), grants=True)
def grant(w: World, note: PaidAction) -> None:
    w.grant()
    w.grant()


@script(Note(text="erased"))
def read_and_erase(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    Reader(w.flow).mark_read("ann")
    with w.flow.transaction() as tx:
        tx.execute("update wall set text = '' where id = :id", id=receipt.action_id)
    w.flow.erase(receipt.action_id)
