"""Scripts in which the bank sends webhooks, and operators look after the inbox and the gateways."""

from __future__ import annotations

from typing import Any

from paidflow import PaidAction
from paidflow.operating.inbox import retry_webhooks
from tests.crash.script import script
from tests.crash.world import World
from tests.wall import HeldNote, Note

DAY_S = 86_400


@script(Note(text="told by a webhook"))
def webhook_settled(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.hear(receipt.invoice_id)
    w.flow.look_at_webhooks()


@script(HeldNote(text="told by a webhook that the money is held"))
def webhook_held(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.hear(receipt.invoice_id)
    w.hear(receipt.invoice_id)
    w.work()


@script(Note(text="told before the gateway has answered"))
def webhook_early(w: World, note: PaidAction) -> None:
    w.sandbox.on_open = w.hear
    receipt = w.request(note)
    w.pay(receipt)
    w.work()


@script(Note(text="lies about it"))
def webhook_forged(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.flow.receive_webhook("sandbox", {}, b"it was paid")
    w.pay(receipt)
    w.work()


@script(Note(text="told by what nobody could read"))
def webhook_unread(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    bank: Any = w.sandbox
    read, bank.parse_webhook = bank.parse_webhook, None
    w.hear(receipt.invoice_id)
    bank.parse_webhook = read
    w.flow.look_at_webhooks()
    w.flow.look_at_webhooks()


@script(Note(text="after old news"))
def webhook_old(w: World, note: PaidAction) -> None:
    w.hear("unheard of")
    w.clock.tick(8 * DAY_S)
    w.flow.look_at_webhooks()
    w.pay(w.request(note))
    w.work()


@script(HeldNote(text="in maintenance"))
def maintenance(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.hear(receipt.invoice_id)
    w.flow.begin_maintenance("sandbox", why="a new disk")
    w.work()
    retry_webhooks(w.flow)
    w.flow.end_maintenance("sandbox")
    w.work()
