"""``/live``: says that something has changed, and nothing else; a page then reads itself again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from examples.forum.forum import Forum
from paidflow.web.changes import Changes, Listener

FOLD_S = 0.3
"""After so long the counters have followed."""


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
        await asyncio.to_thread(changes.add, listener)
        try:
            while True:
                await listener.wait()
                yield ServerSentEvent(event="changed", raw_data="look")
                await asyncio.sleep(FOLD_S)
                yield ServerSentEvent(event="changed", raw_data="look")
        finally:
            changes.remove(listener)

    return api
