"""``POST /actions/KIND``: one endpoint for each action, with its fields."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Response

from paidflow.actions.contract import PaidAction
from paidflow.flow.receipt import Receipt
from paidflow.web.caller import Caller
from paidflow.web.mounted import Mounted

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="The same key gives the same receipt. Without a login it needs 128 random bits "
        "and is a secret.",
    ),
]


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoints of all actions that a person can request."""
    for action in mounted.flow.registry:
        _add(api, mounted, action)


def _add(api: APIRouter, mounted: Mounted, action_type: type[PaidAction]) -> None:
    aio = mounted.flow.aio

    async def perform(
        response: Response, action: Any, calls: Any, idempotency_key: Any = None
    ) -> Receipt:
        receipt = await aio.perform(
            action, actor=calls.actor, idempotency_key=idempotency_key, proof=calls.proof
        )
        response.status_code = 201 if receipt.changed else 200
        response.headers["cache-control"] = "no-store"
        return receipt

    perform.__annotations__.update(
        response=Response,
        action=Annotated[action_type, Body()],
        calls=Annotated[Caller, Depends(mounted.requests)],
        idempotency_key=IdempotencyKey,
        **{"return": Receipt},
    )
    api.add_api_route(
        f"/actions/{action_type.kind}",
        perform,
        methods=["POST"],
        status_code=201,
        summary=(action_type.__doc__ or action_type.kind).strip().splitlines()[0],
        operation_id=f"perform_{action_type.kind.replace('-', '_')}",
        openapi_extra={"x-paidflow": _said_of(action_type)},
    )


def _said_of(action: type[PaidAction]) -> dict[str, Any]:
    """What a client may want to know before it asks; what it costs, the receipt tells."""
    return {
        "kind": action.kind,
        "funding": list(action.funding),
        "optimistic": action.optimistic,
        "pessimistic": action.pessimistic,
        "anonymous": action.anonymous,
    }
