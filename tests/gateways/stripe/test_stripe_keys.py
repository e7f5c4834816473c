"""Commands that are sent again, and answers that are none."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from paidflow.money import Money
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    Declined,
    Held,
    NotSent,
    Open,
    Opened,
    Settled,
    Unknown,
    Unreachable,
)
from paidflow.payments.stripe import StripeGateway
from paidflow.testing import ManualClock
from tests.gateways.stripe.account import SECRET_KEY
from tests.gateways.stripe.front import Front, Misdeed
from tests.gateways.stripe.payer import Payer
from tests.gateways.stripe.payments import TEN, capture, held, open_command, opened

pytestmark = pytest.mark.gateways

DAY_H = 24


def test_the_same_key_gives_the_same_payment(gateway: StripeGateway, front: Front) -> None:
    assert opened(gateway) == opened(gateway)
    assert opened(gateway, "other").invoice_id != opened(gateway).invoice_id
    assert len(front.account.payments) == 2


def test_eight_at_once_with_one_key_open_one_payment(gateway: StripeGateway, front: Front) -> None:
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda _: gateway.open(open_command()), range(8)))
    assert len(front.account.payments) == 1
    assert len({each.invoice for each in told if isinstance(each, Opened)}) == 1
    assert {type(each) for each in told} <= {Opened, Unknown}


def test_while_it_is_carried_out_nothing_is_known(gateway: StripeGateway, front: Front) -> None:
    front.at_work.clear()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(gateway.open, open_command())
        while not front.requests:
            assert not first.done()
        told = gateway.open(open_command())
        front.at_work.set()
        assert told == Unknown("status 409")
        assert isinstance(first.result(), Opened)


def test_the_same_key_for_another_amount_is_declined(gateway: StripeGateway) -> None:
    opened(gateway)
    told = gateway.open(open_command(amount=Money(1001, "EUR")))
    assert told == Declined("idempotency_error")


@pytest.mark.parametrize("hours", [0, DAY_H - 1, DAY_H + 1, DAY_H * 40])
def test_a_command_that_may_have_been_sent_finds_its_payment_however_old(
    gateway: StripeGateway, front: Front, clock: ManualClock, hours: int
) -> None:
    front.misdeeds.append(Misdeed(500, after=True))
    assert gateway.open(open_command()) == Unknown("status 500")
    clock.tick(hours=hours)
    told = gateway.open(open_command(again=True))
    assert isinstance(told, Opened)
    assert list(front.account.payments) == [told.invoice.invoice_id]


def test_what_the_search_does_not_show_yet_the_key_finds(
    gateway: StripeGateway, front: Front
) -> None:
    first = opened(gateway)
    front.misdeeds.append(Misdeed(200, b'{"object":"search_result","data":[]}'))
    told = gateway.open(open_command(again=True))
    assert told == Opened(first)


def test_where_there_is_no_search_the_key_has_to_do(gateway: StripeGateway, front: Front) -> None:
    front.misdeeds.append(Misdeed(400, b'{"error":{"type":"invalid_request_error"}}'))
    assert isinstance(gateway.open(open_command(again=True)), Opened)


def test_it_is_not_sent_if_the_search_fails(gateway: StripeGateway, front: Front) -> None:
    front.misdeeds.append(Misdeed(503))
    assert gateway.open(open_command(again=True)) == NotSent("status 503")
    assert front.account.payments == {}


def test_a_key_with_quotes_is_searched_for_as_it_is(gateway: StripeGateway, front: Front) -> None:
    command = open_command("it's \\ odd")
    first = gateway.open(command)
    assert isinstance(first, Opened)
    assert gateway.open(replace(command, again=True)) == first


@pytest.mark.parametrize(
    ("misdeed", "outcome", "lookup"),
    [
        (Misdeed(401), NotSent("api_key is not accepted (status 401)"), None),
        (Misdeed(403), NotSent("api_key does not allow this (status 403)"), None),
        (Misdeed(429), NotSent("too many requests (status 429)"), None),
        (
            Misdeed(302, headers={"Location": "/"}),
            NotSent("url leads somewhere else (status 302)"),
            None,
        ),
        (Misdeed(500), Unknown("status 500"), None),
        (Misdeed(503, b"<html>"), Unknown("status 503"), None),
        (Misdeed(409, b'{"error":{"code":"lock_timeout"}}'), Unknown("status 409"), None),
        (Misdeed(200, b"<html>"), Unknown("status 200"), None),
        (Misdeed(200, b""), Unknown("status 200"), None),
        (Misdeed(200, b"[1]"), Unknown("an answer that nobody understands"), None),
        (Misdeed(200, b'{"id":7}'), Unknown("an answer that nobody understands"), None),
        (Misdeed(200, b"null"), Unknown("an answer that nobody understands"), None),
        (
            Misdeed(402, b'{"error":{"code":"card_declined"}}'),
            Declined("card_declined"),
            "card_declined",
        ),
        (Misdeed(400, b'{"error":{"code":"Odd Code!"}}'), Declined("refused"), "refused"),
        (Misdeed(400, b"<html>"), Unknown("status 400"), None),
    ],
    ids=lambda value: f"{value.status}{value.body[:9]!r}" if isinstance(value, Misdeed) else "",
)
def test_what_came_of_a_request(
    gateway: StripeGateway,
    front: Front,
    payer: Payer,
    misdeed: Misdeed,
    outcome: object,
    lookup: str | None,
) -> None:
    invoice = held(gateway, payer)
    for command in (
        lambda: gateway.open(open_command("other")),
        lambda: gateway.capture(capture(invoice)),
        lambda: gateway.cancel(CancelCommand(invoice.invoice_id, "k-cancel")),
    ):
        front.misdeeds.append(misdeed)
        assert command() == outcome
    front.misdeeds.append(misdeed)
    reason = lookup or outcome.reason  # pyright: ignore
    assert gateway.lookup(invoice.invoice_id) == Unreachable(reason)
    front.misdeeds.append(misdeed)
    assert gateway.holdings() == Unreachable(reason)


def test_what_was_done_although_the_answer_was_none_is_shown(
    gateway: StripeGateway, front: Front, payer: Payer
) -> None:
    invoice = held(gateway, payer)
    front.misdeeds.append(Misdeed(500, after=True))
    assert gateway.capture(capture(invoice)) == Unknown("status 500")
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_after_an_error_of_stripe_a_capture_can_be_tried_again_at_once(
    gateway: StripeGateway, front: Front, payer: Payer
) -> None:
    """Stripe keeps even a 500 under a key for a day; a hold may not have that long."""
    invoice = held(gateway, payer)
    front.misdeeds.append(Misdeed(500))
    assert gateway.capture(capture(invoice)) == Unknown("status 500")
    assert isinstance(gateway.lookup(invoice.invoice_id), Held)
    assert gateway.capture(capture(invoice)) == Accepted()
    assert gateway.lookup(invoice.invoice_id) == Settled(TEN)


def test_a_close_that_failed_after_the_time_was_over_is_tried_at_the_next_look(
    gateway: StripeGateway, front: Front, clock: ManualClock
) -> None:
    invoice = opened(gateway)
    clock.tick(days=1)
    front.misdeeds.append(Misdeed(200, _open_payment(front, invoice.invoice_id)))
    front.misdeeds.append(Misdeed(500))
    front.misdeeds.append(Misdeed(200, _open_payment(front, invoice.invoice_id)))
    assert gateway.lookup(invoice.invoice_id) == Open()
    assert front.account.payment(invoice.invoice_id)["status"] == "requires_payment_method"
    gateway.lookup(invoice.invoice_id)
    assert front.account.payment(invoice.invoice_id)["status"] == "canceled"


def _open_payment(front: Front, payment_id: str) -> bytes:
    return json.dumps(front.account.payment(payment_id)).encode()


def test_a_wrong_key_names_the_setting(front: Front, clock: ManualClock) -> None:
    wrong = StripeGateway("sk_test_wrong", account="acct_1", currencies=["EUR"], url=front.url)
    assert wrong.open(open_command()) == NotSent("api_key is not accepted (status 401)")
    wrong.close()


def test_no_secret_is_logged_or_shown(
    gateway: StripeGateway, front: Front, payer: Payer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    invoice = held(gateway, payer)
    gateway.capture(capture(invoice))
    gateway.lookup(invoice.invoice_id)
    front.misdeeds.append(Misdeed(400, f'{{"error":{{"message":"{SECRET_KEY}"}}}}'.encode()))
    told = gateway.cancel(CancelCommand(invoice.invoice_id, "k-cancel"))
    written = caplog.text + repr(gateway) + repr(invoice) + repr(told)
    assert "HTTP Request: POST" in written
    assert SECRET_KEY not in written
    assert invoice.payment_request not in written


def test_a_cancelled_payment_is_found_again_as_it_is(gateway: StripeGateway) -> None:
    invoice = opened(gateway)
    gateway.cancel(CancelCommand(invoice.invoice_id, "k-cancel"))
    told = gateway.open(open_command(again=True))
    assert told == Opened(invoice)
    assert gateway.lookup(invoice.invoice_id) == Cancelled()
