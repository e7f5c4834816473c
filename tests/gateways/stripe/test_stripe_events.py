"""Messages of Stripe: the list of events with a cursor, and webhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from paidflow.errors import WebhookRefused
from paidflow.money import Money
from paidflow.payments.contract import CancelCommand, Hint, RefundCommand, Updates
from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from tests.gateways.stripe.account import SECRET_KEY
from tests.gateways.stripe.front import WEBHOOK_SECRET, Front, Misdeed
from tests.gateways.stripe.payer import DECLINED, SECURE, Payer
from tests.gateways.stripe.payments import capture, held, opened, paid
from tests.waiting import wait_until

pytestmark = pytest.mark.gateways


def read_all(gateway: StripeGateway, cursor: str | None = None) -> tuple[set[str], str]:
    """All payments that there are messages about, and the cursor behind them."""
    seen: set[str] = set()
    while True:
        updates = gateway.updates(cursor)
        seen |= {hint.invoice_id for hint in updates.hints}
        if updates.cursor == cursor:
            return seen, updates.cursor
        cursor = updates.cursor


def about(front: Front) -> list[str]:
    return [event["type"] for event in front.account.events]


def test_nothing_has_happened(gateway: StripeGateway) -> None:
    assert gateway.updates(None) == Updates((), "")
    assert gateway.updates("") == Updates((), "")


def test_all_that_happens_is_told(gateway: StripeGateway, payer: Payer, front: Front) -> None:
    seen: dict[str, set[str]] = {}

    def told(what: str) -> None:
        seen[what], told.cursor = read_all(gateway, told.cursor)

    told.cursor = None
    invoice = held(gateway, payer)
    told("held")
    gateway.capture(capture(invoice))
    told("captured")
    gateway.refund(RefundCommand(invoice.invoice_id, "r1", Money(400, "EUR")))
    told("refunded")
    front.account.finish_refund(invoice.invoice_id, "failed")
    told("bounced")
    front.account.dispute(invoice.invoice_id, "needs_response")
    told("disputed")
    assert seen == {what: {invoice.invoice_id} for what in seen}
    told("nothing")
    assert seen["nothing"] == set()


def test_a_declined_card_and_what_is_on_its_way_are_told(
    gateway: StripeGateway, payer: Payer, front: Front
) -> None:
    first, second, third = (opened(gateway, key) for key in "abc")
    payer.pay(first.payment_request, DECLINED)
    payer.pay(second.payment_request, slow=True)
    payer.pay(third.payment_request, SECURE)
    gateway.cancel(CancelCommand(third.invoice_id, "c"))
    assert read_all(gateway)[0] == {first.invoice_id, second.invoice_id, third.invoice_id}
    assert about(front) == [
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.canceled",
    ]


def test_from_the_beginning_there_is_everything_however_much_it_is(
    gateway: StripeGateway, front: Front, payer: Payer
) -> None:
    old = paid(gateway, payer)
    for number in range(250):
        front.account.events.append(_event(f"evt_old{number}", f"pi_{number}"))
    first = gateway.updates(None)
    assert len(first.hints) == 100
    front.account.events.append(_event("evt_meanwhile", "pi_meanwhile"))
    seen, cursor = read_all(gateway, first.cursor)
    seen |= {hint.invoice_id for hint in first.hints}
    assert seen == {old, "pi_meanwhile"} | {f"pi_{number}" for number in range(250)}
    for number in range(250):
        front.account.events.append(_event(f"evt_new{number}", f"pi_new{number}"))
    assert read_all(gateway, cursor)[0] == {f"pi_new{number}" for number in range(250)}


@pytest.mark.parametrize("cursor", ["evt_forgotten", "evt_1 evt_forgotten", "nonsense", "a b c"])
def test_a_cursor_that_stripe_has_forgotten_begins_again(
    gateway: StripeGateway, payer: Payer, cursor: str
) -> None:
    invoice_id = paid(gateway, payer)
    assert gateway.updates(cursor) == Updates((), "")
    assert read_all(gateway, cursor)[0] == {invoice_id}


@pytest.mark.parametrize("cursor", [None, "evt_1", "evt_9 evt_1"])
def test_an_outage_keeps_the_cursor(
    gateway: StripeGateway, front: Front, cursor: str | None
) -> None:
    front.misdeeds.append(Misdeed(500))
    assert gateway.updates(cursor) == Updates((), cursor or "")


def test_a_webhook_is_a_hint(gateway: StripeGateway, payer: Payer, front: Front) -> None:
    invoice_id = paid(gateway, payer)
    gateway.refund(RefundCommand(invoice_id, "r1", Money(400, "EUR")))
    front.account.dispute(invoice_id, "needs_response")
    assert len(front.account.events) == 3
    for event in front.account.events:
        headers, body = front.webhook(event)
        assert gateway.parse_webhook(headers, body) == (Hint(invoice_id),)
        assert gateway.parse_webhook({k.lower(): v for k, v in headers.items()}, body) == (
            Hint(invoice_id),
        )


def test_localstripes_own_webhook_is_a_hint(
    gateway: StripeGateway, payer: Payer, clock: ManualClock, localstripe: str
) -> None:
    """Signed by somebody else's code, with the time of this machine."""
    with receiver() as (url, received):
        hook = {"url": url, "secret": WEBHOOK_SECRET, "events": ["payment_intent.succeeded"]}
        auth = (SECRET_KEY, "")
        httpx.post(f"{localstripe}/_config/webhooks/w", json=hook, auth=auth).raise_for_status()
        invoice_id = paid(gateway, payer)
        wait_until(lambda: any(invoice_id in body for _, body in received))
    headers, body = next(each for each in received if invoice_id in each[1])
    clock.tick(time.time() - clock.now().timestamp())
    assert gateway.parse_webhook(headers, body.encode()) == (Hint(invoice_id),)
    clock.tick(3600)
    with pytest.raises(WebhookRefused, match="too old"):
        gateway.parse_webhook(headers, body.encode())


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], str]]]]:
    """An endpoint for webhooks, and what has come there."""
    received: list[tuple[dict[str, str], str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            received.append((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _event(event_id: str, payment_id: str) -> dict[str, object]:
    thing = {"object": "payment_intent", "id": payment_id}
    kind = "payment_intent.succeeded"
    return json.loads(
        json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": thing}})
    )
