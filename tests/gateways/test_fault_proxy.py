"""The fault proxy does what it is told to, in front of a plain HTTP server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.gateways.fault_proxy import Fault, FaultProxy
from tests.waiting import wait_until


class Counter(BaseHTTPRequestHandler):
    """Counts what it is sent."""

    protocol_version = "HTTP/1.1"
    count = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        type(self).count += 1
        self.send_response(200)
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"done")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    Counter.count = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Counter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with FaultProxy(server.server_port) as proxy:
            yield proxy
        server.shutdown()


def post(proxy: FaultProxy, client: httpx.Client) -> str:
    url = f"http://127.0.0.1:{proxy.port}/"
    return client.post(url, json={"a": "b" * 1000}, timeout=1.0).text


@pytest.mark.parametrize(
    ("fault", "error", "arrived"),
    [
        (Fault.CUT_BEFORE, httpx.NetworkError, 0),
        (Fault.CUT_AFTER, httpx.NetworkError, 1),
        (Fault.HALF_ANSWER, (httpx.NetworkError, httpx.RemoteProtocolError), 1),
        (Fault.SILENCE_BEFORE, httpx.ReadTimeout, 0),
        (Fault.SILENCE_AFTER, httpx.ReadTimeout, 1),
    ],
)
@pytest.mark.parametrize("used_before", [True, False])
def test_one_request_is_spoilt(
    proxy: FaultProxy,
    fault: Fault,
    error: type[Exception],
    arrived: int,
    used_before: bool,
) -> None:
    with httpx.Client() as client:
        if used_before:
            assert post(proxy, client) == "done"
        proxy.spoil_next(fault)
        with pytest.raises(error):
            post(proxy, client)
        wait_until(lambda: Counter.count >= used_before + arrived)
        assert Counter.count == used_before + arrived
        assert post(proxy, client) == "done"
        assert proxy.spoilt == 1


def test_connections_are_refused_for_a_while(proxy: FaultProxy) -> None:
    with httpx.Client() as client:
        assert post(proxy, client) == "done"
        with proxy.refusing(), pytest.raises((httpx.ConnectError, httpx.ReadError)):
            post(proxy, client)
        with proxy.refusing(), pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", proxy.port))
        assert post(proxy, client) == "done"
