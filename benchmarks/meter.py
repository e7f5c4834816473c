"""Reads the clocks on both sides of the socket."""

from __future__ import annotations

import time

from benchmarks.processor import own_seconds, server_seconds
from tests.postgres_server import PostgresServer, Server


class Meter:
    """Measures from a start to a stop.

    Args:
        server: whose processor time is read, if it is our own child.
    """

    def __init__(self, server: Server) -> None:
        self._postmaster = server.pid if isinstance(server, PostgresServer) else None

    def start(self) -> None:
        """Begin now."""
        self._at, self._own, self._server = self._read()

    def stop(self) -> tuple[float, float, float | None]:
        """Seconds since the start: of the clock, of our processor, of the server's."""
        at, own, server = self._read()
        spent = None if server is None or self._server is None else server - self._server
        return at - self._at, own - self._own, spent

    def _read(self) -> tuple[float, float, float | None]:
        server = None if self._postmaster is None else server_seconds(self._postmaster)
        return time.perf_counter(), own_seconds(), server
