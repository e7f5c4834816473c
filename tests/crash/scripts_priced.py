"""Scripts with costs in a currency that no gateway takes, and with notes that carry another."""

from __future__ import annotations

from paidflow import Money, PaidAction, sats
from tests.crash.notes import CarryingNote, DollarNote, HeldDollarNote
from tests.crash.script import FAILED, PAID, script
from tests.crash.scripts_refunds import REFUNDED
from tests.crash.world import World


@script(DollarNote(text="ten cents"))
def quoted(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()


@script(HeldDollarNote(text="ten cents, held"))
def quoted_pessimistic(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()


@script(DollarNote(text="a part from the purse"))
def quoted_rest(w: World, note: PaidAction) -> None:
    w.flow.grant("ann", Money(4, "USD"), key="cents")
    w.pay(w.request(note))
    w.work()


@script(DollarNote(text="no rate at first"))
def quoted_later(w: World, note: PaidAction) -> None:
    w.desk.down = True
    action_id = w.request(note).action_id
    w.desk.down = False
    w.clock.tick(6)
    w.work()
    w.pay(w.flow.get(action_id, actor="ann"))
    w.work()


@script(DollarNote(text="at another rate"))
def quoted_again(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.desk.rate = "1/50000"
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(DollarNote(text="paid too late"), ends=PAID | FAILED)
def quoted_late(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(DollarNote(text="given back in parts"), ends=PAID | REFUNDED)
def quoted_refund(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.work()
    due = receipt.quote.amount if receipt.quote else sats(0)
    for amount in (Money(due.amount // 3, due.currency), None):
        w.flow.refund(receipt.action_id, amount, operator="olga", why="it was broken")


@script(CarryingNote(text="with another"))
def carrying(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()


@script(CarryingNote(text="with another", carried_raises={"on_paid": 1}))
def carrying_raises_once(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()


@script(CarryingNote(text="with another, again"))
def carrying_retried(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()
