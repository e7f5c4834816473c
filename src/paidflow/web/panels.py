"""``/actions/ID/panel``: the payment panel as HTML; and the files that a page needs for it."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from paidflow.web.caller import Caller
from paidflow.web.mounted import Mounted
from paidflow.web.panel import Panel

FILES = {
    "paidflow.js": "text/javascript; charset=utf-8",
    "panel.js": "text/javascript; charset=utf-8",
    "card.js": "text/javascript; charset=utf-8",
    "panel.css": "text/css; charset=utf-8",
}


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoints."""
    flow = mounted.flow

    async def panel(action_id: str, calls: Any) -> HTMLResponse:
        """What a person sees who has to pay, or has paid."""
        receipt = await flow.aio.get(action_id, actor=calls.actor, proof=calls.proof)
        html = Panel(receipt, flow.clock.now()).html()
        return HTMLResponse(html, headers={"cache-control": "no-store"})

    panel.__annotations__.update(calls=Annotated[Caller, Depends(mounted.reads)], action_id=str)
    api.add_api_route(
        "/actions/{action_id}/panel",
        panel,
        methods=["GET"],
        response_class=HTMLResponse,
        operation_id="panel",
    )
    for name, kind in FILES.items():
        _serve(api, name, kind)


def _serve(api: APIRouter, name: str, kind: str) -> None:
    content = (files("paidflow.web") / "static" / name).read_bytes()

    async def static() -> Response:
        return Response(content, media_type=kind, headers={"cache-control": "max-age=300"})

    api.add_api_route(f"/{name}", static, methods=["GET"], include_in_schema=False)
