"""Sells an API call: ``python -m uvicorn examples.paid_api.server:app`` and then the client."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI

from paidflow import INVOICE, Context, Money, PaidAction, PaidFlow, Receipt, sats
from paidflow.payments.sandbox import SandboxGateway
from paidflow.web import answer_problems, paid


class Count(PaidAction):
    kind, anonymous, funding = "count", True, (INVOICE,)
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def perform(self, ctx: Context) -> Any:
        return {"words": len(self.text.split())}


gateways = {"bank": SandboxGateway("bank.db", sandbox=True)}
secret = "sixteen bytes or more, from your settings"
flow = PaidFlow.open("sqlite:///paid_api.db", actions=[Count], gateways=gateways, secret=secret)
app = FastAPI()
answer_problems(app)
Bought = Annotated[Receipt, Depends(paid(flow, Count))]


@app.get("/count")
async def count(receipt: Bought) -> Any:
    return receipt.result
