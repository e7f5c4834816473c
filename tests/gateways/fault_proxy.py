"""A TCP proxy in front of a gateway that spoils one request when it is told to; loopback only.

It speaks no HTTP. Without TLS a request begins with the first bytes after an answer. With TLS it
passes the records through and reads only their type and length (RFC 8446, section 5.1), so that
the handshake is never spoilt: what is spoilt is the first record of application data behind it.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from functools import partial

from tests.tcp_proxy import CHUNK, Link, TcpProxy

HANDSHAKE, APPLICATION_DATA = 22, 23
TICKETS_S = 0.2
"""How long to wait for what a server says by itself at the end of a handshake (session tickets),
which is no answer yet."""


class Fault(StrEnum):
    """What happens to a request."""

    CUT_BEFORE = "cut_before"
    """It never reaches the server, and the connection is reset."""

    CUT_AFTER = "cut_after"
    """The server answers, and the connection is reset instead."""

    HALF_ANSWER = "half_answer"
    """The client gets the first half of the answer, and then a reset."""

    SILENCE_BEFORE = "silence_before"
    """It never reaches the server, and nothing else happens."""

    SILENCE_AFTER = "silence_after"
    """The server answers, and the client hears nothing."""


class FaultProxy(TcpProxy):
    """Forwards connections to a server, and spoils requests when it is told to.

    Args:
        port: where the server listens on 127.0.0.1.

    Attributes:
        spoilt: how many requests were spoilt.
    """

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), partial(_Link, self))
        self._next = threading.Lock()
        self._faults: list[Fault | None] = []
        self.spoilt = 0

    def spoil_next(self, *faults: Fault | None) -> None:
        """Spoil the next requests, one after the other; with ``None`` one is let through."""
        with self._next:
            self._faults.extend(faults)

    def take(self) -> Fault | None:
        """What is to happen to the request that has just begun."""
        with self._next:
            if not self._faults:
                return None
            fault = self._faults.pop(0)
            self.spoilt += fault is not None
            return fault


class _Link(Link):
    def __init__(self, proxy: FaultProxy, client: socket.socket, server: socket.socket) -> None:
        super().__init__(client, server)
        self._proxy = proxy
        self._fault: Fault | None = None
        self._answered = True
        self._cut = False
        self._encrypted_handshake = False

    def reset(self) -> None:
        """Reset both ends, and do not close them then."""
        self._cut = True
        super().reset()

    def pump_requests(self) -> None:
        finished = False
        with suppress(OSError):
            for part in _parts(self.client):
                is_request = part[0] not in (HANDSHAKE, 20, 21)
                if is_request and self._encrypted_handshake and not finished:
                    finished, is_request = True, False  # the end of a TLS 1.3 handshake
                if is_request and self._answered:
                    self._answered = False
                    self._fault = self._proxy.take()
                    if self._fault is not None:
                        time.sleep(TICKETS_S)
                if self._fault is Fault.CUT_BEFORE:
                    break
                if self._fault is not Fault.SILENCE_BEFORE:
                    self.server.sendall(part)
        if self._fault is Fault.CUT_BEFORE:
            self.reset()
        self._end()

    def pump_answers(self) -> None:
        first = True
        with suppress(OSError):
            while data := self.server.recv(CHUNK):
                if first:
                    self._encrypted_handshake = data[0] == HANDSHAKE and _speaks_13(data)
                    first = False
                match self._fault:
                    case Fault.CUT_AFTER:
                        self.reset()
                        return
                    case Fault.HALF_ANSWER:
                        self.client.sendall(data[: len(data) // 2])
                        self.reset()
                        return
                    case Fault.SILENCE_AFTER | Fault.SILENCE_BEFORE:
                        continue
                    case _:
                        self._answered = True
                        self.client.sendall(data)
        self._end()

    def _end(self) -> None:
        """Close both ends when one has, unless they were cut, or are to stay silent."""
        if self._cut or self._fault in (Fault.SILENCE_BEFORE, Fault.SILENCE_AFTER):
            return
        self.close()


def _parts(client: socket.socket) -> Iterator[bytes]:
    """What a client sends: whole records if it speaks TLS, else as it comes."""
    buffer, speaks_tls = b"", None
    while data := client.recv(CHUNK):
        buffer += data
        speaks_tls = buffer[0] == HANDSHAKE if speaks_tls is None else speaks_tls
        if not speaks_tls:
            yield buffer
            buffer = b""
        while len(buffer) >= 5:
            (length,) = struct.unpack_from("!H", buffer, 3)
            if len(buffer) < 5 + length:
                break
            yield buffer[: 5 + length]
            buffer = buffer[5 + length :]


def _speaks_13(server_hello: bytes) -> bool:
    """Whether a server chose TLS 1.3: the extension ``supported_versions`` says so."""
    return b"\x00\x2b\x00\x02\x03\x04" in server_hello
