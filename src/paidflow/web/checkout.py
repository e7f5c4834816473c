"""``/actions/ID/checkout``: the payment panel as a page of its own, which needs no JavaScript."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from paidflow.errors import Conflict, InvalidArguments
from paidflow.web.caller import Caller
from paidflow.web.mounted import Mounted
from paidflow.web.pages import PageRoute, Then, page, query
from paidflow.web.panel import Panel

RELOAD_S = 10
"""A page that loads itself again takes a screen reader back to its top, so not more often."""

Reload = Literal["no"] | None


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoints."""
    flow = mounted.flow

    async def checkout(
        action_id: str, calls: Any, then: Then = None, reload: Reload = None
    ) -> HTMLResponse:
        """What a person sees who has to pay, or has paid, as a page that loads itself again."""
        receipt = await flow.aio.get(action_id, actor=calls.actor, proof=calls.proof)
        panel, by_itself = Panel(receipt, flow.clock.now()), reload is None
        headers = {"refresh": str(RELOAD_S)} if by_itself and not panel.final else {}
        return page(
            "checkout.html",
            headers=headers,
            panel=panel,
            html=Markup(panel.html()),
            then=then,
            by_itself=by_itself,
            reload_s=RELOAD_S,
            again=_address(then, reload),
            other=_address(then, "no" if by_itself else None),
        )

    async def decide(
        request: Request, action_id: str, calls: Any, then: Then = None, reload: Reload = None
    ) -> RedirectResponse:
        """Give the payment up, or try again; then the page shows where it stands."""
        told = parse_qs((await request.body()).decode(errors="replace")).get("do")
        with suppress(Conflict):  # it is no longer as the person saw it
            match told:
                case ["cancel"]:
                    await flow.aio.cancel(action_id, actor=calls.actor, proof=calls.proof)
                case ["retry"]:
                    mounted.rate.count(calls.counted_as)
                    await flow.aio.retry(action_id, actor=calls.actor, proof=calls.proof)
                case _:
                    raise InvalidArguments("cancel or retry")
        return RedirectResponse(_address(then, reload), 303)

    for endpoint, method, needs in (
        (checkout, "GET", mounted.reads),
        (decide, "POST", mounted.writes),
    ):
        endpoint.__annotations__.update(
            request=Request,
            action_id=str,
            calls=Annotated[Caller, Depends(needs)],
            then=Then,
            reload=Reload,
        )
        api.add_api_route(
            "/actions/{action_id}/checkout",
            endpoint,
            methods=[method],
            status_code=200 if method == "GET" else 303,
            response_class=HTMLResponse,
            operation_id=endpoint.__name__,
            route_class_override=PageRoute,
        )


def _address(then: str | None, reload: Reload) -> str:
    return f"checkout{query(then=then, reload=reload)}"
