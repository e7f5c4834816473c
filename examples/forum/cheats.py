"""``/cheat``: what only a sandbox can do: be paid, paid too little, too late, or not at all."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request

from examples.forum.forum import Forum
from paidflow.money import Money
from paidflow.payments.sandbox import SandboxGateway
from paidflow.web.caller import refuse_other_sites


def cheats(forum: Forum) -> APIRouter:
    """The endpoint; refused unless the gateway of the invoice is the sandbox.

    Args:
        forum: whose payers cheat.
    """
    api = APIRouter(include_in_schema=False)

    def pay(bank: SandboxGateway, invoice_id: str, _: Money) -> None:
        bank.pay(invoice_id)

    def pay_less(bank: SandboxGateway, invoice_id: str, due: Money) -> None:
        bank.pay(invoice_id, Money(due.amount // 2, due.currency))

    def pay_late(bank: SandboxGateway, invoice_id: str, _: Money) -> None:
        bank.expire(invoice_id)
        bank.pay(invoice_id, late=True)

    def expire(bank: SandboxGateway, invoice_id: str, _: Money) -> None:
        bank.expire(invoice_id)

    deeds: dict[str, Callable[[SandboxGateway, str, Money], None]] = {
        "pay": pay,
        "pay-less": pay_less,
        "pay-late": pay_late,
        "expire": expire,
    }

    @api.post("/{deed}/{invoice_id}", status_code=204)
    def cheat(request: Request, deed: str, invoice_id: str) -> None:
        refuse_other_sites(request, ())
        bank = forum.flow.gateways.gateway("sandbox")
        if deed not in deeds or not isinstance(bank, SandboxGateway):
            raise HTTPException(404)
        receipt = forum.flow.sync("sandbox", invoice_id)
        deeds[deed](bank, invoice_id, receipt.amount_due or receipt.cost)
        forum.flow.sync("sandbox", invoice_id)

    return api
