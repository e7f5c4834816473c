"""``POST /webhooks/GATEWAY``: what gateways send."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from paidflow.web.mounted import Mounted
from paidflow.web.problems import Stopped, problem


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoint."""

    @api.post("/webhooks/{gateway}", status_code=202, operation_id="webhook")
    async def webhook(gateway: str, request: Request) -> Response:
        """A message of a gateway. It only says where to look, and is never believed."""
        found = mounted.flow.gateways.gateway(gateway)
        if found is None:
            raise Stopped(problem(404, "no_such_gateway", "There is no gateway of this name."))
        hints = found.parse_webhook(request.headers, await request.body())
        for hint in hints:
            await mounted.flow.aio.sync(gateway, hint.invoice_id)
        return Response(status_code=202)
