"""Webhooks are signed as Standard Webhooks says, and only the status of an answer counts."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import httpx
import pytest
import standardwebhooks

from paidflow.errors import InvalidConfiguration
from paidflow.outgoing.message import Message
from paidflow.outgoing.outcome import Acknowledged, Gone, NotAcknowledged
from paidflow.outgoing.webhook import RETRY_AFTER_S_MAX, Webhook
from tests.outgoing.receiver import SECRET, Answer, Receiver

OLD = "whsec_" + base64.b64encode(bytes(range(32))).decode()
MESSAGE = Message(
    id="0193-a",
    action_id="an action",
    sequence=4,
    kind="note",
    actor="zoë",
    occurred_at=datetime(2030, 1, 1, tzinfo=UTC),
    topic="paid-action.paid@1",
    state=b'{"source":"invoice","amount":{"amount":10000,"currency":"BTC"},"late":false,'
    b'"after_paid_owed":false}',
)
NOW = datetime.now(UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def hook(receiver: Receiver, *secrets: str, timeout_s: float = 5.0) -> Webhook:
    return Webhook("shop", receiver.url, secrets=secrets or [SECRET], timeout_s=timeout_s)


def test_it_is_verified_by_somebody_elses_code(receiver: Receiver) -> None:
    now = datetime.now(UTC)  # it refuses what is older than five minutes
    assert hook(receiver).deliver(MESSAGE, now) == Acknowledged()
    (request,) = receiver.requests
    told = standardwebhooks.Webhook(SECRET).verify(request.body, request.headers)
    assert told == json.loads(MESSAGE.body())
    assert request.headers["webhook-id"] == MESSAGE.id
    assert request.headers["webhook-timestamp"] == str(int(now.timestamp()))
    assert request.headers["content-type"] == "application/json"


def test_every_secret_signs_so_that_it_can_be_rotated(receiver: Receiver) -> None:
    hook(receiver, SECRET, OLD).deliver(MESSAGE, datetime.now(UTC))
    (request,) = receiver.requests
    for secret in (SECRET, OLD):
        standardwebhooks.Webhook(secret).verify(request.body, request.headers)
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(other).verify(request.body, request.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OLD).verify(request.body + b" ", request.headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_two_hundreds_acknowledge(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda r: Answer(status)
    assert hook(receiver).deliver(MESSAGE, NOW) == Acknowledged()


@pytest.mark.parametrize("status", [304, 400, 401, 404, 409, 429, 500, 502, 503])
def test_nothing_else_does(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda r: Answer(status)
    assert hook(receiver).deliver(MESSAGE, NOW) == NotAcknowledged(str(status))


def test_gone_means_gone(receiver: Receiver) -> None:
    receiver.answer = lambda r: Answer(410)
    assert hook(receiver).deliver(MESSAGE, NOW) == Gone("410")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    with Receiver() as elsewhere:
        receiver.answer = lambda r: Answer(status, (("location", elsewhere.url),))
        client = httpx.Client(follow_redirects=True, trust_env=False)
        shop = Webhook("shop", receiver.url, secrets=[SECRET], client=client)
        assert shop.deliver(MESSAGE, NOW) == NotAcknowledged(str(status))
        assert elsewhere.requests == []
        shop.close()


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("7", 7), ("9" * 30, RETRY_AFTER_S_MAX), ("soon", 0), ("-7", 0), ("1.5", 0), ("", 0)],
)
def test_retry_after_is_heard(receiver: Receiver, asked: str, seconds: int) -> None:
    receiver.answer = lambda r: Answer(429, (("retry-after", asked),))
    assert hook(receiver).deliver(MESSAGE, NOW) == NotAcknowledged("429", seconds)


@contextmanager
def server(answer: Callable[[socket.socket], None], timeout_s: float = 1.0) -> Iterator[Webhook]:
    """A webhook whose receiver speaks for itself on one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, suppress(ConnectionError):
                connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield Webhook("shop", url, secrets=[SECRET], timeout_s=timeout_s)
        thread.join()


def test_a_long_answer_is_not_read_to_its_end() -> None:
    part, parts, written = b"x" * 65536, 1000, []

    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(part) * parts}\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(parts):
            connection.sendall(part)
            written.append(len(part))

    with server(answer, timeout_s=60) as shop:
        assert shop.deliver(MESSAGE, NOW) == Acknowledged()
    assert sum(written) < len(part) * parts


def test_an_answer_that_does_not_end_costs_only_the_connection() -> None:
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nx")
        ended.wait(60)

    with server(answer) as shop:
        assert shop.deliver(MESSAGE, NOW) == Acknowledged()
        ended.set()


def test_an_answer_that_drips_is_left() -> None:
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n")
        while not ended.wait(0.02):
            connection.sendall(b"x")

    with server(answer) as shop:
        try:
            assert shop.deliver(MESSAGE, NOW) == Acknowledged()
        finally:
            ended.set()


def test_what_is_no_http_is_not_acknowledged() -> None:
    with server(lambda connection: connection.sendall(b"hello\r\n\r\n")) as shop:
        assert shop.deliver(MESSAGE, NOW) == NotAcknowledged("RemoteProtocolError")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/hook",
        "https://",
        "example.org/hook",
        "https://ann:secret-word@example.org/hook",
        "https://example.org:port/",
        "",
        None,
    ],
)
def test_a_bad_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match="the URL of shop") as caught:
        Webhook("shop", url, secrets=[SECRET])
    assert "secret-word" not in str(caught.value)


def test_a_good_url_is_taken_and_not_shown() -> None:
    shop = Webhook("shop", "https://example.org/hook/a-token?key=b", secrets=[SECRET])
    assert repr(shop) == "Webhook('shop', host='example.org')"
    shop.close()
