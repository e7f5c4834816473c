"""``POST /webhooks/GATEWAY``: what gateways send."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask

from paidflow.flow.inbox import WebhookAnswer
from paidflow.flow.paid_flow import PaidFlow
from paidflow.web.mounted import Mounted
from paidflow.web.problems import Stopped, problem

logger = logging.getLogger("paidflow.web")

_REFUSALS = {
    WebhookAnswer.UNKNOWN_GATEWAY: ("no_such_gateway", "There is no gateway of this name."),
    WebhookAnswer.REFUSED: ("webhook_refused", "This webhook is not genuine or not readable."),
    WebhookAnswer.TOO_LARGE: ("webhook_too_large", "This webhook is too large."),
    WebhookAnswer.TRY_LATER: ("try_later", "This webhook cannot be kept now; send it again."),
}


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoint."""

    @api.post("/webhooks/{gateway}", status_code=202, operation_id="webhook")
    async def webhook(gateway: str, request: Request) -> Response:
        """A message of a gateway. It only says where to look, and is never believed."""
        body = await request.body()
        answer = await mounted.flow.aio.receive_webhook(gateway, request.headers, body)
        if answer in _REFUSALS:
            raise Stopped(problem(answer.http_status, *_REFUSALS[answer]))
        return Response(status_code=202, background=BackgroundTask(_look, mounted.flow))


async def _look(flow: PaidFlow) -> None:
    """Look at once, so that nobody waits for a worker; if it fails, a worker does it."""
    try:
        await flow.aio.look_at_webhooks()
    except Exception as error:
        logger.warning("webhooks are left to a worker: %s", type(error).__name__)
