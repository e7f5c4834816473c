"""Everything that can go wrong between us and a gateway, and what may be concluded from it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from paidflow.payments.contract import (
    Accepted,
    Declined,
    NotFound,
    NotSent,
    Unknown,
    Unreachable,
)
from paidflow.testing.conformance.misbehaving_server import (
    Behaviour,
    Exchange,
    MisbehavingServer,
    closed_port,
    deaf_port,
)

MARK = "words-of-a-stranger"
"""It is in the text of answers, and must be in no reason."""

_JSON = "Content-Type: application/json\r\n"
ELSEWHERE = "/elsewhere"
ANSWER_BYTES_MAX = 9 * 1024 * 1024
_NAMES = {
    **{200: "OK", 301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect"},
    **{400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"},
    **{407: "Proxy Authentication Required", 409: "Conflict", 422: "Unprocessable Content"},
    **{429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway"},
    **{503: "Service Unavailable", 504: "Gateway Timeout"},
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault is waiting.

    Args:
        url: the address.
        server: the server there, if there is one.
    """

    url: str
    server: MisbehavingServer | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a call can fail.

    Args:
        meaning: what happens, in a few words.
        place: sets it up.
        opened: what ``open`` may answer.
        commands: what every other command may answer.
        lookups: what a lookup may answer.
        timeout_s: how long a call may take; short where it ends by that alone.
    """

    meaning: str
    place: Callable[[], _Places]
    opened: tuple[type, ...]
    commands: tuple[type, ...]
    lookups: tuple[type, ...] = (Unreachable,)
    timeout_s: float = 10


_Places = Generator[Place]


def _served(behaviour: Behaviour, *, tls: bool = False, scheme: str = "") -> Callable[[], _Places]:
    def place() -> _Places:
        with MisbehavingServer(behaviour, tls=tls) as server:
            url = f"{scheme or ('https' if tls else 'http')}://127.0.0.1:{server.port}"
            yield Place(url, server)

    return place


def _nobody() -> _Places:
    yield Place(f"http://127.0.0.1:{closed_port()}")


def _no_name() -> _Places:
    yield Place("https://gateway.invalid")  # RFC 6761, 6.4: there never is such a name


def _deaf() -> _Places:
    with deaf_port() as port:
        yield Place(f"http://127.0.0.1:{port}")


def never_sent(meaning: str, place: Callable[[], _Places]) -> Fault:
    """A fault that keeps the request from being sent or from being looked at."""
    return Fault(meaning, place, (NotSent,), (NotSent,))


def perhaps_done(meaning: str, behaviour: Behaviour) -> Fault:
    """A fault after which nobody knows whether the command was carried out."""
    return Fault(meaning, _served(behaviour), (Unknown,), (Unknown,))


def too_slow(fault: Fault) -> Fault:
    """A fault that only the end of the time ends."""
    return replace(fault, timeout_s=0.3)


def senseless(meaning: str, body: bytes, headers: str = "") -> Fault:
    """An answer that says "it worked" and that nobody can read."""
    answer = answered(200, body, headers)
    return Fault(meaning, _served(answer), (Unknown,), (Unknown, Accepted))


def refused(status: int, body: bytes = b"") -> Fault:
    """An answer that says "this request is wrong"."""
    said = (Declined, Unknown, NotSent)
    place = _served(answered(status, body or _words()))
    return Fault(_status(status), place, said, said, (Unreachable, NotFound))


def at_the_door(status: int, headers: str = "") -> Fault:
    """An answer that sends the request away before anybody looks at it."""
    return never_sent(_status(status), _served(answered(status, _words(), headers)))


def broken(status: int, body: bytes = b"") -> Fault:
    """An answer that says "something went wrong here"."""
    return perhaps_done(_status(status), answered(status, body or _words()))


def answered(status: int, body: bytes, headers: str = "") -> Behaviour:
    """Read the request and give this answer."""

    def behave(exchange: Exchange) -> None:
        if exchange.read():
            exchange.send(written(status, body, headers))

    return behave


def written(status: int, body: bytes, headers: str = "", length: int | None = None) -> bytes:
    """An answer of HTTP/1.1 as bytes."""
    head = (
        f"HTTP/1.1 {status} {_NAMES[status]}\r\n{headers or _JSON}"
        f"Content-Length: {len(body) if length is None else length}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _status(status: int) -> str:
    return f"status {status}, {_NAMES[status]}"


def _words() -> bytes:
    return f"<html><body>{MARK}</body></html>".encode()


def _reset_unread(exchange: Exchange) -> None:
    exchange.reset()


def _reset_after_request(exchange: Exchange) -> None:
    exchange.read()
    exchange.reset()


def _closed_after_request(exchange: Exchange) -> None:
    exchange.read()


def _silent(exchange: Exchange) -> None:
    exchange.read()
    exchange.wait()


def _half_a_head(exchange: Exchange) -> None:
    if exchange.read():
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Le")


def _half_a_body(exchange: Exchange) -> None:
    if exchange.read():
        exchange.send(written(200, b'{"id": "', length=1_000))


def _stalls(exchange: Exchange) -> None:
    if exchange.read():
        exchange.send(written(200, b'{"id": "', length=1_000))
        exchange.wait()


def _another_protocol(exchange: Exchange) -> None:
    if exchange.read():
        exchange.send(f"220 {MARK} ready\r\n".encode())


def _echo(status: int) -> Behaviour:
    """Say back everything that came, as a careless proxy's page for errors does."""

    def behave(exchange: Exchange) -> None:
        if request := exchange.read():
            exchange.send(written(status, b"<pre>" + request + b"</pre>"))

    return behave


def _no_tls(exchange: Exchange) -> None:
    exchange.send(written(400, _words()))


FAULTS: dict[str, Fault] = {
    "refused": never_sent("nobody listens at the port", _nobody),
    "no such name": never_sent("the name of the host is not known", _no_name),
    "connect timeout": too_slow(never_sent("the connection is never taken", _deaf)),
    "no TLS": never_sent(
        "the port speaks something else than TLS", _served(_no_tls, scheme="https")
    ),
    "unknown certificate": never_sent(
        "the certificate is not the one that was expected",
        _served(answered(200, b"{}"), tls=True),
    ),
    "reset before": Fault(
        "the connection is cut before the request is read",
        _served(_reset_unread),
        (Unknown, NotSent),
        (Unknown, NotSent),
    ),
    "reset after": perhaps_done("it is cut after the request was read", _reset_after_request),
    "closed after": perhaps_done("it is closed without an answer", _closed_after_request),
    "read timeout": too_slow(perhaps_done("there is no answer in time", _silent)),
    "half a head": perhaps_done("the answer ends among its headers", _half_a_head),
    "half a body": perhaps_done("the answer ends in its body", _half_a_body),
    "stalled body": too_slow(perhaps_done("the answer stops in its body", _stalls)),
    "not HTTP": perhaps_done("the answer is of another protocol", _another_protocol),
    "301": at_the_door(301, f"Location: {ELSEWHERE}\r\n"),
    "302": at_the_door(302, f"Location: {ELSEWHERE}\r\n"),
    "307": at_the_door(307, f"Location: {ELSEWHERE}\r\n"),
    "401": at_the_door(401, 'WWW-Authenticate: Basic realm="x"\r\n'),
    "403": at_the_door(403),
    "407": at_the_door(407),
    "429": at_the_door(429, "Retry-After: 1\r\n"),
    "400": refused(400),
    "404": refused(404),
    "409": refused(409),
    "422": refused(422, b'{"detail": [{"msg": "' + MARK.encode() + b'"}]}'),
    "500": broken(500),
    "502": broken(502),
    "503": broken(503),
    "504": broken(504),
    "500 with JSON": broken(500, b'{"error": {"message": "' + MARK.encode() + b'"}}'),
    "empty body": senseless("there is nothing in the answer", b""),
    "a page": senseless("the answer is a page", _words(), "Content-Type: text/html\r\n"),
    "null": senseless("the answer is null", b"null"),
    "a list": senseless("the answer is an empty list", b"[]"),
    "an empty object": senseless("the answer is an object without anything", b"{}"),
    "a text": senseless("the answer is a text", f'"{MARK}"'.encode()),
    "a number": senseless("the answer is a number", b"42"),
    "long number": senseless("the answer is a number of 10,000 digits", b"9" * 10_000),
    "deep": senseless("the answer is a list in a list, 100,000 times", b"[" * 100_000),
    "not UTF-8": senseless("the answer is no text", b'{"id": "\xff\xfe"}'),
    "not gzip": senseless(
        "the answer is not compressed as it says",
        b"{}",
        f"{_JSON}Content-Encoding: gzip\r\n",
    ),
    "compressed nonsense": senseless(
        "the answer is a compressed page",
        gzip.compress(_words(), mtime=0),
        f"{_JSON}Content-Encoding: gzip\r\n",
    ),
    "oversized": senseless("the answer is too long", b'["' + b"x" * ANSWER_BYTES_MAX + b'"]'),
    "echo": Fault(
        "the answer repeats the request with all its secrets",
        _served(_echo(200)),
        (Unknown,),
        (Unknown, Accepted),
    ),
    "echo of a failure": perhaps_done("a page for errors repeats the request", _echo(500)),
}


@contextmanager
def set_up(fault: Fault) -> Generator[Place]:
    """Have a fault wait at an address."""
    yield from fault.place()
