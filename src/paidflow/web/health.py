"""``/health`` and ``/ready``: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from paidflow.web.embedded_worker import EmbeddedWorker
from paidflow.web.mounted import Mounted
from paidflow.web.problems import Stopped, problem


class Health(BaseModel):
    """How the process is.

    Args:
        ok: whether it is well.
        listening: how many wait for events.
    """

    model_config = ConfigDict(frozen=True)

    ok: bool
    listening: int


def add(api: APIRouter, mounted: Mounted, worker: EmbeddedWorker | None) -> None:
    """Add the endpoints."""

    @api.get("/health", operation_id="health")
    async def health() -> Health:
        """The process answers."""
        return Health(ok=True, listening=mounted.changes.listening)

    @api.get("/ready", operation_id="ready")
    async def ready() -> Health:
        """The database answers, it is no copy, and the worker works if there is one."""
        if mounted.flow.home.is_copy:
            raise Stopped(problem(503, "is_a_copy", "The database is a copy nobody has adopted."))
        if worker is not None and not worker.alive:
            raise Stopped(problem(503, "no_worker", "The worker has stopped."))
        try:
            await asyncio.to_thread(mounted.flow.store.now)
        except Exception as error:
            if not mounted.flow.store.passing(error):
                raise
            told = problem(503, "no_database", "The database does not answer.", retryable=True)
            raise Stopped(told) from error
        return Health(ok=True, listening=mounted.changes.listening)
