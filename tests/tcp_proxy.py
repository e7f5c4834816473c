"""A TCP proxy whose connections can be cut and refused; loopback only.

What passes is up to the links that it is given: one for each connection.
"""

from __future__ import annotations

import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Self

CHUNK = 65536


class Link(ABC):
    """One connection through a proxy: a thread for each direction.

    Args:
        client: the end of whoever connected.
        server: the end of the server.
    """

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        """Forward, from now on."""
        for work in (self.pump_requests, self.pump_answers):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """Close both ends."""
        for end in (self.client, self.server):
            _close(end)

    def reset(self) -> None:
        """Reset both ends."""
        for end in (self.client, self.server):
            _reset(end)

    @abstractmethod
    def pump_requests(self) -> None:
        """Forward what the client sends, until one end is closed."""

    @abstractmethod
    def pump_answers(self) -> None:
        """Forward what the server sends, until one end is closed."""


class TcpProxy:
    """Forwards connections to a server.

    Args:
        server: the host and the port of the server.
        link: makes the link between the ends of a client and of the server.

    Attributes:
        port: where the proxy listens on 127.0.0.1.
    """

    def __init__(
        self, server: tuple[str, int], link: Callable[[socket.socket, socket.socket], Link]
    ) -> None:
        self._server = server
        self._link = link
        self._lock = threading.Lock()
        self._links: list[Link] = []
        self._listener = _bound(0)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self.admit()
        return self

    def __exit__(self, *_: object) -> None:
        _close(self._listener)
        self.drop_all()

    @contextmanager
    def refusing(self) -> Generator[None]:
        """Refuse all connections for a while; those that there are get cut."""
        self.refuse()
        self.drop_all()
        try:
            yield
        finally:
            self.admit()

    def refuse(self) -> None:
        """Refuse new connections from now on."""
        _close(self._listener)
        self._listener = _bound(self.port)  # so that nobody else takes the port

    def admit(self) -> None:
        """Take new connections from now on."""
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def drop_all(self) -> None:
        """Cut all connections."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.reset()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:
                _reset(client)
                continue
            link = self._link(client, server)
            with self._lock:
                self._links.append(link)
            link.start()


def _bound(port: int) -> socket.socket:
    """A socket that has a port and does not listen yet."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)  # wakes whoever reads from it, and tells the peer nothing
    with suppress(OSError):
        end.close()


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        end.close()
