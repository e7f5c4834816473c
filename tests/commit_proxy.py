"""A TCP proxy in front of PostgreSQL that cuts a connection around a COMMIT; loopback only.

It reads just enough of the frontend protocol (version 3) to see which message commits. Clients
must ask for neither SSL nor GSS: ``sslmode=disable gssencmode=disable``.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.tcp_proxy import CHUNK, Link, TcpProxy

Cut = Literal["before", "after"]


class CommitProxy(TcpProxy):
    """Forwards connections to PostgreSQL, and cuts one that commits when it is told to.

    Args:
        dsn: the server.

    Attributes:
        dsn: the server behind the proxy.
        cuts: how many commits were cut.
    """

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        server = (str(parts["host"]), int(str(parts.get("port") or 5432)))
        super().__init__(server, partial(_Link, self))
        self._next = threading.Lock()
        self._cut: Cut | None = None
        self.cuts = 0
        self.dsn = make_conninfo(
            dsn, host="127.0.0.1", port=self.port, sslmode="disable", gssencmode="disable"
        )

    def cut_next_commit(self, cut: Cut) -> None:
        """Cut the connection that commits next.

        Args:
            cut: ``before``, and the COMMIT never reaches the server; ``after``, and the server
                has committed, but its answer never reaches the client.
        """
        with self._next:
            self._cut = cut

    def take_cut(self) -> Cut | None:
        """What happens to the COMMIT that has just been read; only one is cut."""
        with self._next:
            cut, self._cut = self._cut, None
            self.cuts += cut is not None
        return cut


class _Link(Link):
    def __init__(self, proxy: CommitProxy, client: socket.socket, server: socket.socket) -> None:
        super().__init__(client, server)
        self._proxy = proxy
        self._swallows = False
        self._writes = _Writes()

    def pump_requests(self) -> None:
        with suppress(OSError):
            for message in _messages(self.client):
                cut = self._proxy.take_cut() if self._commits(message) else None
                if cut == "before":
                    break
                self._swallows = self._swallows or cut == "after"
                self.server.sendall(message)
        if not self._swallows:
            self.close()

    def pump_answers(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(CHUNK):
                if self._swallows:
                    break  # the server answers, so it has committed
                self.client.sendall(data)
        self.close()

    def _commits(self, message: bytes) -> bool:
        return self._writes.end_with(message) or _says_commit(message)


def _messages(client: socket.socket) -> Iterator[bytes]:
    """The messages of a client: the first has no type, all others begin with one byte for it."""
    buffer, header = b"", 0
    while data := client.recv(CHUNK):
        buffer += data
        while len(buffer) >= header + 4:
            (length,) = struct.unpack_from("!I", buffer, header)
            if len(buffer) < header + length:
                break
            yield buffer[: header + length]
            buffer, header = buffer[header + length :], 1


class _Writes:
    """Finds where a call of ``paidflow_write`` ends that is a transaction of its own."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._bound = False

    def end_with(self, message: bytes) -> bool:
        """Whether it is the Sync behind a call; the server commits when it has read it."""
        kind, content = message[:1], message[5:]
        if kind == b"P":
            name, _, text = content.partition(b"\0")
            (self._names.add if b"paidflow_write(" in text else self._names.discard)(name)
        elif kind == b"B":
            _, name, *_ = content.split(b"\0", 2)
            self._bound = name in self._names
        elif kind == b"S" and self._bound:
            self._bound = False
            return True
        return False


def _says_commit(message: bytes) -> bool:
    """Whether it is the text COMMIT, as a Query or as the statement of a Parse."""
    if message[:1] == b"Q":
        text = message[5:]
    elif message[:1] == b"P":
        _, _, text = message[5:].partition(b"\0")
    else:
        return False
    return text.partition(b"\0")[0].strip().rstrip(b";").upper() == b"COMMIT"
