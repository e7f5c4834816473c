"""The wall behind a real HTTP server; the header ``x-actor`` stands for a login."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self

import httpx
import uvicorn
from fastapi import FastAPI, Header

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from paidflow.web import router
from tests.waiting import LONG_S, wait_until


def who(x_actor: Annotated[str | None, Header()] = None) -> str | None:
    return x_actor


class Running:
    """An application that uvicorn serves in a thread.

    Args:
        app: what is served.
        port: where, on loopback; 0 for any that is free.
    """

    def __init__(self, app: FastAPI, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(LONG_S)
        self._socket.close()
        assert not self._thread.is_alive()


class Site:
    """A flow that is served over HTTP.

    Args:
        flow: what is served.
        bank: the sandbox behind it.
        settings: of the router.
    """

    def __init__(self, flow: PaidFlow, bank: SandboxGateway, **settings: Any) -> None:
        self.flow = flow
        self.bank = bank
        self.app = FastAPI()
        self.app.include_router(router(flow, actor=who, **settings))
        self._running = Running(self.app)
        self.url = f"http://127.0.0.1:{self._running.port}"
        self._clients: list[httpx.Client] = []

    def __enter__(self) -> Self:
        self._running.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self._running.stop()

    def client(self, actor: str | None = None, **headers: str) -> httpx.Client:
        """A client of somebody."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if actor is not None:
            told["x-actor"] = actor
        client = httpx.Client(base_url=self.url, headers=told, timeout=LONG_S)
        self._clients.append(client)
        return client


@contextmanager
def events(
    client: httpx.Client, path: str, **headers: str
) -> Iterator[Iterator[tuple[str, int, Any]]]:
    """The events of a stream: kind, id, data."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream("GET", path, headers=told) as answer:
        assert answer.status_code == 200, answer.read()
        yield _read(answer)


def _read(answer: httpx.Response) -> Iterator[tuple[str, int, Any]]:
    found: dict[str, str] = {}
    until = time.monotonic() + LONG_S
    for line in answer.iter_lines():
        assert time.monotonic() < until, "the event did not come"
        name, _, value = line.partition(": ")
        if line and name:
            found[name] = value
        elif found:
            kind = found["event"]
            data = json.loads(found["data"]) if kind == "receipt" else found["data"]
            yield kind, int(found.get("id", -1)), data
            found = {}


def address_of(served: subprocess.Popen[str]) -> str:
    """Where a process with uvicorn says that it listens."""
    assert served.stderr is not None
    for line in served.stderr:
        if found := re.search(r"running on (http://[\d.:]+)", line):
            return found[1]
    raise AssertionError("the server did not start")
