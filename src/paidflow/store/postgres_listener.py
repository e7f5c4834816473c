"""Hears that events were published, so that whoever waits for them asks at once."""

from __future__ import annotations

import logging
import threading

import psycopg
from psycopg import sql

from paidflow.store.names import Names
from paidflow.store.postgres_session import is_pooled

RETRY_S = 1.0
LOOK_S = 0.1
"""How often it looks whether it was closed."""

logger = logging.getLogger("paidflow.store")


class Listener:
    """One connection that listens, for all subscriptions of a store. Only a hint.

    Behind a pooler nothing can be heard, and while the connection is away nothing is; those who
    wait ask from time to time anyway.

    Args:
        dsn: where the database is, as libpq understands it.
        names: under which names everything is in the database; the channel is named likewise.
        pooled: whether it is known that there is a pooler.
    """

    def __init__(self, dsn: str, names: Names, *, pooled: bool) -> None:
        self._dsn = dsn
        self._channel = names.fill("paidflow_events")
        self._heard = threading.Condition()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if pooled:
            self._closed.set()

    def wait(self, timeout_s: float) -> None:
        """Rest until something is heard, at most this long."""
        with self._heard:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="paidflow-listener", daemon=True
                )
                self._thread.start()
            self._heard.wait(timeout_s)

    def close(self) -> None:
        """End the connection."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(LOOK_S * 2)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                logger.info("listening for events was interrupted: %s", error)
            self._closed.wait(RETRY_S)

    def _listen(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            if is_pooled(connection):
                self._closed.set()
                return
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(self._channel)))
            while not self._closed.is_set():
                for _ in connection.notifies(timeout=LOOK_S, stop_after=1):
                    with self._heard:
                        self._heard.notify_all()
