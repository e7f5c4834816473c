"""A worker in a thread of the web application; for small ones, that have no process to spare."""

from __future__ import annotations

import asyncio
import logging
import threading

from paidflow.worker import Worker

logger = logging.getLogger("paidflow.web")


class EmbeddedWorker:
    """Runs a worker in a thread.

    Args:
        worker: what runs; it can be started once.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._thread = threading.Thread(target=self._run, name="paidflow-worker", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    async def stop(self) -> None:
        """End after the action that it is working on."""
        self._worker.stop()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            self._worker.run_forever()
        except Exception:
            logger.exception("the worker has stopped; readiness says so")
