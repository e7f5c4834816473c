"""Stripe's API in front of an account: keys of idempotency, and misbehaviour on order."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

from paidflow.clock import Clock
from tests.gateways.stripe.account import PUBLISHABLE_KEY, SECRET_KEY, Account
from tests.gateways.stripe.objects import Json, Refusal, page

WEBHOOK_SECRET = "whsec_only_for_tests"
SCRIPT_PATH = "/v3/"
KEYS_KEPT = timedelta(hours=24)
_PAYER = re.compile(r"/v1/payment_methods|/v1/payment_intents/\w+/(confirm|_authenticate)")
_STATE = re.compile(r"/v1/payment_intents/(\w+)/(capture|cancel|confirm|_authenticate)")
_NEVER_KEPT = (401, 403, 409, 429)


@dataclass
class Kept:
    """What was answered under a key of idempotency; nothing yet while it is worked on."""

    request: tuple[str, str]
    at: datetime
    status: int = 0
    body: bytes = b""


@dataclass
class Misdeed:
    """An answer that the account did not give.

    Args:
        status: of HTTP.
        body: instead of the account's.
        after: whether the account has done what was asked for.
        headers: of the answer.
        at: what the path of the request ends with; empty for any request.
    """

    status: int
    body: bytes = b"{}"
    after: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    at: str = ""


class Front:
    """Stripe's API on loopback.

    Args:
        account: what is behind it.
        clock: where the time comes from.

    Attributes:
        url: where it is.
        requests: what was asked for: method, path and what was sent.
        misdeeds: what is answered to the next requests, each once.
        at_work: set to let requests go on; cleared, they wait while they are worked on.
    """

    def __init__(self, account: Account, clock: Clock) -> None:
        self.account = account
        self.requests: list[tuple[str, str, Json]] = []
        self.misdeeds: list[Misdeed] = []
        self.at_work = threading.Event()
        self.at_work.set()
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._keys, self._state = threading.Lock(), threading.RLock()
        self.url = ""

    @contextmanager
    def served(self) -> Iterator[Front]:
        """Listen, and answer."""
        server = _Server(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def webhook(self, event: Json, *, secret: str = WEBHOOK_SECRET) -> tuple[Json, bytes]:
        """The headers and the body of a genuine webhook."""
        body = json.dumps(event)
        signature = stripe.WebhookSignature.generate_signature_header(
            body, secret, int(self._clock.now().timestamp())
        )
        return {"Stripe-Signature": signature, "Content-Type": "application/json"}, body.encode()

    def answer(self, method: str, target: str, headers: Json, content: str) -> Misdeed:
        """What is answered to a request."""
        path, query = urlsplit(target).path, urlsplit(target).query
        form = unflattened(content if method == "POST" else query)
        self.requests.append((method, path, form))
        misdeed = next((each for each in self.misdeeds if path.endswith(each.at)), None)
        if misdeed is not None:
            self.misdeeds.remove(misdeed)
        if misdeed is not None and not misdeed.after:
            return misdeed
        if path == SCRIPT_PATH:
            return Misdeed(200, self.account.script(), headers={"Content-Type": "text/javascript"})
        try:
            self._check_key(path, headers.get("authorization", f"Bearer {form.pop('key', '')}"))
            key = headers.get("idempotency-key") if method == "POST" else None
            work = self._work(method, path, form)
            told = self._once(key, (path, content), work) if key else _told(200, work())
        except Refusal as refusal:
            told = _told(refusal.status, refusal.body)
        return misdeed or told

    def _once(self, key: str, request: tuple[str, str], work: Callable[[], Any]) -> Misdeed:
        """Do something at most once for each key that is remembered."""
        with self._keys:
            now = self._clock.now()
            kept = self._kept.get(key)
            if kept is not None and now - kept.at < KEYS_KEPT:
                if kept.request != request:
                    raise Refusal(400, "idempotency_error", kind="idempotency_error")
                if not kept.status:
                    raise Refusal(409, "idempotency_key_in_use")
                replayed = {"Idempotent-Replayed": "true"}
                return Misdeed(kept.status, kept.body, headers=replayed)
            kept = self._kept[key] = Kept(request, now)
        try:
            told = _told(200, work())
        except Refusal as refusal:
            told = _told(refusal.status, refusal.body)
        with self._keys:
            if told.status in _NEVER_KEPT:
                del self._kept[key]
            else:
                kept.status, kept.body = told.status, told.body
        return told

    def _work(self, method: str, path: str, form: Json) -> Callable[[], Any]:
        def work() -> Any:
            assert self.at_work.wait(60)
            with self._state:
                return self._route(method, path, form)

        return work

    def _route(self, method: str, path: str, form: Json) -> Any:
        account = self.account
        if state := _STATE.fullmatch(path):
            steps = {"_authenticate": "authenticate"}
            step = getattr(account, steps.get(state[2], state[2]))
            return step(state[1], form)
        whole = "latest_charge.refunds" in form.get("expand", [])
        match (method, path.removeprefix("/v1/").split("/")):
            case ("POST", ["payment_intents"]):
                return account.create(form)
            case ("GET", ["payment_intents", "search"]):
                return {"object": "search_result", "data": account.search(form["query"])}
            case ("GET", ["payment_intents", payment_id]):
                return account.payment(payment_id, whole=whole)
            case ("POST", ["payment_methods"]):
                return account.payment_method(form)
            case ("POST", ["refunds"]):
                return account.refund(form)
            case ("GET", ["refunds"]):
                return page(account.refunds(form["payment_intent"]), form)
            case ("GET", ["disputes"]):
                return page(account.disputes(form["payment_intent"]), form)
            case ("GET", ["events"]):
                wanted = form.get("types", [])
                events = [each for each in account.events[::-1] if each["type"] in wanted]
                return page(events, form)
            case ("GET", ["balance"]):
                return account.balance()
            case _:
                raise Refusal(404, "url_invalid")

    def _check_key(self, path: str, authorization: str) -> None:
        payer = authorization == f"Bearer {PUBLISHABLE_KEY}" and _PAYER.fullmatch(path)
        if authorization != f"Bearer {SECRET_KEY}" and not payer:
            raise Refusal(401, "api_key_invalid", kind="authentication_error")


def unflattened(encoded: str) -> Json:
    """A form: ``metadata[a]=1`` is a dict, ``expand[0]=a`` a list."""
    form: Json = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        outer, bracket, inner = name.partition("[")
        inner = inner.removesuffix("]")
        if not bracket:
            form[outer] = value
        elif inner.isdigit() or not inner:
            form.setdefault(outer, []).append(value)
        else:
            form.setdefault(outer, {})[inner] = value
    return form


def _told(status: int, body: Any) -> Misdeed:
    return Misdeed(status, json.dumps(body).encode())


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever has asked is gone; some tests want it so."""


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = front.answer(self.command, self.path, headers, content)
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
