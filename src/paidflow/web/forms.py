"""``POST /actions/KIND/form``: an action that a form of HTML asks for, without JavaScript."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse

from paidflow.errors import IdempotencyMismatch
from paidflow.flow.idempotency import ANONYMOUS_KEY_CHARACTERS_MIN
from paidflow.flow.receipt import Receipt
from paidflow.states.machine import State
from paidflow.web.caller import PROOF_COOKIE, Caller
from paidflow.web.form_fields import action_of
from paidflow.web.mounted import Mounted
from paidflow.web.pages import PageRoute, Then, query
from paidflow.web.problems import Stopped, problem

MEDIA_TYPE = "application/x-www-form-urlencoded"
KEY = "idempotency-key"
"""The hidden field of a form; no field of an action can have this name."""

FIELDS_MAX = 1_000
PROOF_S = 30 * 24 * 60 * 60
"""For so long a browser remembers what somebody did who was not logged in."""

_NO_FORM = problem(415, "no_form", f"This takes the fields of a form as {MEDIA_TYPE}.")
_NO_KEY = problem(422, "no_idempotency_key", f"The form has no {KEY} with 128 random bits.")
_USED = problem(
    422,
    "idempotency_mismatch",
    "This form was sent before with something else in it. Load the page again to send another.",
)


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoint."""
    flow = mounted.flow

    async def form(request: Request, kind: str, calls: Any, then: Then = None) -> RedirectResponse:
        """The action of a form. It leads to the page for paying, or on if all is paid."""
        action_type = flow.registry.kind(kind)
        sent = await _sent(request)
        key = "".join(sent.pop(KEY, []))
        if len(key) < ANONYMOUS_KEY_CHARACTERS_MIN:
            raise Stopped(_NO_KEY)
        try:
            receipt = await flow.aio.perform(
                action_of(action_type, sent),
                actor=calls.actor,
                idempotency_key=key,
                proof=calls.proof,
            )
        except IdempotencyMismatch:
            raise Stopped(_USED) from None
        answer = RedirectResponse(_next(receipt, then), 303, {"cache-control": "no-store"})
        if calls.actor is None:
            _remember(answer, request, receipt)
        return answer

    needs = Annotated[Caller, Depends(mounted.requests)]
    form.__annotations__.update(request=Request, kind=str, calls=needs, then=Then)
    body = {"type": "object", "required": [KEY], "additionalProperties": {"type": "string"}}
    api.add_api_route(
        "/actions/{kind}/form",
        form,
        methods=["POST"],
        status_code=303,
        response_class=RedirectResponse,
        operation_id="perform_form",
        route_class_override=PageRoute,
        openapi_extra={"requestBody": {"content": {MEDIA_TYPE: {"schema": body}}}},
    )


async def _sent(request: Request) -> dict[str, list[str]]:
    """The fields of a form; browsers send each end of a line as two characters (HTML Standard,
    "constructing the entry list")."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Stopped(_NO_FORM)
    try:
        text = (await request.body()).decode("ascii")
        found = parse_qs(text, True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Stopped(_NO_FORM) from None
    return {name: [one.replace("\r\n", "\n") for one in values] for name, values in found.items()}


def _next(receipt: Receipt, then: str | None) -> str:
    onward = then and then.replace("{action_id}", receipt.action_id)
    if onward is not None and receipt.state is State.PAID:
        return onward
    return f"../{receipt.action_id}/checkout{query(then=onward)}"


def _remember(answer: RedirectResponse, request: Request, receipt: Receipt) -> None:
    """Give the browser the proof; it shows it to the endpoints of this action, and to no script."""
    answer.set_cookie(
        PROOF_COOKIE,
        receipt.proof or "",
        max_age=PROOF_S,
        path=f"{request.url.path.rsplit('/', 2)[0]}/{receipt.action_id}",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
