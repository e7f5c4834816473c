"""The operator's page: how all is, what needs a person, and what happened to an action."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, cast, get_args
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from paidflow.errors import InvalidArguments
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.resolutions import Resolution
from paidflow.operating.decisions import decisions
from paidflow.operating.gateway_states import gateway_states
from paidflow.operating.health import examine
from paidflow.operating.inbox import kept_webhooks
from paidflow.operating.recent import recent_hours
from paidflow.operating.timeline import timeline
from paidflow.views.reader import Reader
from paidflow.web.caller import FindActor, refuse_other_sites
from paidflow.web.pages import page
from paidflow.web.problems import ProblemRoute, Stopped, problem

SHOWN_MAX = 50
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}


def admin(flow: PaidFlow, *, operator: FindActor) -> APIRouter:
    """The operator's page, for ``app.include_router(admin(...), prefix="/operator")``.

    Args:
        flow: what is shown.
        operator: a dependency of FastAPI that says who is an operator, as a name for the log;
            ``None`` for everybody else, who finds nothing here.
    """
    api = APIRouter(route_class=ProblemRoute, include_in_schema=False)

    def allowed(who: Any) -> str:
        if who is None:
            raise Stopped(problem(404, "not_found", "There is nothing here."))
        return who

    allowed.__annotations__.update(who=Annotated[str | None, Depends(operator)])
    named = Annotated[str, Depends(allowed)]

    async def overview(who: Any) -> HTMLResponse:
        return await asyncio.to_thread(_page, "operator", who, lambda: _overview(flow))

    async def action(action_id: str, who: Any) -> HTMLResponse:
        return await asyncio.to_thread(_page, "timeline", who, lambda: _action(flow, action_id))

    async def resolve(request: Request, action_id: str, who: Any) -> Response:
        refuse_other_sites(request, ())
        sent = parse_qs((await request.body()).decode(errors="replace"))
        resolution, why = (sent.get(name, [""])[0] for name in ("resolution", "why"))
        if resolution not in get_args(Resolution) or not why.strip():
            raise InvalidArguments("a resolution and a reason are needed")
        decided = cast("Resolution", resolution)
        await flow.aio.resolve(action_id, decided, operator=who, why=why.strip())
        return RedirectResponse("../../", 303)

    for endpoint, method, path in (
        (overview, "GET", "/"),
        (action, "GET", "/actions/{action_id}"),
        (resolve, "POST", "/actions/{action_id}/resolve"),
    ):
        endpoint.__annotations__.update(who=named, action_id=str, request=Request)
        api.add_api_route(path, endpoint, methods=[method], response_class=HTMLResponse)
    return api


def _page(name: str, who: str, read: Callable[[], dict[str, Any]]) -> HTMLResponse:
    return page(f"{name}.html", headers=HEADERS, who=who, **read())


def _overview(flow: PaidFlow) -> dict[str, Any]:
    reader = Reader(flow)
    waiting = [(one, decisions(flow, one.action_id)) for one in reader.attention(limit=SHOWN_MAX)]
    hours = recent_hours(flow)
    totals: Counter[str] = Counter()
    for hour in hours:
        totals.update(hour.counts)
    return {
        "findings": examine(flow),
        "hours": hours,
        "totals": totals,
        "waiting": waiting,
        "payments": reader.payments_in_doubt(limit=SHOWN_MAX),
        "webhooks": kept_webhooks(flow, unmatched=True, limit=SHOWN_MAX),
        "gateways": gateway_states(flow),
    }


def _action(flow: PaidFlow, action_id: str) -> dict[str, Any]:
    found = timeline(flow, action_id)
    return {"action_id": action_id, "line": found, "possible": decisions(flow, action_id)}
