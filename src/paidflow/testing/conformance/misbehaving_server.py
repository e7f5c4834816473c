"""A server on loopback that does to each request what it is told to; it keeps what it was sent."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from importlib.resources import as_file, files
from typing import Self

CHUNK = 65536
REQUEST_BYTES_MAX = 16 * 1024 * 1024
PATIENCE_S = 30
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding: *chunked", re.IGNORECASE | re.MULTILINE)
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: closing sends a reset (RFC 9293, 3.9.1)


class Exchange:
    """One connection, as a behaviour finds it.

    Args:
        connection: the client's end is at the other side.
        stopped: set when the server ends.
        keep: called with each request that has arrived in full.
    """

    def __init__(
        self,
        connection: socket.socket,
        stopped: threading.Event,
        keep: Callable[[bytes], None],
    ) -> None:
        self._connection = connection
        self._stopped = stopped
        self._keep = keep

    def read(self) -> bytes:
        """The request, all of it; empty if the client went away before its end."""
        request = b""
        while not _is_whole(request):
            part = self._connection.recv(CHUNK)
            request += part
            if not part or len(request) > REQUEST_BYTES_MAX:
                return b""
        self._keep(request)
        return request

    def send(self, answer: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(answer)

    def reset(self) -> None:
        """Cut the connection so that the client's next step fails."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)

    def wait(self) -> None:
        """Say nothing until the client has gone, or the server ends."""
        self._connection.settimeout(0.05)
        while not self._stopped.is_set():
            try:
                if not self._connection.recv(CHUNK):
                    return
            except TimeoutError:
                continue


Behaviour = Callable[[Exchange], None]


class MisbehavingServer:
    """Answers every connection with one behaviour.

    Args:
        behaviour: what it does with a connection.
        tls: whether it speaks TLS, with a certificate that nobody knows.

    Attributes:
        requests: what has arrived in full, with its headers.
    """

    def __init__(self, behaviour: Behaviour, *, tls: bool = False) -> None:
        self.requests: list[bytes] = []
        self._behaviour = behaviour
        self._context = _unknown_certificate() if tls else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def changing_requests(self) -> list[bytes]:
        """The requests that may have changed something: all but those that only ask."""
        asking = (b"GET ", b"HEAD ", b"OPTIONS ")
        return [request for request in self.requests if not request.startswith(asking)]

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(lambda connection=connection: self._serve(connection))

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        with suppress(OSError), connection:
            if self._context is not None:
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    self._behaviour(Exchange(secured, self._stopped, self.requests.append))
            else:
                self._behaviour(Exchange(connection, self._stopped, self.requests.append))

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()


def closed_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def deaf_port() -> Generator[int]:
    """A port of loopback that takes no more connections, so that the next one waits for ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting: list[socket.socket] = []
        try:
            while _queues(port, waiting):
                pass
            yield port
        finally:
            for connection in waiting:
                connection.close()


def _queues(port: int, waiting: list[socket.socket]) -> bool:
    connection = socket.socket()
    waiting.append(connection)
    connection.settimeout(0.2)
    try:
        connection.connect(("127.0.0.1", port))
    except TimeoutError:
        return False
    return True


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    if not end:
        return False
    if _CHUNKED.search(head):
        return body.endswith(b"0\r\n\r\n")
    length = _LENGTH.search(head)
    return len(body) >= (int(length[1]) if length else 0)


def _unknown_certificate() -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that was made for these checks alone, and signed by nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = files("paidflow.testing.conformance") / "unknown_certificate.pem"
    with as_file(certificate) as path:
        context.load_cert_chain(path)
    return context
