"""What is concluded from a request: on real sockets, which misbehave on order."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal

import pytest
from pydantic import BaseModel

from paidflow.errors import InvalidConfiguration
from paidflow.payments import http
from paidflow.payments.contract import NotSent, Unknown, Unreachable
from paidflow.payments.http import GatewayHttp, Reply, SettingNames

NAMES = SettingNames(url="node_url", credentials="macaroon", certificate="tls_certificate")
SECRET = "a key that nobody may see"
Misdeed = Callable[[socket.socket], None]


@contextmanager
def served(misdeed: Misdeed) -> Iterator[str]:
    """A server that does one thing to each connection, whatever is asked."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    misdeed(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def request_of(connection: socket.socket) -> str:
    """Read a whole request."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65536)
        if not part:
            raise OSError("the client has gone")
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    wanted = int(length[0].split(b":")[1]) if length else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return (head + b"\r\n\r\n" + body).decode()


def answering(status: int, body: str, *, headers: str = "", length: int | None = None) -> Misdeed:
    def misdeed(connection: socket.socket) -> None:
        request_of(connection)
        size = len(body.encode()) if length is None else length
        head = f"HTTP/1.1 {status} Said\r\ncontent-length: {size}\r\nconnection: close\r\n{headers}"
        connection.sendall(f"{head}\r\n{body}".encode())

    return misdeed


def reset_after_the_request(connection: socket.socket) -> None:
    request_of(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(connection: socket.socket) -> None:
    request_of(connection)
    while connection.recv(65536):
        pass


def dripping(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 102\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.02)
    connection.sendall(b"{}")


def client(url: str, **options: object) -> GatewayHttp:
    options = {"timeout_s": 5.0} | options
    return GatewayHttp(url, headers={"x-key": SECRET}, settings=NAMES, **options)  # type: ignore[arg-type]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def both(url: str, **options: object) -> tuple[object, object]:
    """What a command and a question become."""
    with client(url, **options) as gateway:
        return gateway.command("POST", "/pay", {"amount": 1}), gateway.ask("/look", {"id": "1"})


def test_an_answer() -> None:
    with served(answering(200, '{"amount": 5, "rate": 0.1}')) as url:
        command, question = both(url)
    assert command == question == Reply(200, {"amount": 5, "rate": Decimal("0.1")})
    assert command.ok


def test_what_is_sent() -> None:
    asked: list[str] = []

    def keep(connection: socket.socket) -> None:
        asked.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")

    with served(keep) as url, client(url + "/base") as gateway:
        gateway.command("POST", "/pay", {"amount": 7}, headers={"idempotency-key": "k1"})
        gateway.ask("/look", {"id": "a&b"})
    head, _, body = asked[0].partition("\r\n\r\n")
    assert head.startswith("POST /base/pay HTTP/1.1")
    assert "idempotency-key: k1" in head.lower()
    assert f"x-key: {SECRET}" in head.lower()
    assert json.loads(body) == {"amount": 7}
    assert asked[1].startswith("GET /base/look?id=a%26b HTTP/1.1")


def test_nobody_listens() -> None:
    command, question = both(f"http://127.0.0.1:{closed_port()}")
    assert command == NotSent("there is no connection to node_url (ConnectError)")
    assert question == Unreachable("there is no connection to node_url (ConnectError)")


def test_a_name_that_nobody_has() -> None:
    command, question = both("https://gateway.invalid")
    assert isinstance(command, NotSent)
    assert isinstance(question, Unreachable)
    assert "node_url" in command.reason


@pytest.mark.parametrize("misdeed", [reset_after_the_request, silent, dripping])
def test_the_answer_does_not_come(misdeed: Misdeed) -> None:
    with served(misdeed) as url:
        command, question = both(url, timeout_s=0.3)
    assert isinstance(command, Unknown)
    assert isinstance(question, Unreachable)


@pytest.mark.parametrize(
    "misdeed",
    [
        answering(200, "{", length=2),
        answering(200, "lorem ipsum"),
        answering(200, ""),
        answering(200, "[" * 100_000),
        answering(200, '{"amount": NaN}'),
        answering(200, '{"a": 1}', length=100),
        answering(200, "gzip?", headers="content-encoding: gzip\r\n"),
        answering(500, '{"status": "success"}'),
        answering(503, "down"),
        answering(520, "no JSON"),
    ],
    ids=["brace", "words", "empty", "deep", "nan", "half", "no-gzip", "500", "503", "520"],
)
def test_nobody_understands_it(misdeed: Misdeed) -> None:
    with served(misdeed) as url:
        command, question = both(url, statuses=frozenset({520}))
    assert isinstance(command, Unknown)
    assert isinstance(question, Unreachable)


def stream_of_two(connection: socket.socket) -> None:
    """The first message of a stream, half of the second, and then nothing."""
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 Said\r\n\r\n" + b'{"number": 1}\n{"numb')
    while connection.recv(65536):
        pass


def test_the_first_message_of_a_stream_is_the_answer() -> None:
    with served(stream_of_two) as url, client(url, timeout_s=20) as http:
        assert http.ask("/stream", first_line=True) == Reply(200, {"number": 1})
        assert http.command("POST", "/stream", {}, first_line=True) == Reply(200, {"number": 1})


def test_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_BYTES_MAX", 1000)
    with served(answering(200, json.dumps("x" * 1001))) as url:
        assert both(url) == (
            Unknown("the answer is too long, or too slow"),
            Unreachable("the answer is too long, or too slow"),
        )
    with served(answering(200, json.dumps("x" * 998))) as url:
        assert isinstance(both(url)[0], Reply)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (301, "node_url leads somewhere else (status 301)"),
        (401, "macaroon is not accepted (status 401)"),
        (403, "macaroon does not allow this (status 403)"),
        (407, "macaroon is not accepted by a proxy (status 407)"),
        (429, "too many requests (status 429)"),
    ],
)
def test_sent_away(status: int, reason: str) -> None:
    elsewhere = "location: http://127.0.0.1:1/\r\n"
    with served(answering(status, "{}", headers=elsewhere)) as url:
        assert both(url) == (NotSent(reason), Unreachable(reason))


@pytest.mark.parametrize(("status", "body"), [(404, '{"detail": "no"}'), (400, "no"), (520, "{}")])
def test_the_adapter_decides(status: int, body: str) -> None:
    with served(answering(status, body)) as url:
        command, question = both(url, statuses=frozenset({520}))
    assert isinstance(command, Reply)
    assert command == question
    assert (command.status, command.ok) == (status, False)


def test_tls_where_there_is_none() -> None:
    with served(lambda connection: connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")) as url:
        command, question = both(url.replace("http:", "https:"))
    assert command == NotSent("node_url does not speak TLS as it should")
    assert isinstance(question, Unreachable)


def test_a_body_as_a_model() -> None:
    class Body(BaseModel):
        amount: int

    assert Reply(200, {"amount": 5}).read(Body) == Body(amount=5)
    assert Reply(200, {"amount": "lorem"}).read(Body) is None
    assert Reply(200, [5]).read(Body) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example",
        "ftp://gateway.example",
        "https://ann:secret@gateway.example",
        "https://",
        "",
        "http://[",
    ],
)
def test_an_address_that_does_not_fit(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match="node_url") as raised:
        client(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["https://gateway.example", "http://localhost:1", "http://abc.onion"]
)
def test_an_address_that_fits(url: str) -> None:
    with client(url) as gateway:
        assert SECRET not in repr(gateway)
    assert SECRET not in repr(Reply(200, {"key": SECRET}))


@pytest.mark.parametrize("path", ["/a\r\nHost: b", "/a\0", "/\ud800", "/" + "a" * 70_000])
def test_what_cannot_be_written_is_not_sent(path: str) -> None:
    with served(answering(200, "{}")) as url, client(url) as gateway:
        reason = "there is no way to write this request"
        assert gateway.command("POST", path) == NotSent(reason)
        assert gateway.ask(path) == Unreachable(reason)
        assert gateway.command("POST", "/", {"text": "\ud800"}) == NotSent(reason)
