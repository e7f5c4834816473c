"""``Depends(paid(...))``: an endpoint that answers only when it was paid for (HTTP 402)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse

from paidflow.actions.contract import PaidAction
from paidflow.errors import ActionNotFound, PaidflowError
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import Receipt
from paidflow.states.machine import State
from paidflow.web.caller import FindActor, Proof, caller, nobody
from paidflow.web.perform import IdempotencyKey
from paidflow.web.problems import MEDIA_TYPE, Stopped, answer, problem, problem_of
from paidflow.web.rate import Rate

ActionId = Annotated[
    str | None,
    Header(
        alias="Payment-Action",
        max_length=200,
        description="The action that was paid, from the answer with status 402.",
    ),
]


class PaymentRequired(PaidflowError):
    """Pay the invoice, and ask again with the action and its proof."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__()
        self.receipt = receipt


def paid(
    flow: PaidFlow,
    asked: Callable[..., PaidAction],
    *,
    actor: FindActor = nobody,
    rate: Rate | None = None,
) -> Callable[..., Coroutine[Any, Any, Receipt]]:
    """A dependency that gives an endpoint the receipt of a paid action.

    Who has not paid is answered with status 402 and a receipt that says what to pay. The same
    request with ``Payment-Action`` and ``Payment-Proof`` from there gets the answer, as often as it
    is sent. So what costs something belongs into ``perform`` of the action, which runs once; what
    it returned is the ``result`` of the receipt.

    Args:
        flow: takes the payment.
        asked: a dependency of FastAPI that makes the action from the request.
        actor: a dependency that says who is logged in, and can pay from a purse.
        rate: how many actions one caller may request; 60 in a minute by default.
    """
    allowed = rate or Rate()

    async def receipt(
        request: Request,
        action: Any,
        who: Any,
        action_id: Any = None,
        proof: Any = None,
        key: Any = None,
    ) -> Receipt:
        calls = caller(request, who, proof)
        if action_id is not None:
            found = await _looked_at(flow, action_id, calls.actor, calls.proof)
            if found.kind != action.kind or found.arguments != action.model_dump(mode="json"):
                raise ActionNotFound  # another request was paid for
        else:
            allowed.count(calls.counted_as)
            found = await flow.aio.perform(action, actor=calls.actor, idempotency_key=key)
        if found.state is not State.PAID:
            raise PaymentRequired(found)
        return found

    receipt.__annotations__.update(
        request=Request,
        action=Annotated[PaidAction, Depends(asked)],
        who=Annotated[str | None, Depends(actor)],
        action_id=ActionId,
        proof=Proof,
        key=IdempotencyKey,
    )
    return receipt


def answer_problems(app: FastAPI) -> None:
    """Let an application answer 402, and all other errors of paidflow, as problems.

    Args:
        app: the application whose endpoints use ``paid``.
    """

    async def refused(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, PaymentRequired):
            return _payment_required(error.receipt)
        if isinstance(error, Stopped):
            return answer(error.said)
        if isinstance(error, PaidflowError):
            return answer(problem_of(error))
        raise error

    app.add_exception_handler(PaidflowError, refused)
    app.add_exception_handler(Stopped, refused)


async def _looked_at(
    flow: PaidFlow, action_id: str, actor: str | None, proof: str | None
) -> Receipt:
    """Where an action stands, after its gateway was asked if it is not paid yet."""
    found = await flow.aio.get(action_id, actor=actor, proof=proof)
    if found.state is State.PAID or found.gateway is None or found.invoice_id is None:
        return found
    await flow.aio.sync(found.gateway, found.invoice_id)
    return await flow.aio.get(action_id, actor=actor, proof=proof)


def _payment_required(receipt: Receipt) -> JSONResponse:
    said = problem(402, "payment_required", (PaymentRequired.__doc__ or "").strip(), retryable=True)
    body = said.model_dump(mode="json") | {"receipt": receipt.model_dump(mode="json")}
    headers = {"cache-control": "no-store", "payment-action": receipt.action_id}
    return JSONResponse(body, 402, headers=headers, media_type=MEDIA_TYPE)
