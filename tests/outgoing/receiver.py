"""A receiver of webhooks on loopback, and what the tests of outgoing events share."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from paidflow import PaidFlow
from paidflow.outgoing.back_off import BackOff
from paidflow.outgoing.message import Message

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
EVEN = BackOff(chance=lambda: 0.0)
"""Back-off without chance."""


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def action_id(self) -> str:
        return self.told["data"]["action_id"]

    @property
    def sequence(self) -> int:
        return self.told["data"]["sequence"]


@dataclass(frozen=True)
class Answer:
    """What the receiver answers."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Receiver:
    """An HTTP server that writes down every request and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda request: Answer()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.serve(self, Request(self.path, headers, body))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def serve(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
        answer = self.answer(request)
        try:
            handler.send_response(answer.status)
            for name, value in answer.headers:
                handler.send_header(name, value)
            if answer.status != 204:
                handler.send_header("content-length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
        except OSError:
            handler.close_connection = True  # the sender has gone

    def of(self, action_id: str) -> list[int]:
        """The numbers of an action's events in the order in which they came."""
        return [r.sequence for r in list(self.requests) if r.action_id == action_id]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Notebook:
    """A callable that writes down every message, and raises while it is told to."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refuses: Callable[[Message], bool] = lambda message: False

    def __call__(self, message: Message) -> None:
        self.messages.append(message)
        if self.refuses(message):
            raise ValueError("the text of a person")

    def by_action(self) -> dict[str, list[int]]:
        return by_action(self.messages)


def by_action(messages: Sequence[Message]) -> dict[str, list[int]]:
    """action -> the numbers of its events in the order in which they came."""
    found: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        found[message.action_id].append(message.sequence)
    return dict(found)


def log_by_action(flow: PaidFlow) -> dict[str, list[int]]:
    """action -> the numbers of its events, as the log has them."""
    found: dict[str, list[int]] = defaultdict(list)
    with flow.store.reading() as tx:
        rows = tx.execute(
            "select originator_id, originator_version from paidflow_log order by notification_id"
        ).fetchall()
    for row in rows:
        found[row["originator_id"]].append(row["originator_version"])
    return dict(found)


def queued(flow: PaidFlow) -> int:
    """How many deliveries wait in the database."""
    with flow.store.reading() as tx:
        row = tx.execute("select count(*) as total from paidflow_deliveries").fetchone()
    assert row is not None
    return row["total"]
