"""The sandbox bank behind HTTP, and an adapter for it, as for a processor on the network."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from paidflow.money import Money
from paidflow.payments import contract as c
from paidflow.payments.http import GatewayHttp, SettingNames
from paidflow.payments.sandbox import SandboxGateway

OUTCOMES = (c.Accepted, c.Declined, c.NotSent, c.Unknown)
OPENED = (c.Opened, c.Declined, c.NotSent, c.Unknown)
LOOKUPS = (c.Open, c.Pending, c.Held, c.Settled, c.Cancelled, c.Expired, c.NotFound, c.Unreachable)
PAYMENTS = (c.InFlight, c.PaidOut, c.PayFailed, c.NotFound, c.Unreachable)
WORDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(*OUTCOMES, *OPENED, *LOOKUPS, *PAYMENTS, Money, c.Invoice, c.Updates, c.Hint),
        *(c.OpenCommand, c.CaptureCommand, c.CancelCommand, c.RefundCommand, c.PayOutCommand),
        *(c.InstantDeadline, c.HeightDeadline, c.Reversal),
        *(c.ReversalKind, c.ReversalStatus, c.PayFailure),
    )
}


class BankServer:
    """Serves a sandbox bank on loopback to whoever has its key.

    Args:
        bank: what is served.
        key: what clients have to show.
    """

    def __init__(self, bank: SandboxGateway, key: str) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bank, key))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class HttpBank:
    """A gateway to a ``BankServer``.

    Args:
        url: its address.
        key: the key of the account.
        webhook_secret: what its webhooks are signed with.
        profile: what the bank behind it can do.
        timeout_s: how long a call may take.
    """

    def __init__(
        self, url: str, *, key: str, webhook_secret: str, profile: c.Profile, timeout_s: float = 10
    ) -> None:
        self.profile = profile
        self._reader = SandboxGateway(":memory:", sandbox=True, webhook_secret=webhook_secret)
        self._http = GatewayHttp(
            url,
            headers={"Authorization": f"Bearer {key}"},
            settings=SettingNames(credentials="key"),
            timeout_s=timeout_s,
        )

    def open(self, command: c.OpenCommand) -> c.OpenOutcome:
        return self._command("open", command, OPENED)

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        return self._command("capture", command, OUTCOMES)

    def cancel(self, command: c.CancelCommand) -> c.CommandOutcome:
        return self._command("cancel", command, OUTCOMES)

    def refund(self, command: c.RefundCommand) -> c.CommandOutcome:
        return self._command("refund", command, OUTCOMES)

    def pay_out(self, command: c.PayOutCommand) -> c.CommandOutcome:
        read = self.decode(command.destination)
        return read if isinstance(read, c.Declined) else self._command("pay_out", command, OUTCOMES)

    def lookup(self, invoice_id: str) -> c.Lookup:
        return self._ask("lookup", {"about": invoice_id}, LOOKUPS)

    def lookup_payment(self, payment_id: str) -> c.PaymentLookup:
        return self._ask("lookup_payment", {"about": payment_id}, PAYMENTS)

    def holdings(self) -> tuple[Money, ...] | c.Unreachable:
        return self._ask("holdings", {}, (tuple, c.Unreachable))

    def updates(self, cursor: str | None) -> c.Updates:
        told = self._ask("updates", {} if cursor is None else {"about": cursor}, (c.Updates,))
        return told if isinstance(told, c.Updates) else c.Updates((), cursor or "")

    def decode(self, destination: str) -> c.Destination | c.Declined:
        return self._reader.decode(destination)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        return self._reader.parse_webhook(headers, body)

    def _command(self, name: str, command: object, kinds: tuple[type, ...]) -> Any:
        reply = self._http.command("POST", f"/{name}", written(command))
        if isinstance(reply, c.NotSent | c.Unknown):
            return reply
        if not reply.ok:
            return c.Declined(f"status {reply.status}")
        answer = read(reply.body)
        return answer if isinstance(answer, kinds) else c.Unknown("nobody understands the answer")

    def _ask(self, name: str, params: Mapping[str, str], kinds: tuple[type, ...]) -> Any:
        reply = self._http.ask(f"/{name}", params)
        if isinstance(reply, c.Unreachable):
            return reply
        answer = read(reply.body) if reply.ok else None
        if isinstance(answer, kinds):
            return answer
        return c.Unreachable(f"status {reply.status}, and nobody understands the answer")


def _handler(bank: SandboxGateway, key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            about = parse_qs(url.query, keep_blank_values=True).get("about")
            name = url.path.strip("/")
            if name == "updates":
                self._answer(lambda: bank.updates(about[0] if about else None))
            elif name == "holdings":
                self._answer(bank.holdings)
            else:
                self._answer(lambda: getattr(bank, name)(about[0] if about else ""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            name = self.path.strip("/")
            self._answer(lambda: getattr(bank, name)(read(json.loads(body))))

        def _answer(self, work: Callable[[], object]) -> None:
            given = self.headers.get("authorization", "")
            allowed = hmac.compare_digest(given, f"Bearer {key}")
            body = json.dumps(written(work()) if allowed else None).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """The standard library would write each request to the console."""

    return Handler


def written(value: Any) -> Any:
    """A value of the contract as JSON."""
    match value:
        case datetime():
            return {"type": "datetime", "value": value.isoformat()}
        case bytes():
            return {"type": "bytes", "value": value.hex()}
        case StrEnum():
            return {"type": type(value).__name__, "value": value.value}
        case tuple():
            return {"type": "tuple", "items": [written(each) for each in value]}
        case None | bool() | int() | str():
            return value
        case _:
            parts = {part.name: written(getattr(value, part.name)) for part in fields(value)}
            return {"type": type(value).__name__, **parts}


def read(value: object) -> Any:
    """A value of the contract from JSON; ``None`` if it is none."""
    try:
        return _read(value)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    match value:
        case {"type": "datetime", "value": str(text)}:
            return datetime.fromisoformat(text)
        case {"type": "tuple", "items": list(items)}:
            return tuple(map(_read, items))
        case {"type": "bytes", "value": str(text)}:
            return bytes.fromhex(text)
        case {"type": str(name), **parts}:
            words = {part: _read(value) for part, value in parts.items()}
            return WORDS[name](**words)
        case _:
            raise ValueError("an object without a type")
