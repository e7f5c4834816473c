"""Server-sent events: the receipt of an action, or of all of an actor, whenever it changes.

Each event is a whole receipt, so one that is lost or comes twice does no harm, and a client that
comes back says the last id that it has seen (HTML Standard, 9.2, ``Last-Event-ID``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from paidflow.errors import ActionNotFound, LoginRequired
from paidflow.flow.receipt import Receipt
from paidflow.web.caller import Caller
from paidflow.web.changes import Changes, Listener
from paidflow.web.mounted import Mounted

LOOK_S = 15.0
"""How long a stream of one action waits before it looks without being told."""

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)]


def add(api: APIRouter, mounted: Mounted) -> None:
    """Add the endpoints."""
    aio, changes = mounted.flow.aio, mounted.changes

    async def owned(action_id: str, calls: Any) -> Caller:
        """Refuse a stranger before the stream begins."""
        await aio.get(action_id, actor=calls.actor, proof=calls.proof)
        return calls

    async def of_action(
        action_id: str, calls: Any, last_event_id: Any = None
    ) -> AsyncIterator[ServerSentEvent]:
        """The receipt of an action: at once, and whenever it changes."""
        async for receipt in _receipts(mounted, action_id, calls, _number(last_event_id)):
            yield _event(receipt, receipt.version)

    async def logged_in(calls: Any) -> Caller:
        if calls.actor is None:
            raise LoginRequired
        return calls

    async def of_actor(calls: Any, last_event_id: Any = None) -> AsyncIterator[ServerSentEvent]:
        """The receipts of all actions of the caller, each whenever it changes.

        ``reset`` says that something was missed, and that all has to be read again.
        """
        listener = Listener(actor=calls.actor)
        position = await asyncio.to_thread(changes.add, listener)
        try:
            yield ServerSentEvent(event="ready", id=str(position), raw_data=str(position))
            missed = await _missed(changes, calls.actor, _number(last_event_id), position)
            while True:
                if missed is None or listener.overrun:
                    listener.overrun = False
                    yield ServerSentEvent(event="reset", raw_data="read all again")
                for action_id, at in sorted((missed or {}).items(), key=lambda item: item[1]):
                    receipt = await _standing(mounted, action_id, calls.actor)
                    if receipt is not None:
                        yield _event(receipt, at)
                missed = await listener.wait()
        finally:
            changes.remove(listener)

    reads = Annotated[Caller, Depends(mounted.reads)]
    owned.__annotations__.update(action_id=str, calls=reads)
    logged_in.__annotations__.update(calls=reads)
    for endpoint, path, needs in (
        (of_action, "/actions/{action_id}/events", owned),
        (of_actor, "/events", logged_in),
    ):
        endpoint.__annotations__.update(
            calls=Annotated[Caller, Depends(needs)], last_event_id=LastEventId
        )
        api.add_api_route(
            path,
            endpoint,
            methods=["GET"],
            response_class=EventSourceResponse,
            operation_id=f"events_{endpoint.__name__}",
        )


async def _receipts(
    mounted: Mounted, action_id: str, calls: Caller, seen: int | None
) -> AsyncIterator[Receipt]:
    listener, sent = Listener(action_id=action_id), seen or 0
    await asyncio.to_thread(mounted.changes.add, listener)
    try:
        while True:
            receipt = await mounted.flow.aio.get(action_id, actor=calls.actor, proof=calls.proof)
            if receipt.version > sent:
                sent = receipt.version
                yield receipt
            try:
                await asyncio.wait_for(listener.wait(), LOOK_S)
            except TimeoutError:
                continue
    finally:
        mounted.changes.remove(listener)


async def _missed(
    changes: Changes, actor: str, seen: int | None, position: int
) -> dict[str, int] | None:
    if seen is None:
        return {}
    return await asyncio.to_thread(changes.since, actor, seen, position)


async def _standing(mounted: Mounted, action_id: str, actor: str) -> Receipt | None:
    try:
        return await mounted.flow.aio.get(action_id, actor=actor)
    except ActionNotFound:
        return None


def _event(receipt: Receipt, number: int) -> ServerSentEvent:
    return ServerSentEvent(event="receipt", id=str(number), raw_data=receipt.model_dump_json())


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
