"""``/actions/ID``: where an action stands, what happened to it, and what its owner can do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from paidflow.errors import LoginRequired
from paidflow.flow.receipt import HistoryEntry, Receipt
from paidflow.web.caller import Caller
from paidflow.web.mounted import Mounted


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoints."""
    aio = mounted.flow.aio
    reads = Annotated[Caller, Depends(mounted.reads)]
    writes = Annotated[Caller, Depends(mounted.writes)]
    requests = Annotated[Caller, Depends(mounted.requests)]

    async def get(action_id: str, calls: Any, response: Response) -> Receipt:
        """Where it stands."""
        response.headers["cache-control"] = "no-store"
        return await aio.get(action_id, actor=calls.actor, proof=calls.proof)

    async def history(action_id: str, calls: Any, response: Response) -> list[HistoryEntry]:
        """What happened to it, the oldest first."""
        response.headers["cache-control"] = "no-store"
        return await aio.history(action_id, actor=calls.actor, proof=calls.proof)

    async def retry(action_id: str, calls: Any) -> Receipt:
        """Try again to get a failed one paid."""
        return await aio.retry(action_id, actor=calls.actor, proof=calls.proof)

    async def cancel(action_id: str, calls: Any) -> Receipt:
        """Give it up; the answer says where it stands, which may be paid."""
        return await aio.cancel(action_id, actor=calls.actor, proof=calls.proof)

    async def claim(action_id: str, calls: Any) -> Receipt:
        """Bring money that is nobody's yet into the caller's purse."""
        if calls.actor is None:
            raise LoginRequired
        return await aio.claim(action_id, proof=calls.proof or "", actor=calls.actor)

    for endpoint, method, path, needs in (
        (get, "GET", "", reads),
        (history, "GET", "/history", reads),
        (retry, "POST", "/retry", requests),
        (cancel, "POST", "/cancel", writes),
        (claim, "POST", "/claim", writes),
    ):
        endpoint.__annotations__.update(action_id=str, calls=needs)
        api.add_api_route(
            f"/actions/{{action_id}}{path}",
            endpoint,
            methods=[method],
            operation_id=endpoint.__name__,
        )
