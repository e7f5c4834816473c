"""``/cheat``: what payers do, and what only a sandbox can make them do."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request

from examples.forum.forum import Forum
from paidflow import PaidFlow, Receipt
from paidflow.money import Money
from paidflow.payments.sandbox import SandboxGateway
from paidflow.web.caller import refuse_other_sites

CAPTURES_HELD = 3
"""So many captures come to nothing while money is held; then it goes on without a person."""

Cheat = Callable[[SandboxGateway, PaidFlow, Receipt], object]


def pay(bank: SandboxGateway, flow: PaidFlow, receipt: Receipt) -> None:
    """Pay what is asked for; and money that is held is taken."""
    bank.clear_faults()
    bank.pay(_invoice(receipt))


def pay_less(bank: SandboxGateway, flow: PaidFlow, receipt: Receipt) -> None:
    """Pay half of it."""
    bank.pay(_invoice(receipt), Money(_due(receipt).amount // 2, _due(receipt).currency))


def pay_late(bank: SandboxGateway, flow: PaidFlow, receipt: Receipt) -> None:
    """Pay when it is too late."""
    bank.expire(_invoice(receipt))
    bank.pay_late(_invoice(receipt))


def expire(bank: SandboxGateway, flow: PaidFlow, receipt: Receipt) -> None:
    """Do not pay."""
    bank.expire(_invoice(receipt))


def hold(bank: SandboxGateway, flow: PaidFlow, receipt: Receipt) -> None:
    """Have the money on its way: locked, if the invoice is one that locks it."""
    if receipt.performed:
        bank.start_payment(_invoice(receipt))
    else:
        bank.fault("capture", "pretend", CAPTURES_HELD)
        bank.pay(_invoice(receipt))


def duplicate(bank: SandboxGateway, flow: PaidFlow, receipt: Receipt) -> None:
    """Pay twice."""
    bank.pay(_invoice(receipt))
    flow.sync("sandbox", _invoice(receipt))  # takes what is locked
    bank.pay_again(_invoice(receipt))


CHEATS: dict[str, Cheat] = {
    "pay": pay,
    "pay-less": pay_less,
    "pay-late": pay_late,
    "expire": expire,
    "hold": hold,
    "duplicate": duplicate,
}


def cheats(forum: Forum) -> APIRouter:
    """The endpoint; there is nothing unless a sandbox is the gateway, and that was allowed.

    Args:
        forum: whose payers cheat.
    """
    api = APIRouter(include_in_schema=False)

    @api.post("/{name}/{invoice_id}", status_code=204)
    def cheat(name: str, invoice_id: str, request: Request) -> None:
        refuse_other_sites(request, ())
        bank, flow = forum.bank, forum.flow
        receipt = flow.sync("sandbox", invoice_id) if bank is not None else None
        if bank is None or receipt is None or name not in CHEATS:
            raise HTTPException(404)
        CHEATS[name](bank, flow, receipt)
        flow.sync("sandbox", invoice_id)

    return api


def _invoice(receipt: Receipt) -> str:
    assert receipt.invoice_id is not None
    return receipt.invoice_id


def _due(receipt: Receipt) -> Money:
    return receipt.amount_due or receipt.cost
