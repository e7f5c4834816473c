"""Counts round trips at the socket: how often a client speaks after the server has answered."""

from __future__ import annotations

import select
import socket
import threading
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_CHUNK = 65536


class Turns:
    """A TCP proxy in front of PostgreSQL that counts; loopback only.

    Args:
        dsn: the server.

    Attributes:
        dsn: where to connect instead.
        count: the round trips so far.
    """

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        self._server = (str(parts["host"]), int(str(parts["port"])))
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.dsn = make_conninfo(dsn, port=port, sslmode="disable", gssencmode="disable")
        self.count = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(self._server)
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answered = True
            while True:
                for end in select.select([client, server], [], [])[0]:
                    data = end.recv(_CHUNK)
                    if not data:
                        return
                    self.count += end is client and answered
                    answered = end is server
                    (client if end is server else server).sendall(data)
