"""A flow as endpoints of FastAPI."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter

from paidflow.flow.paid_flow import PaidFlow
from paidflow.web import checkout, forms, health, panels, perform, receipts, streams, webhooks
from paidflow.web.caller import FindActor, nobody
from paidflow.web.changes import Changes
from paidflow.web.embedded_worker import EmbeddedWorker
from paidflow.web.mounted import Mounted
from paidflow.web.problems import Problem, ProblemRoute
from paidflow.web.rate import Rate
from paidflow.worker import Worker

BODY_BYTES_MAX = 1024 * 1024
"""A longer request is refused before anybody looks at it."""


def router(
    flow: PaidFlow,
    *,
    actor: FindActor = nobody,
    worker: Worker | None = None,
    rate: Rate | None = None,
    origins: Iterable[str] = (),
    changes: Changes | None = None,
) -> APIRouter:
    """All of a flow as endpoints: each action, receipts, streams, webhooks and health.

    Args:
        flow: what is served; whoever opened it closes it.
        actor: a dependency of FastAPI that says who is logged in, as a text; ``None`` is nobody.
            paidflow believes it.
        worker: does what is owed, in a thread that starts and ends with the application.
        rate: how many actions one caller may request; 60 in a minute by default.
        origins: other origins whose pages may call, such as ``https://app.example``.
        changes: reads the end of the log for all streams, as long as the application runs; one of
            its own by default. Give one that endpoints of yours listen to as well.

    Returns:
        A router for ``app.include_router``, with a ``lifespan`` of its own.
    """
    changes = changes or Changes(flow)
    mounted = Mounted(flow, changes, actor, rate or Rate(), frozenset(origins))
    embedded = EmbeddedWorker(worker) if worker is not None else None

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncGenerator[None]:
        changes.start()
        if embedded is not None:
            embedded.start()
        try:
            yield
        finally:
            if embedded is not None:
                await embedded.stop()
            changes.stop()

    api = APIRouter(
        route_class=ProblemRoute,
        lifespan=lifespan,
        max_body_size=BODY_BYTES_MAX,
        responses={"default": {"model": Problem, "description": "What went wrong."}},
    )
    for part in (perform, forms, receipts, panels, checkout, streams, webhooks):
        part.add(api, mounted)
    health.add(api, mounted, embedded)
    return api
