"""``paid``: a view that is answered once an action is paid."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from pydantic import ValidationError

from paidflow import errors
from paidflow.actions.contract import PaidAction
from paidflow.contrib.django.flow import get_flow
from paidflow.contrib.django.settings import actor_of, database
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import NextAction, Receipt
from paidflow.states.machine import State

ACTION = "Paidflow-Action"
"""The header with the id of an action that was asked for before."""

PROOF = "Paidflow-Proof"
"""The header with its proof, for logged-out people."""

KEY = "Idempotency-Key"

_STATUS: tuple[tuple[type[errors.PaidflowError], int], ...] = (
    (errors.LoginRequired, 401),
    (errors.Refused, 403),
    (errors.ActionNotFound, 404),
    (errors.InvalidArguments, 400),
    (errors.WeakIdempotencyKey, 400),
    (errors.GatewayUnavailable, 503),
    (errors.CommitUnknown, 503),
    (errors.TooManyOpenInvoices, 429),
)

View = Callable[..., HttpResponse]
Build = Callable[..., PaidAction]


def paid(build: Build) -> Callable[[View], View]:
    """Answer a request when its action is paid, and with 402 until then.

    The view runs with the receipt in ``request.receipt`` when the action is ``PAID``, as often as
    the request is repeated with the same action; what must happen once belongs into the action.

    Args:
        build: makes the action from the request and the arguments of the view. It must be equal
            for equal requests: an action that was paid for something else opens nothing.

    Raises:
        InvalidConfiguration: when the view is ``async``.
    """

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):
            raise errors.InvalidConfiguration("paid is for views that are not async")

        @transaction.non_atomic_requests(using=database())
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                receipt = _receipt(request, build(request, *args, **kwargs))
            except ValidationError:
                return _refused(errors.InvalidArguments())
            except errors.PaidflowError as error:
                if isinstance(error, errors.TransactionOpen | errors.InvalidConfiguration):
                    raise
                return _refused(error)
            if receipt.state is not State.PAID:
                return _unpaid(receipt)
            request.receipt = receipt  # pyright: ignore
            return view(request, *args, **kwargs)

        return answer

    return decorate


def _receipt(request: HttpRequest, action: PaidAction) -> Receipt:
    flow, actor = get_flow(), actor_of(request)
    action_id = request.headers.get(ACTION)
    if action_id is None:
        key = request.headers.get(KEY)
        return flow.perform(action, actor=actor, idempotency_key=key)
    owner = {"actor": actor, "proof": request.headers.get(PROOF)}
    receipt = flow.get(action_id, **owner)
    if (receipt.kind, receipt.arguments) != (action.kind, action.model_dump(mode="json")):
        raise errors.ActionNotFound
    if receipt.state is State.PAID or receipt.gateway is None or receipt.invoice_id is None:
        return receipt
    _look(flow, receipt.gateway, receipt.invoice_id)
    return flow.get(action_id, **owner)


def _look(flow: PaidFlow, gateway: str, invoice_id: str) -> None:
    """Ask now whether it is paid; if nobody answers, it stands where it stood."""
    try:
        flow.sync(gateway, invoice_id)
    except (errors.GatewayUnavailable, errors.Conflict):
        return


def _unpaid(receipt: Receipt) -> HttpResponse:
    """402 with what to pay, or 202 when there is only to wait."""
    wait = receipt.next_action is NextAction.WAIT
    return _json(receipt.model_dump(mode="json"), 202 if wait else 402)


def _refused(error: errors.PaidflowError) -> HttpResponse:
    other = 503 if error.retryable else 409
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), other)
    return _json({"code": error.code, "message": str(error)}, status)


def _json(body: dict[str, Any], status: int) -> HttpResponse:
    """A proof is a secret, so nobody may keep the answer."""
    return JsonResponse(body, status=status, headers={"Cache-Control": "private, no-store"})
