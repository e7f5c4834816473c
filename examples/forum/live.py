"""``/live``: says that something has changed, and nothing else; a page then reads itself again.

It says so at once, for the items, and again when the views have followed, for the counters.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from examples.forum.forum import Forum
from paidflow.web.changes import Changes, Listener

LOOK_S, LOOK_MAX_S = 0.05, 5.0
"""How long to wait before looking whether the counters have followed; twice as long each time."""


def live(forum: Forum, changes: Changes) -> APIRouter:
    """The endpoint.

    Args:
        forum: whose log.
        changes: reads its end.
    """
    api = APIRouter(include_in_schema=False)

    @api.get("/live", response_class=EventSourceResponse)
    async def changed() -> AsyncIterator[ServerSentEvent]:
        listener = Listener(everything=True)
        position = await asyncio.to_thread(changes.add, listener)
        wait_s: float | None = LOOK_S
        try:
            while True:
                try:
                    told = await asyncio.wait_for(listener.wait(), wait_s)
                    position, wait_s = max(told.values()), LOOK_S
                except TimeoutError:
                    if await asyncio.to_thread(forum.folding.position) < position:
                        wait_s = min(2 * (wait_s or LOOK_S), LOOK_MAX_S)
                        continue
                    wait_s = None
                yield ServerSentEvent(event="changed", raw_data="look")
        finally:
            changes.remove(listener)

    return api
