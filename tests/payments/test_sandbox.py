"""The sandbox gateway: its answers, its controls, its faults, and that it outlives a process."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from paidflow.errors import InvalidConfiguration, SandboxRefused, WebhookRefused
from paidflow.money import Money, sats
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Cancelled,
    Capability,
    CaptureCommand,
    Declined,
    Expired,
    Gateway,
    HeightDeadline,
    Held,
    Hint,
    InstantDeadline,
    Invoice,
    Lookup,
    NotFound,
    NotSent,
    Open,
    OpenCommand,
    Opened,
    OpenOutcome,
    Pending,
    Settled,
    Unknown,
    Unreachable,
)
from paidflow.payments.sandbox import PAGE, SandboxGateway
from paidflow.payments.sandbox_controls import HOLD_BLOCKS, HOLD_S
from paidflow.payments.sandbox_webhooks import SIGNATURE_HEADER

START = datetime(2030, 1, 1, tzinfo=UTC)
EXPIRY_S = 600
PREIMAGE = bytes(range(32))
HASH = hashlib.sha256(PREIMAGE).hexdigest()
ASKED = sats(10)
SECRET = "a webhook secret nobody may see"


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def forward(self, seconds: int) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["file", "memory"])
def bank(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> SandboxGateway:
    path = ":memory:" if request.param == "memory" else tmp_path / "bank.db"
    return SandboxGateway(path, sandbox=True, clock=clock, webhook_secret=SECRET)


@pytest.fixture
def by_time(clock: HandClock) -> SandboxGateway:
    return SandboxGateway(":memory:", sandbox=True, clock=clock, close_grace_s=300)


def command(key: str = "k", *, amount: Money = ASKED, hold: bool = False, hashed: bool = False):
    return OpenCommand(key, amount, hold, HASH if hashed else None, "a post", EXPIRY_S)


def invoice(outcome: OpenOutcome) -> Invoice:
    assert isinstance(outcome, Opened)
    return outcome.invoice


def opened(
    bank: SandboxGateway, key: str = "k", *, hold: bool = False, hashed: bool = False
) -> str:
    return invoice(bank.open(command(key, hold=hold, hashed=hashed))).invoice_id


def held(bank: SandboxGateway, key: str = "k", *, hashed: bool = False) -> str:
    invoice_id = opened(bank, key, hold=True, hashed=hashed)
    assert bank.pay(invoice_id)
    return invoice_id


def capture(invoice_id: str, amount: Money = ASKED, preimage: bytes | None = None):
    return CaptureCommand(invoice_id, "capture", amount, preimage)


def cancel(invoice_id: str) -> CancelCommand:
    return CancelCommand(invoice_id, "cancel")


def hinted(bank: SandboxGateway, cursor: str | None = None) -> list[str]:
    return [hint.invoice_id for hint in bank.updates(cursor).hints]


# The gateway and its profile.


@pytest.mark.parametrize("consent", [{}, {"sandbox": False}, {"sandbox": "true"}, {"sandbox": 1}])
def test_it_starts_only_with_sandbox_true(tmp_path: Path, consent: dict[str, bool]) -> None:
    with pytest.raises(SandboxRefused):
        SandboxGateway(tmp_path / "bank.db", **consent)
    assert not (tmp_path / "bank.db").exists()


def test_it_is_a_gateway_with_a_profile(bank: SandboxGateway, by_time: SandboxGateway) -> None:
    assert isinstance(bank, Gateway)
    assert bank.profile.capabilities == frozenset(Capability)
    assert (bank.profile.account, bank.profile.currencies) == ("sandbox", {"BTC"})
    assert (bank.profile.invoice_expiry_s, bank.profile.patience_s) == (600, 60)
    assert bank.profile.close_grace_s is None
    assert by_time.profile.close_grace_s == 300
    assert Capability.WEBHOOKS not in by_time.profile.capabilities


def test_a_bank_that_cannot_hold_or_close_says_so() -> None:
    bank = SandboxGateway(":memory:", sandbox=True, hold=False, close_grace_s=60)
    lacking = {Capability.HOLD, Capability.CANCEL, Capability.WEBHOOKS}
    assert bank.profile.capabilities == set(Capability) - lacking
    assert isinstance(bank.open(command(hold=True)), Declined)
    assert isinstance(bank.open(command()), Opened)


# Open.


def test_open_gives_an_invoice(bank: SandboxGateway) -> None:
    given = invoice(bank.open(command()))
    assert given.amount == sats(10)
    assert given.payment_request.startswith(f"sandbox:{given.invoice_id}?amount=10000&")
    assert given.expires_at == START + timedelta(seconds=EXPIRY_S)
    assert bank.lookup(given.invoice_id) == Open()


def test_open_with_the_same_key_gives_the_same_invoice(
    bank: SandboxGateway, clock: HandClock
) -> None:
    first = bank.open(command("same"))
    clock.forward(5)
    assert bank.open(command("same")) == first
    assert invoice(bank.open(command("other"))) != invoice(first)
    assert len(bank.books()) == 2


def test_a_payment_hash_is_the_id_and_is_used_once(bank: SandboxGateway) -> None:
    assert opened(bank, "one", hold=True, hashed=True) == HASH
    assert isinstance(bank.open(command("two", hold=True, hashed=True)), Declined)


@pytest.mark.parametrize("amount", [Money(100, "EUR"), sats(0), sats(-1)])
def test_open_declines_what_it_cannot_take(bank: SandboxGateway, amount: Money) -> None:
    assert isinstance(bank.open(command(amount=amount)), Declined)
    assert bank.books() == []


def test_other_currencies_are_counted_apart() -> None:
    bank = SandboxGateway(":memory:", sandbox=True, currencies=("BTC", "EUR"))
    euros = invoice(bank.open(command("e", amount=Money(250, "EUR")))).invoice_id
    assert not bank.pay(euros, sats(10))
    assert bank.pay(euros)
    assert bank.pay(opened(bank))
    assert (bank.total_received("EUR"), bank.total_received()) == (Money(250, "EUR"), sats(10))


# The payer, and the eight answers.


def test_all_eight_answers(bank: SandboxGateway, clock: HandClock) -> None:
    ids = {name: opened(bank, name) for name in ("open", "pending", "settled", "cancelled")}
    ids["held"] = held(bank, "held")
    ids["expired"] = opened(bank, "expired")
    bank.start_payment(ids["pending"])
    bank.pay(ids["settled"])
    bank.cancel(cancel(ids["cancelled"]))
    bank.expire(ids["expired"])
    bank.fault("lookup", "refuse")
    answers: list[Lookup] = [bank.lookup(ids["open"])]
    answers += [bank.lookup(invoice_id) for invoice_id in [*ids.values(), "nobody's"]]
    deadline = InstantDeadline(START + timedelta(seconds=HOLD_S))
    assert answers == [
        Unreachable("refuse"),
        Open(),
        Pending(),
        Settled(sats(10)),
        Cancelled(),
        Held(sats(10), deadline),
        Expired(),
        NotFound(),
    ]


def test_a_payment_settles_a_plain_invoice_once(bank: SandboxGateway) -> None:
    invoice_id = opened(bank)
    assert bank.pay(invoice_id)
    assert not bank.pay(invoice_id)
    assert not bank.pay_late(invoice_id)
    assert bank.lookup(invoice_id) == Settled(sats(10))
    assert bank.total_received() == sats(10)


@pytest.mark.parametrize("amount", [sats(7), sats(13)])
@pytest.mark.parametrize("hold", [False, True])
def test_the_payer_may_send_too_little_or_too_much(
    bank: SandboxGateway, amount: Money, hold: bool
) -> None:
    invoice_id = opened(bank, hold=hold)
    assert bank.pay(invoice_id, amount)
    answer = bank.lookup(invoice_id)
    assert isinstance(answer, Held if hold else Settled)
    assert answer.amount == amount  # type: ignore[union-attr]
    assert (bank.total_held() if hold else bank.total_received()) == amount


def test_what_is_no_payment_is_not_taken(bank: SandboxGateway) -> None:
    invoice_id = opened(bank)
    assert not bank.pay(invoice_id, sats(0))
    assert not bank.pay(invoice_id, sats(-3))
    assert not bank.pay(invoice_id, Money(3, "EUR"))
    assert not bank.pay("nobody's")
    assert bank.lookup(invoice_id) == Open()


def test_a_second_payment_can_be_forced(bank: SandboxGateway) -> None:
    invoice_id = opened(bank)
    assert not bank.pay_again(invoice_id, sats(3))
    bank.pay(invoice_id)
    assert bank.pay_again(invoice_id, sats(3))
    assert bank.lookup(invoice_id) == Settled(sats(13))


def test_a_payment_on_its_way_arrives_or_fails(bank: SandboxGateway, clock: HandClock) -> None:
    invoice_id = opened(bank)
    assert bank.start_payment(invoice_id)
    assert not bank.start_payment(invoice_id)
    assert isinstance(bank.cancel(cancel(invoice_id)), Declined)
    assert bank.fail_payment(invoice_id)
    assert bank.lookup(invoice_id) == Open()
    bank.start_payment(invoice_id)
    clock.forward(EXPIRY_S)
    assert bank.lookup(invoice_id) == Pending()
    assert bank.pay(invoice_id)
    assert bank.lookup(invoice_id) == Settled(sats(10))


def test_a_payment_that_fails_after_the_expiry_leaves_an_expired_invoice(
    bank: SandboxGateway, clock: HandClock
) -> None:
    invoice_id = opened(bank)
    bank.start_payment(invoice_id)
    clock.forward(EXPIRY_S)
    bank.fail_payment(invoice_id)
    assert bank.lookup(invoice_id) == Expired()


@pytest.mark.parametrize("hold", [False, True])
def test_a_closed_invoice_takes_only_late_money(
    bank: SandboxGateway, clock: HandClock, hold: bool
) -> None:
    expired, cancelled = opened(bank, "a", hold=hold), opened(bank, "b", hold=hold)
    bank.cancel(cancel(cancelled))
    clock.forward(EXPIRY_S - 1)
    assert bank.lookup(expired) == Open()
    clock.forward(1)
    assert bank.lookup(expired) == Expired()
    assert bank.payable_invoices() == []
    assert not bank.pay(expired)
    assert not bank.pay(cancelled)
    assert bank.pay_late(expired)
    assert bank.pay(cancelled, sats(4), late=True)
    assert bank.lookup(expired) == Settled(sats(10))
    assert bank.lookup(cancelled) == Settled(sats(4))


def test_a_bank_that_closes_by_time_says_open_for_ever(
    by_time: SandboxGateway, clock: HandClock
) -> None:
    invoice_id = opened(by_time)
    clock.forward(EXPIRY_S + 10_000)
    assert by_time.expire(invoice_id)
    assert by_time.lookup(invoice_id) == Open()
    assert isinstance(by_time.cancel(cancel(invoice_id)), Declined)
    assert by_time.payable_invoices() == [invoice_id]
    assert by_time.pay(invoice_id)
    assert by_time.lookup(invoice_id) == Settled(sats(10))


def test_a_bank_that_closes_by_time_still_releases_a_hold(by_time: SandboxGateway) -> None:
    invoice_id = held(by_time)
    assert by_time.cancel(cancel(invoice_id)) == Accepted()
    assert by_time.lookup(invoice_id) == Cancelled()


def test_a_forgotten_invoice_can_still_be_paid(bank: SandboxGateway) -> None:
    invoice_id = held(bank)
    assert bank.forget(invoice_id)
    assert bank.lookup(invoice_id) == NotFound()
    assert isinstance(bank.capture(capture(invoice_id)), Declined)
    assert isinstance(bank.cancel(cancel(invoice_id)), Declined)
    other = opened(bank, "other")
    bank.forget(other)
    assert bank.pay(other)
    bank.remember(other)
    assert bank.lookup(other) == Settled(sats(10))
    bank.remember(invoice_id)
    assert isinstance(bank.lookup(invoice_id), Held)


# Holds.


def test_capture_settles_a_hold_and_may_be_repeated(bank: SandboxGateway) -> None:
    invoice_id = held(bank)
    assert (bank.total_held(), bank.total_received()) == (sats(10), sats(0))
    assert bank.capture(capture(invoice_id)) == Accepted()
    assert bank.capture(capture(invoice_id)) == Accepted()
    assert bank.lookup(invoice_id) == Settled(sats(10))
    assert (bank.total_held(), bank.total_received()) == (sats(0), sats(10))


def test_capture_takes_all_that_is_held_but_never_more(bank: SandboxGateway) -> None:
    invoice_id = opened(bank, hold=True)
    bank.pay(invoice_id, sats(12))
    assert isinstance(bank.capture(capture(invoice_id, sats(13))), Declined)
    assert isinstance(bank.capture(capture(invoice_id, Money(10, "EUR"))), Declined)
    assert bank.capture(capture(invoice_id, sats(10))) == Accepted()
    assert bank.lookup(invoice_id) == Settled(sats(12))


@pytest.mark.parametrize("wrong", [None, b"", bytes(32)])
def test_capture_needs_the_preimage_where_there_is_a_hash(
    bank: SandboxGateway, wrong: bytes | None
) -> None:
    invoice_id = held(bank, hashed=True)
    assert isinstance(bank.capture(capture(invoice_id, preimage=wrong)), Declined)
    assert isinstance(bank.lookup(invoice_id), Held)
    assert bank.capture(capture(invoice_id, preimage=PREIMAGE)) == Accepted()


def test_capture_is_declined_unless_money_is_held(bank: SandboxGateway) -> None:
    hold, plain = opened(bank, "hold", hold=True), opened(bank, "plain")
    assert isinstance(bank.capture(capture(hold)), Declined)
    bank.start_payment(hold)
    assert isinstance(bank.capture(capture(hold)), Declined)
    bank.pay(plain)
    assert isinstance(bank.capture(capture(plain)), Declined)
    assert isinstance(bank.capture(capture("nobody's")), Declined)


def test_cancel_gives_the_payer_the_money_back(bank: SandboxGateway) -> None:
    invoice_id = held(bank)
    assert bank.cancel(cancel(invoice_id)) == Accepted()
    assert bank.lookup(invoice_id) == Cancelled()
    [book] = bank.books()
    assert (book.held, book.returned, book.received) == (sats(0), sats(10), sats(0))
    assert isinstance(bank.capture(capture(invoice_id)), Declined)


def test_cancel_may_be_repeated_but_not_after_the_money_came(bank: SandboxGateway) -> None:
    closed, expired, settled = (opened(bank, key) for key in "abc")
    assert bank.cancel(cancel(closed)) == Accepted()
    assert bank.cancel(cancel(closed)) == Accepted()
    bank.expire(expired)
    assert bank.cancel(cancel(expired)) == Accepted()
    assert bank.lookup(expired) == Expired()
    bank.pay(settled)
    assert isinstance(bank.cancel(cancel(settled)), Declined)
    assert isinstance(bank.cancel(cancel("nobody's")), Declined)


def test_the_bank_lets_go_of_a_hold_at_its_instant(bank: SandboxGateway, clock: HandClock) -> None:
    invoice_id = held(bank)
    clock.forward(HOLD_S - 1)
    assert isinstance(bank.lookup(invoice_id), Held)
    clock.forward(1)
    assert isinstance(bank.capture(capture(invoice_id)), Declined)
    assert bank.lookup(invoice_id) == Cancelled()
    assert bank.books()[0].returned == sats(10)


def test_the_bank_lets_go_of_a_hold_at_its_height(clock: HandClock) -> None:
    bank = SandboxGateway(":memory:", sandbox=True, clock=clock, deadline="height")
    start = bank.mine_blocks(0)
    invoice_id = held(bank)
    assert bank.mine_blocks(HOLD_BLOCKS - 1) == start + HOLD_BLOCKS - 1
    clock.forward(10 * HOLD_S)
    deadline = HeightDeadline(start + HOLD_BLOCKS)
    assert bank.lookup(invoice_id) == Held(sats(10), deadline, start + HOLD_BLOCKS - 1)
    bank.mine_blocks(1)
    assert bank.lookup(invoice_id) == Cancelled()


def test_a_hold_may_settle_or_end_without_us(bank: SandboxGateway) -> None:
    settles, ends, unpaid = held(bank, "a"), held(bank, "b"), opened(bank, "c", hold=True)
    assert bank.settle_hold(settles)
    assert bank.release_hold(ends)
    assert not bank.settle_hold(unpaid)
    assert not bank.release_hold(unpaid)
    assert bank.lookup(settles) == Settled(sats(10))
    assert bank.lookup(ends) == Cancelled()
    assert (bank.total_received(), bank.total_held()) == (sats(10), sats(0))


# Faults.


OUTCOMES = [
    ("decline", Declined, False),
    ("refuse", NotSent, False),
    ("time_out_before", Unknown, False),
    ("time_out_after", Unknown, True),
]


@pytest.mark.parametrize(("kind", "outcome", "done"), OUTCOMES)
def test_a_command_can_fail(bank: SandboxGateway, kind, outcome, done) -> None:
    bank.fault("open", kind)
    assert isinstance(bank.open(command("opening")), outcome)
    assert bool(bank.books()) is done

    invoice_id = held(bank, "capturing")
    bank.fault("capture", kind)
    assert isinstance(bank.capture(capture(invoice_id)), outcome)
    assert bank.total_received() == sats(10 if done else 0)

    invoice_id = opened(bank, "cancelling")
    bank.fault("cancel", kind)
    assert isinstance(bank.cancel(cancel(invoice_id)), outcome)
    assert bank.lookup(invoice_id) == (Cancelled() if done else Open())
    assert bank.cancel(cancel(invoice_id)) == Accepted()


@pytest.mark.parametrize("kind", ["decline", "refuse", "time_out_before", "time_out_after"])
def test_a_lookup_is_unreachable_and_updates_are_empty(bank: SandboxGateway, kind) -> None:
    invoice_id = opened(bank)
    bank.pay(invoice_id)
    bank.fault("lookup", kind)
    bank.fault("updates", kind)
    assert bank.lookup(invoice_id) == Unreachable(kind)
    assert (bank.updates("0").hints, bank.updates("0").hints) == ((), (Hint(invoice_id),))
    assert bank.lookup(invoice_id) == Settled(sats(10))


def test_a_call_can_raise_after_doing_nothing(bank: SandboxGateway) -> None:
    invoice_id = held(bank)
    calls = {
        "open": lambda: bank.open(command("raising")),
        "lookup": lambda: bank.lookup(invoice_id),
        "capture": lambda: bank.capture(capture(invoice_id)),
        "cancel": lambda: bank.cancel(cancel(invoice_id)),
        "updates": lambda: bank.updates(None),
    }
    for operation, call in calls.items():
        bank.fault(operation, "raise")  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match=operation):
            call()
    assert len(bank.books()) == 1
    assert isinstance(bank.lookup(invoice_id), Held)
    assert [call.outcome for call in bank.calls()][1:-1] == ["raised"] * 5


def test_faults_are_counted_and_queue_up(bank: SandboxGateway) -> None:
    bank.fault("open", "refuse", times=2)
    bank.fault("open", "decline")
    told = [type(bank.open(command())) for _ in range(4)]
    assert told == [NotSent, NotSent, Declined, Opened]


def test_an_outage_ends_when_it_is_switched_off(bank: SandboxGateway) -> None:
    invoice_id = held(bank)
    cursor = bank.updates(None).cursor
    bank.fault("lookup", "time_out_before")
    bank.outage(True)
    assert isinstance(bank.open(command("during")), NotSent)
    assert isinstance(bank.lookup(invoice_id), Unreachable)
    assert isinstance(bank.capture(capture(invoice_id)), NotSent)
    assert isinstance(bank.cancel(cancel(invoice_id)), NotSent)
    assert bank.settle_hold(invoice_id)
    assert bank.updates(cursor).hints == ()
    bank.outage(False)
    assert bank.lookup(invoice_id) == Unreachable("time_out_before"), "an outage uses up no fault"
    assert bank.lookup(invoice_id) == Settled(sats(10))
    assert bank.updates(cursor).hints == (Hint(invoice_id),)


def test_misspelt_faults_are_refused(bank: SandboxGateway) -> None:
    for wrong in (("opne", "refuse"), ("open", "time_out")):
        with pytest.raises(Exception, match="CHECK"):
            bank.fault(*wrong)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="CHECK"):
        bank.updates_mode = "odd"  # type: ignore[assignment]
    assert isinstance(bank.open(command()), Opened)


# The stream.


def test_the_stream_hints_at_every_change(bank: SandboxGateway, clock: HandClock) -> None:
    a, b, c = opened(bank, "a"), opened(bank, "b"), held(bank, "c")
    bank.pay(a)
    bank.pay_again(a)
    page = bank.updates(None)
    assert [hint.invoice_id for hint in page.hints] == [c, a, a]
    assert bank.updates(page.cursor) == bank.updates(page.cursor)
    assert bank.updates(page.cursor).hints == ()
    clock.forward(max(EXPIRY_S, HOLD_S))
    assert sorted(hinted(bank, page.cursor)) == sorted([b, c])


def test_the_stream_comes_in_pages(bank: SandboxGateway) -> None:
    invoice_id = opened(bank)
    bank.pay(invoice_id)
    for _ in range(PAGE):
        bank.pay_again(invoice_id, sats(1))
    first = bank.updates(None)
    second = bank.updates(first.cursor)
    assert (len(first.hints), len(second.hints)) == (PAGE, 1)
    bank.updates_mode = "duplicate"
    assert len(bank.updates(None).hints) == PAGE


def test_the_stream_can_stutter_run_backwards_or_be_late(bank: SandboxGateway) -> None:
    a, b, c, d = (opened(bank, key) for key in "abcd")
    bank.pay(a)
    bank.pay(b)
    bank.updates_mode = "duplicate"
    assert hinted(bank) == [a, a, b, b]
    bank.updates_mode = "reversed"
    assert hinted(bank) == [b, a]
    cursor = bank.updates(None).cursor
    bank.updates_mode = "late"
    bank.pay(c)
    assert hinted(bank, cursor) == []
    bank.updates_mode = "normal"
    bank.pay(d)
    assert hinted(bank, cursor) == [d]
    cursor = bank.updates(cursor).cursor
    bank.deliver_late()
    assert hinted(bank, cursor) == [c], "behind a cursor that has moved on, and only once"
    bank.deliver_late()
    assert hinted(bank, cursor) == [c]


def test_the_stream_can_speak_before_open_returns(bank: SandboxGateway) -> None:
    seen: list[tuple[str, list[str]]] = []
    bank.on_open = lambda invoice_id: seen.append((invoice_id, hinted(bank)))
    first = opened(bank, "a")
    assert seen == [(first, [])]
    bank.hint_before_open_returns = True
    assert bank.hint_before_open_returns is True
    second = opened(bank, "b")
    assert seen[1] == (second, [second])


def test_an_invoice_can_be_paid_before_open_returns(bank: SandboxGateway) -> None:
    bank.on_open = lambda invoice_id: bank.pay(invoice_id) and None
    assert bank.lookup(opened(bank)) == Settled(sats(10))
    bank.fault("open", "time_out_after")
    assert isinstance(bank.open(command("unknown")), Unknown)
    bank.fault("open", "time_out_before")
    assert isinstance(bank.open(command("nothing")), Unknown)
    assert [book.status for book in bank.books()] == ["settled", "settled"]


# Webhooks and secrets.


def test_a_genuine_webhook_is_a_hint(bank: SandboxGateway) -> None:
    headers, body = bank.webhook("an id")
    assert headers == {SIGNATURE_HEADER: hmac.new(SECRET.encode(), body, "sha256").hexdigest()}
    assert json.loads(body) == {"invoice_id": "an id"}
    assert bank.parse_webhook(headers, body) == (Hint("an id"),)
    assert bank.parse_webhook({"Sandbox-Signature": headers[SIGNATURE_HEADER]}, body)


def test_a_forged_webhook_is_refused(bank: SandboxGateway) -> None:
    headers, body = bank.webhook("an id")
    forged = [({}, body), (headers, body + b" "), ({SIGNATURE_HEADER: "é\udcff"}, body)]
    for their_headers, their_body in forged:
        with pytest.raises(WebhookRefused):
            bank.parse_webhook(their_headers, their_body)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'"x"', b"7", b'{"invoice_id": 7}'])
def test_an_unreadable_webhook_is_refused(bank: SandboxGateway, body: bytes) -> None:
    signature = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    with pytest.raises(WebhookRefused) as refusal:
        bank.parse_webhook({SIGNATURE_HEADER: signature}, body)
    assert signature not in str(refusal.value)


@pytest.mark.parametrize("secret", [None, "", b""])
def test_without_a_secret_there_are_no_webhooks(secret: str | bytes | None) -> None:
    bank = SandboxGateway(":memory:", sandbox=True, webhook_secret=secret)
    assert Capability.WEBHOOKS not in bank.profile.capabilities
    with pytest.raises(InvalidConfiguration):
        bank.webhook("an id")
    empty = hmac.new(b"", b"{}", "sha256").hexdigest()
    with pytest.raises(WebhookRefused):
        bank.parse_webhook({SIGNATURE_HEADER: empty}, b"{}")


def test_secrets_are_told_to_nobody(tmp_path: Path) -> None:
    bank = SandboxGateway(tmp_path / "bank.db", sandbox=True, webhook_secret=SECRET)
    invoice_id = held(bank, hashed=True)
    wrong = bytes(range(100, 132))
    headers, _ = bank.webhook("an id")
    told = [repr(bank), str(bank), repr(bank.profile), repr(capture("an id", preimage=PREIMAGE))]
    told.append(repr(bank.capture(capture(invoice_id, preimage=wrong))))
    told.append(repr(bank.capture(capture(invoice_id, preimage=PREIMAGE))))
    with pytest.raises(WebhookRefused) as refusal:
        bank.parse_webhook({SIGNATURE_HEADER: "0" * 64}, b"{}")
    told += [repr(refusal.value), repr(bank.calls()), repr(bank.books())]
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (PREIMAGE, wrong, SECRET.encode()):
        for form in (secret, secret.hex().encode(), repr(secret)[2:-1].encode()):
            assert form not in stored
            assert not any(form in text.encode() for text in told)
    for text in told:
        assert headers[SIGNATURE_HEADER] not in text


# The books.


def test_the_books_tell_the_truth(bank: SandboxGateway) -> None:
    bank.fault("open", "time_out_before")
    bank.open(command("k"))
    invoice_id = held(bank, "k")
    bank.open(command("k"))
    bank.fault("capture", "time_out_after")
    bank.capture(capture(invoice_id))
    bank.capture(capture(invoice_id))
    other = opened(bank, "other")
    [book, second] = bank.books()
    assert (book.invoice_id, book.key, book.status) == (invoice_id, "k", "settled")
    assert (book.amount, book.received) == (sats(10), sats(10))
    assert (book.held, book.returned) == (sats(0), sats(0))
    assert book.calls == {("open", "k"): 3, ("capture", "capture"): 2}
    assert (second.invoice_id, second.calls) == (other, {("open", "other"): 1})
    assert bank.payable_invoices() == [other]
    assert [(call.operation, call.outcome, call.fault) for call in bank.calls()] == [
        ("open", "Unknown", "time_out_before"),
        ("open", "Opened", None),
        ("open", "Opened", None),
        ("capture", "Unknown", "time_out_after"),
        ("capture", "Accepted", None),
        ("open", "Opened", None),
    ]


# Processes and threads.


PRELUDE = """
    import os, sys, time
    from paidflow.money import sats
    from paidflow.payments.contract import OpenCommand
    from paidflow.payments.sandbox import SandboxGateway
    bank = SandboxGateway(sys.argv[1], sandbox=True)
    def open_(key):
        return bank.open(OpenCommand(key, sats(10), False, None, "", 600)).invoice.invoice_id
"""


Start = Callable[[Path, str], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that use a bank, and ends those that are left."""
    children: list[subprocess.Popen[str]] = []

    def start_one(path: Path, program: str) -> subprocess.Popen[str]:
        source = textwrap.dedent(PRELUDE) + textwrap.dedent(program)
        arguments = [sys.executable, "-c", source, str(path)]
        children.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
        return children[-1]

    yield start_one
    for child in children:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bank.db"


def real(path: Path) -> SandboxGateway:
    return SandboxGateway(path, sandbox=True)


def test_another_process_pays_and_sets_faults(path: Path, start: Start) -> None:
    bank = real(path)
    invoice_id = opened(bank)
    other = start(
        path,
        """
        assert bank.pay(bank.payable_invoices()[0])
        bank.fault("open", "decline")
        bank.updates_mode = "duplicate"
        """,
    )
    assert other.wait(30) == 0
    assert bank.lookup(invoice_id) == Settled(sats(10))
    assert isinstance(bank.open(command("next")), Declined)
    assert hinted(bank) == [invoice_id, invoice_id]


def test_a_payment_survives_the_death_of_its_process(path: Path, start: Start) -> None:
    child = start(
        path,
        """
        paid = open_("k")
        bank.pay(paid)
        print(paid, flush=True)
        time.sleep(60)
        """,
    )
    assert child.stdout is not None
    invoice_id = child.stdout.readline().strip()
    child.send_signal(signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL
    bank = real(path)
    assert bank.lookup(invoice_id) == Settled(sats(10))
    assert hinted(bank) == [invoice_id]


def test_processes_killed_at_any_moment_lose_nothing(path: Path, start: Start) -> None:
    program = """
        n = 0
        while True:
            invoice_id = open_(f"{os.getpid()}-{n}")
            assert bank.pay(invoice_id)
            print(invoice_id, flush=True)
            n += 1
    """
    reported: list[str] = []
    for delay_ms in (0, 7, 13):
        children = [start(path, program) for _ in range(2)]
        for child in children:
            assert child.stdout is not None
            reported.append(child.stdout.readline().strip())
        time.sleep(delay_ms / 1000)
        for child in children:
            child.kill()
            rest = child.communicate(timeout=30)[0]
            reported += [line for line in rest.splitlines(keepends=False) if len(line) == 36]
    books = {book.invoice_id: book for book in real(path).books()}
    assert len(reported) >= 6
    assert all(books[invoice_id].received == sats(10) for invoice_id in reported)


def test_many_processes_may_start_and_work_at_once(path: Path, start: Start) -> None:
    program = """
        for n in range(25):
            open_(f"shared-{n}")
            bank.pay(open_(f"{os.getpid()}-{n}"))
    """
    children = [start(path, program) for _ in range(5)]
    assert [child.wait(60) for child in children] == [0] * 5
    bank = real(path)
    assert len(bank.books()) == 25 + 5 * 25
    assert bank.total_received() == sats(10 * 5 * 25)


def test_one_payment_of_many_wins(bank: SandboxGateway) -> None:
    invoice_id = opened(bank)
    taken: list[bool] = []
    threads = [
        threading.Thread(target=lambda: taken.append(bank.pay(invoice_id))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]
    assert bank.total_received() == sats(10)


def holds_open(path: Path) -> bool:
    links = Path("/proc/self/fd").iterdir()
    return any(os.path.realpath(link).startswith(str(path)) for link in links)


def test_a_fork_shares_the_file_but_no_open_connection(path: Path) -> None:
    bank = real(path)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            bank.payable_invoices()

    thread = threading.Thread(target=work)
    thread.start()
    children: list[int] = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                clean = not holds_open(path)
                status = 0 if clean and bank.pay(opened(bank, f"child-{number}")) else 1
            finally:
                os._exit(status)
        children.append(child)
    results = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    stop.set()
    thread.join()
    assert holds_open(path), "or the children were asked nothing"
    assert results == [0] * 8
    assert bank.total_received() == sats(80)


def test_a_closed_bank_opens_its_file_again(path: Path) -> None:
    bank = real(path)
    invoice_id = opened(bank)
    bank.close()
    assert bank.lookup(invoice_id) == Open()


def test_a_relative_path_stays_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bank = real(Path("bank.db"))
    invoice_id = opened(bank)
    bank.close()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert bank.lookup(invoice_id) == Open()


def test_it_waits_while_another_process_makes_the_file(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.close)
    release.start()
    assert isinstance(real(path).open(command()), Opened)
    release.join()
