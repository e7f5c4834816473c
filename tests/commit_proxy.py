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
from typing import Literal, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Cut = Literal["before", "after"]
CHUNK = 65536


class TcpProxy:
    """Forwards connections to a server, and cuts them when it is told to.

    Args:
        dsn: the server.
    """

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        self._server = (str(parts["host"]), int(str(parts.get("port") or 5432)))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._cut: Cut | None = None
        self._refusing = False
        self._links: list[_Link] = []
        self.cuts = 0
        port = self._listener.getsockname()[1]
        self.dsn = make_conninfo(
            dsn, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
        )

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.drop_all()

    def cut_next_commit(self, cut: Cut) -> None:
        """Cut the connection that commits next.

        Args:
            cut: ``before``, and the COMMIT never reaches the server; ``after``, and the server
                has committed, but its answer never reaches the client.
        """
        with self._lock:
            self._cut = cut

    def refuse(self, on: bool) -> None:
        """Close every new connection at once, or forward them again."""
        self._refusing = on

    def drop_all(self) -> None:
        """Cut all connections."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.close()

    def take_cut(self) -> Cut | None:
        """What happens to the COMMIT that has just been read; only one is cut."""
        with self._lock:
            cut, self._cut = self._cut, None
            self.cuts += cut is not None
        return cut

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(self._server)
            except OSError:
                client.close()
                continue
            link = _Link(self, client, server)
            with self._lock:
                self._links.append(link)
            link.start()


class _Link:
    """One connection through the proxy: a thread for each direction."""

    def __init__(self, proxy: TcpProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._swallows = False
        self._writes = _Writes()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        for work in (self._pump_requests, self._pump_answers):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _pump_requests(self) -> None:
        with suppress(OSError):
            for message in _messages(self._client):
                cut = self._proxy.take_cut() if self._commits(message) else None
                if cut == "before":
                    break
                self._swallows = self._swallows or cut == "after"
                self._server.sendall(message)
        if not self._swallows:
            self.close()

    def _commits(self, message: bytes) -> bool:
        return self._writes.end_with(message) or _says_commit(message)

    def _pump_answers(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(CHUNK):
                if self._swallows:
                    break  # the server answers, so it has committed
                self._client.sendall(data)
        self.close()


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
