"""An action costs dollars and is paid in bitcoin: who converts, when, and where the money is."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest

from paidflow import (
    Context,
    FailureReason,
    LatePolicy,
    Money,
    NextAction,
    PaidAction,
    PaidFlow,
    Posting,
    Quote,
    Reader,
    Receipt,
    State,
    checkpoints,
    msats,
    purse,
    sats,
    territory,
)
from paidflow.errors import (
    InvalidConfiguration,
    NegativeRefund,
    NetworkInTransaction,
    NoFunding,
    NothingToClaim,
    QuoteUnavailable,
    RefundInOtherCurrency,
    RefundTooLarge,
    ZeroRefund,
)
from paidflow.operating.audit import Audited, audit
from paidflow.payments.contract import OpenCommand, Opened, OpenOutcome
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import (
    again,
    attention,
    book_of,
    expired,
    history,
    pay,
    snapshot,
    sync,
    work,
)
from tests.wall import SECRET


class Coffee(PaidAction):
    """A coffee for ten dollars, unless it says something else; optimistic."""

    kind = "coffee"
    optimistic = True
    anonymous = True
    cents: int = 1000
    currency: str = "USD"

    def cost(self, ctx: Context) -> Money:
        return Money(self.cents, self.currency)

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        tip = Money(ctx.cost.amount // 10, ctx.cost.currency)
        return Posting(purse("barista"), tip), Posting(territory("bar"), ctx.cost - tip)


class HeldCoffee(Coffee):
    """Paid first."""

    kind = "held-coffee"
    optimistic = False


class CarefulCoffee(Coffee):
    """Late money waits for a person."""

    kind = "careful-coffee"
    late_payment: ClassVar[LatePolicy] = LatePolicy.PERSON


class ReturnedCoffee(Coffee):
    """Late money goes back to the payer."""

    kind = "returned-coffee"
    late_payment: ClassVar[LatePolicy] = LatePolicy.REFUND


class WithCake(Coffee):
    """Carries a cake."""

    kind = "with-cake"

    def parts(self) -> Sequence[PaidAction]:
        return [Coffee(cents=500)]


KINDS = (Coffee, HeldCoffee, CarefulCoffee, WithCake)
RATE = "1/97000"
PRICE = sats(10_310)
"""Ten dollars at that rate: 10,309.27... satoshis."""


class Desk:
    """Somebody who converts.

    Args:
        clock: the time.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.rates: dict[tuple[str, str], str] = {("USD", "BTC"): RATE}
        self.valid_s: float = 900
        self.down = False
        self.asked: list[tuple[Money, str]] = []
        self.said: Callable[[Quote], Any] = lambda quote: quote

    def quote(self, cost: Money, currency: str) -> Quote | None:
        self.asked.append((cost, currency))
        checkpoints.refuse_in_transaction("desk")
        if self.down:
            raise TimeoutError("secret-password")
        rate = self.rates.get((cost.currency, currency))
        if rate is None:
            return None
        until = self.clock.now() + timedelta(seconds=self.valid_s)
        return self.said(Quote.at(rate, cost, currency, source="desk", valid_until=until))


@pytest.fixture
def desk(clock: ManualClock) -> Desk:
    return Desk(clock)


@pytest.fixture
def flow(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> Iterator[PaidFlow]:
    with open_bar(store_url, {"sandbox": sandbox}, clock, desk) as opened:
        yield opened


def open_bar(
    url: str, gateways: dict[str, Any], clock: ManualClock, desk: Desk | None, **settings: Any
) -> PaidFlow:
    return PaidFlow.open(
        url,
        actions=(*KINDS, ReturnedCoffee) if gateways else KINDS,
        gateways=gateways,
        secret=SECRET,
        create=True,
        clock=clock,
        quotes=desk,
        **settings,
    )


def bank(tmp_path: Path, clock: ManualClock, *currencies: str, **settings: Any) -> SandboxGateway:
    name = "-".join(currencies)
    path = str(tmp_path / f"{name}.db")
    return SandboxGateway(
        path, sandbox=True, clock=clock, currencies=currencies, account=name, **settings
    )


def balances(flow: PaidFlow) -> dict[str, list[Money]]:
    """What each account holds; the sum of each currency is zero, whatever has happened."""
    held: dict[str, list[Money]] = {}
    sums: Counter[str] = Counter()
    for line in Reader(flow).accounts():
        sums[line.amount.currency] += line.amount.amount
        if line.amount.amount:
            held.setdefault(line.account, []).append(line.amount)
    assert not any(sums.values())
    return held


def dollars(cents: int) -> Money:
    return Money(cents, "USD")


SERVED = {
    "clearing:sandbox": [Money(-PRICE.amount, "BTC")],
    "exchange": [PRICE, dollars(-1000)],
    "purse:barista": [dollars(100)],
    "territory:bar": [dollars(900)],
}


@pytest.mark.parametrize("coffee", [Coffee(), HeldCoffee()], ids=["optimistic", "pessimistic"])
@pytest.mark.parametrize("actor", ["ann", None])
def test_ten_dollars_in_bitcoin(
    flow: PaidFlow, sandbox: SandboxGateway, coffee: Coffee, actor: str | None
) -> None:
    receipt = flow.perform(coffee, actor=actor)
    assert (receipt.cost, receipt.amount_due) == (dollars(1000), PRICE)
    assert receipt.quote is not None
    assert (receipt.quote.rate, receipt.quote.source) == (RATE, "desk")
    assert book_of(sandbox, receipt).amount == PRICE
    assert again(flow, receipt).quote == receipt.quote
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert balances(flow) == SERVED


def test_the_quote_is_in_the_log(flow: PaidFlow, clock: ManualClock) -> None:
    receipt = flow.perform(Coffee(), actor="ann")
    attached = flow.history(receipt.action_id, actor="ann")[-1]
    until = clock.now() + timedelta(seconds=900)
    assert datetime.fromisoformat(attached.details["quote"].pop("valid_until")) == until
    assert attached.details["quote"] == {
        "cost": {"amount": 1000, "currency": "USD"},
        "amount": {"amount": PRICE.amount, "currency": "BTC"},
        "rate": RATE,
        "source": "desk",
    }


@pytest.mark.parametrize(
    ("cost", "rate", "currency", "amount"),
    [
        (Money(450, "JPY"), "1/15000000", "BTC", sats(3000)),
        (Money(451, "JPY"), "1/15000000", "BTC", sats(3007)),
        (Money(1500, "KWD"), "1/29800", "BTC", sats(5034)),
        (sats(3000), "15000000", "JPY", Money(450, "JPY")),
        (sats(3001), "15000000", "JPY", Money(451, "JPY")),
        (sats(5034), "29800", "KWD", Money(1501, "KWD")),
        (Money(450, "JPY"), "0.00206", "KWD", Money(927, "KWD")),
    ],
)
def test_currencies_with_other_digits(
    tmp_path: Path,
    clock: ManualClock,
    desk: Desk,
    cost: Money,
    rate: str,
    currency: str,
    amount: Money,
) -> None:
    gateway = bank(tmp_path, clock, currency)
    desk.rates = {(cost.currency, currency): rate}
    with open_bar(f"sqlite:///{tmp_path / 'bar.db'}", {"sandbox": gateway}, clock, desk) as flow:
        receipt = flow.perform(Coffee(cents=cost.amount, currency=cost.currency), actor="ann")
        assert receipt.amount_due == amount
        assert pay(flow, gateway, receipt).state is State.PAID
        exchange = [amount, Money(-cost.amount, cost.currency)]
        assert balances(flow)["exchange"] == sorted(exchange, key=lambda money: money.currency)


def test_nothing_is_converted_where_a_gateway_takes_the_currency(
    tmp_path: Path, store_url: str, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> None:
    cards = bank(tmp_path, clock, "USD", "EUR")
    with open_bar(store_url, {"sandbox": sandbox, "cards": cards}, clock, desk) as flow:
        receipt = flow.perform(Coffee(), actor="ann")
        assert (receipt.gateway, receipt.amount_due, receipt.quote) == (
            "cards",
            dollars(1000),
            None,
        )
        assert desk.asked == []


def test_the_first_currency_that_can_be_had(
    tmp_path: Path, store_url: str, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> None:
    cards = bank(tmp_path, clock, "CHF", "EUR")
    desk.rates = {("USD", "EUR"): "0.92"}
    with open_bar(store_url, {"sandbox": sandbox, "cards": cards}, clock, desk) as flow:
        receipt = flow.perform(Coffee(), actor="ann")
        assert (receipt.gateway, receipt.amount_due) == ("cards", Money(920, "EUR"))
        assert [currency for _, currency in desk.asked] == ["BTC", "CHF", "EUR"]
        desk.rates = {}
        with pytest.raises(QuoteUnavailable, match="cannot be converted"):
            flow.perform(HeldCoffee(), actor="ann")


def test_without_a_source_there_is_no_funding(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> None:
    opened = open_bar(store_url, {"sandbox": sandbox}, clock, None)
    with opened as flow, pytest.raises(NoFunding):
        flow.perform(Coffee(), actor="ann")
    with pytest.raises(InvalidConfiguration, match="quotes"):
        open_bar(store_url, {"sandbox": sandbox}, clock, desk.quote)  # pyright: ignore
    with open_bar(store_url, {}, clock, desk) as flow, pytest.raises(NoFunding):
        flow.perform(Coffee(), actor="ann")


# Purses pay a part, in the currency of the cost.


def test_purses_pay_a_part_and_the_quote_is_for_the_rest(
    flow: PaidFlow, sandbox: SandboxGateway, desk: Desk
) -> None:
    flow.grant("ann", dollars(400), key="g")
    flow.grant("ann", sats(50_000), key="never converted")
    receipt = flow.perform(Coffee(), actor="ann")
    assert desk.asked == [(dollars(600), "BTC")]
    assert (receipt.amount_due, flow.balance("ann", "USD")) == (sats(6186), dollars(0))
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert balances(flow) == {
        "issued": [Money(-50_000_000, "BTC"), dollars(-400)],
        "clearing:sandbox": [Money(-6_186_000, "BTC")],
        "exchange": [sats(6186), dollars(-600)],
        "purse:ann": [sats(50_000)],
        "purse:barista": [dollars(100)],
        "territory:bar": [dollars(900)],
    }


def test_purses_get_their_part_back_and_a_retry_asks_for_a_new_quote(
    flow: PaidFlow, sandbox: SandboxGateway, desk: Desk
) -> None:
    flow.grant("ann", dollars(400), key="g")
    receipt = expired(flow, sandbox, Coffee())
    assert flow.balance("ann", "USD") == dollars(400)
    flow.grant("ann", dollars(100), key="more")
    desk.rates["USD", "BTC"] = "1/50000"
    retried = flow.retry(receipt.action_id, actor="ann")
    assert (retried.state, retried.amount_due) == (State.PENDING, sats(10_000))
    assert retried.quote is not None
    assert (retried.quote.rate, retried.quote.cost) == ("1/50000", dollars(500))
    assert pay(flow, sandbox, retried).state is State.PAID
    assert balances(flow)["exchange"] == [sats(10_000), dollars(-500)]


def test_all_from_the_purse(flow: PaidFlow, desk: Desk) -> None:
    flow.grant("ann", dollars(1000), key="g")
    assert flow.perform(Coffee(), actor="ann").state is State.PAID
    assert desk.asked == []


def test_what_is_carried_is_converted_with_the_rest(
    flow: PaidFlow, sandbox: SandboxGateway, desk: Desk
) -> None:
    receipt = flow.perform(WithCake(), actor="ann")
    assert desk.asked == [(dollars(1500), "BTC")]
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert balances(flow)["territory:bar"] == [dollars(1350)]


# What comes in is not what was asked for.


def test_too_much_is_credited_as_it_came(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Coffee(), actor="ann")
    assert pay(flow, sandbox, receipt, PRICE + sats(5)).state is State.PAID
    assert (flow.balance("ann"), flow.balance("ann", "USD")) == (sats(5), dollars(0))
    assert balances(flow)["exchange"] == SERVED["exchange"]


def test_too_little_fails_and_is_credited_as_it_came(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = flow.perform(Coffee(), actor="ann")
    failed = pay(flow, sandbox, receipt, PRICE - sats(1))
    assert (failed.state, failed.failure_reason) == (State.FAILED, FailureReason.UNDERPAID)
    assert flow.balance("ann") == PRICE - sats(1)
    assert "exchange" not in balances(flow)


def test_too_little_held_is_let_go(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(HeldCoffee(), actor="ann")
    assert pay(flow, sandbox, receipt, sats(1000)).state is State.FAILED
    assert (sandbox.total_held(), sandbox.total_received()) == (sats(0), sats(0))


def test_late_money_is_credited_as_it_came(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Coffee())
    assert pay(flow, sandbox, receipt, late=True).state is State.FAILED
    assert (flow.balance("ann"), flow.balance("ann", "USD")) == (PRICE, dollars(0))


def test_late_money_of_a_logged_out_payer_is_claimed_as_it_came(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = expired(flow, sandbox, HeldCoffee(), None)
    late = pay(flow, sandbox, receipt, late=True)
    assert (late.state, late.unclaimed) == (State.FAILED, PRICE)
    flow.claim(receipt.action_id, proof=receipt.proof or "", actor="bob")
    assert flow.balance("bob") == PRICE
    with pytest.raises(NothingToClaim):
        flow.claim(receipt.action_id, proof=receipt.proof or "", actor="bob")


@pytest.mark.parametrize("resolution", ["accept", "credit", "dismiss"])
def test_a_person_decides(flow: PaidFlow, sandbox: SandboxGateway, resolution: Any) -> None:
    receipt = expired(flow, sandbox, CarefulCoffee())
    pay(flow, sandbox, receipt, late=True)
    assert len(attention(flow)) == 1
    flow.resolve(receipt.action_id, resolution, operator="op", why="they asked")
    after = again(flow, receipt)
    assert attention(flow) == []
    if resolution == "accept":
        assert (after.state, balances(flow)) == (State.PAID, SERVED)
    else:
        credited = PRICE if resolution == "credit" else sats(0)
        assert (after.state, flow.balance("ann")) == (State.FAILED, credited)
        assert (after.unclaimed is None) == (resolution == "credit")


def test_a_person_accepts_what_purses_and_an_invoice_have_paid(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    flow.grant("ann", dollars(400), key="g")
    receipt = expired(flow, sandbox, CarefulCoffee())
    pay(flow, sandbox, receipt, late=True)
    assert flow.balance("ann", "USD") == dollars(400)
    flow.resolve(receipt.action_id, "accept", operator="op", why="they asked")
    assert again(flow, receipt).state is State.PAID
    assert flow.balance("ann", "USD") == dollars(0)
    assert balances(flow)["exchange"] == [sats(6186), dollars(-600)]


def test_another_gateway_the_second_time(
    tmp_path: Path, store_url: str, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> None:
    """Money of the first attempt that comes late stays bitcoin; the second is paid in dollars."""
    with open_bar(store_url, {"sandbox": sandbox}, clock, desk) as flow:
        receipt = expired(flow, sandbox, Coffee())
    cards = bank(tmp_path, clock, "USD")
    with open_bar(store_url, {"sandbox": sandbox, "cards": cards}, clock, desk) as flow:
        retried = flow.retry(receipt.action_id, actor="ann")
        assert (retried.gateway, retried.amount_due, retried.quote) == (
            "cards",
            dollars(1000),
            None,
        )
        pay(flow, sandbox, receipt, late=True)
        assert flow.balance("ann") == PRICE
        assert pay(flow, cards, retried).state is State.PAID
        assert "exchange" not in balances(flow)


# It goes back.


BY = {"operator": "op", "why": "cold"}


def served(flow: PaidFlow, sandbox: SandboxGateway, coffee: Coffee | None = None) -> Receipt:
    """A coffee that was paid in bitcoin."""
    receipt = pay(flow, sandbox, flow.perform(coffee or Coffee(), actor="ann"))
    assert receipt.state is State.PAID
    return receipt


def differences(flow: PaidFlow) -> list[Audited]:
    return [one for one in audit(flow) if not one.agrees]


@pytest.mark.parametrize("coffee", [Coffee(), HeldCoffee()], ids=["optimistic", "pessimistic"])
def test_all_of_it_goes_back_as_it_came(
    flow: PaidFlow, sandbox: SandboxGateway, coffee: Coffee
) -> None:
    receipt = served(flow, sandbox, coffee)
    after = flow.refund(receipt.action_id, **BY)
    assert (after.state, after.refunded) == (State.REFUNDED, PRICE)
    assert sandbox.total_reversed() == PRICE
    assert balances(flow) == {}
    assert differences(flow) == []


def test_a_part_goes_back_in_the_currency_that_was_paid(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    """Of 10,310 sats 1,000 are 96.99 cents: 96 of them, 9.6 and 86.4 by those who were paid."""
    receipt = served(flow, sandbox)
    after = flow.refund(receipt.action_id, sats(1000), **BY)
    assert (after.state, after.refunded) == (State.PAID, sats(1000))
    assert balances(flow) == {
        "clearing:sandbox": [Money(-9_310_000, "BTC")],
        "exchange": [sats(9310), dollars(-904)],
        "purse:barista": [dollars(90)],
        "territory:bar": [dollars(814)],
    }
    assert differences(flow) == []
    # Another 1,000 make it 193.98 cents: what was rounded down before is made good.
    flow.refund(receipt.action_id, sats(1000), **BY)
    assert balances(flow)["exchange"] == [sats(8310), dollars(-807)]
    after = flow.refund(receipt.action_id, **BY)
    assert (after.state, after.refunded) == (State.REFUNDED, PRICE)
    assert balances(flow) == {}
    with pytest.raises(RefundTooLarge, match="nothing is left"):
        flow.refund(receipt.action_id, sats(1), **BY)


def test_less_than_the_smallest_unit_of_the_price(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """Half of a cent: nobody gives it yet, so the exchange has it less."""
    receipt = served(flow, sandbox)
    for _ in range(2):
        flow.refund(receipt.action_id, msats(5155), **BY)
    assert balances(flow)["exchange"] == [PRICE - msats(10_310), dollars(-999)]
    assert balances(flow)["territory:bar"] == [dollars(899)]
    assert differences(flow) == []


@pytest.mark.parametrize(
    ("amount", "error", "told"),
    [
        (dollars(1), RefundInOtherCurrency, "it was paid in BTC"),
        (Money(1, "EUR"), RefundInOtherCurrency, "it was paid in BTC"),
        (PRICE + msats(1), RefundTooLarge, "10310 sats are left"),
        (sats(0), ZeroRefund, "more than nothing"),
        (sats(-1), NegativeRefund, "cannot be negative"),
    ],
)
def test_what_is_no_refund_of_a_converted_price(
    flow: PaidFlow, sandbox: SandboxGateway, amount: Money, error: type[Exception], told: str
) -> None:
    receipt = served(flow, sandbox)
    before = snapshot(flow)
    with pytest.raises(error, match=told) as raised:
        flow.refund(receipt.action_id, amount, **BY)
    assert type(raised.value) is error
    assert snapshot(flow) == before


def test_purses_get_theirs_back_in_their_currency(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    flow.grant("ann", dollars(400), key="g")
    receipt = served(flow, sandbox)
    with pytest.raises(RefundTooLarge, match=r"4.00 USD are left"):
        flow.refund(receipt.action_id, dollars(401), **BY)
    with pytest.raises(RefundInOtherCurrency, match="BTC and USD"):
        flow.refund(receipt.action_id, Money(1, "EUR"), **BY)
    flow.refund(receipt.action_id, dollars(100), **BY)
    assert (flow.balance("ann", "USD"), sandbox.total_reversed()) == (dollars(100), sats(0))
    flow.refund(receipt.action_id, sats(3093), **BY)
    assert balances(flow)["exchange"] == [sats(3093), dollars(-300)]
    assert differences(flow) == []
    after = flow.refund(receipt.action_id, **BY)
    assert (after.state, flow.balance("ann", "USD")) == (State.REFUNDED, dollars(400))
    assert sandbox.total_reversed() == sats(6186)
    assert balances(flow) == {"issued": [dollars(-400)], "purse:ann": [dollars(400)]}
    decided = [line for line in history(flow, receipt) if line == "refund-decided"]
    assert len(decided) == 4  # the last one in two currencies
    assert differences(flow) == []


def test_what_a_payee_has_spent_is_owed_in_the_currency_of_the_price(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = served(flow, sandbox)
    flow.perform(Coffee(cents=70), actor="barista")  # of which seven are a tip for himself
    flow.refund(receipt.action_id, **BY)
    assert balances(flow)["receivable:purse:barista"] == [dollars(-63)]
    assert differences(flow) == []


def test_a_refund_that_is_declined_or_bounces_leaves_everything_as_it_was(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = served(flow, sandbox)
    sandbox.fault("refund", "decline")
    assert flow.refund(receipt.action_id, sats(1000), **BY).state is State.PAID
    assert balances(flow) == SERVED
    flow.resolve(receipt.action_id, "dismiss", **BY)
    flow.refund(receipt.action_id, sats(1000), **BY)
    flow.refund(receipt.action_id, sats(1234), **BY)
    for reversal in sandbox.reversals(receipt.invoice_id or ""):
        sandbox.bounce_refund(reversal.reversal_id)
    assert sync(flow, receipt).state is State.PAID
    assert balances(flow) == SERVED
    assert differences(flow) == []


def test_what_a_gateway_takes_back_is_taken_from_those_who_were_paid(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = pay(flow, sandbox, flow.perform(Coffee(), actor="ann"), PRICE + sats(5))
    assert sandbox.refund_outside(receipt.invoice_id or "", PRICE)
    assert sync(flow, receipt).state is State.REFUNDED
    assert balances(flow) == {"clearing:sandbox": [sats(-5)], "purse:ann": [sats(5)]}
    assert differences(flow) == []


@pytest.mark.parametrize("won", [True, False])
def test_a_converted_price_is_contested(flow: PaidFlow, sandbox: SandboxGateway, won: bool) -> None:
    receipt = served(flow, sandbox)
    reversal_id = sandbox.open_dispute(receipt.invoice_id or "") or ""
    assert sync(flow, receipt).state is State.DISPUTED
    assert balances(flow) == {}
    assert (sandbox.win_dispute if won else sandbox.lose_dispute)(reversal_id)
    assert sync(flow, receipt).state is (State.PAID if won else State.REFUNDED)
    assert balances(flow) == (SERVED if won else {})
    assert differences(flow) == []


def test_a_policy_sends_late_money_back_as_it_came(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = expired(flow, sandbox, ReturnedCoffee())
    pay(flow, sandbox, receipt, late=True)
    work(flow, clock, times=3)
    assert again(flow, receipt).state is State.FAILED
    assert balances(flow) == {}


# Quotes end.


def test_an_invoice_ends_before_its_quote(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> None:
    desk.valid_s = 200
    receipt = flow.perform(Coffee(), actor="ann")
    assert receipt.quote is not None
    assert receipt.expires_at == receipt.quote.valid_until - timedelta(seconds=10)
    clock.tick(190)
    assert sync(flow, receipt).state is State.FAILED
    desk.valid_s = 100_000
    usual = flow.retry(receipt.action_id, actor="ann")
    assert usual.expires_at == clock.now() + timedelta(seconds=600)


def test_a_quote_that_ends_too_soon_is_refused(flow: PaidFlow, desk: Desk) -> None:
    desk.valid_s = 69
    with pytest.raises(QuoteUnavailable, match="too soon"):
        flow.perform(HeldCoffee(), actor="ann")
    desk.valid_s = 70
    assert flow.perform(HeldCoffee(), actor="ann").state is State.PENDING_HELD


def test_a_quote_that_has_run_out_before_there_is_an_invoice(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> None:
    """What purses have given stays; nobody is asked to pay at the old rate."""
    flow.grant("ann", dollars(400), key="g")
    prepared = flow.prepare(Coffee(), actor="ann")
    clock.tick(860)
    desk.rates["USD", "BTC"] = "1/50000"
    receipt = flow.perform(prepared)
    assert (receipt.state, receipt.payment_request) == (State.RETRYING, None)
    assert sandbox.books() == []
    work(flow, clock)
    payable = again(flow, receipt)
    assert (payable.state, payable.amount_due) == (State.PENDING, sats(12_000))
    assert pay(flow, sandbox, payable).state is State.PAID
    assert history(flow, receipt).count("attempt-started") == 2


class Everlasting(SandboxGateway):
    """Its invoices can be paid for longer than was asked for."""

    until: ClassVar[timedelta | None] = None

    def open(self, command: OpenCommand) -> OpenOutcome:
        opened = super().open(command)
        assert isinstance(opened, Opened)
        until = None if self.until is None else self._clock.now() + self.until
        return Opened(replace(opened.invoice, expires_at=until))


class Stubborn(Everlasting):
    until: ClassVar[timedelta | None] = timedelta(seconds=901)


@pytest.mark.parametrize("kind", [Everlasting, Stubborn])
def test_an_invoice_that_outlives_its_quote_is_closed(
    store_url: str, tmp_path: Path, clock: ManualClock, desk: Desk, kind: type[Everlasting]
) -> None:
    gateway = kind(str(tmp_path / "ever.db"), sandbox=True, clock=clock)
    with open_bar(store_url, {"sandbox": gateway}, clock, desk) as flow:
        with pytest.raises(Exception, match="longer than its quote"):
            flow.perform(Coffee(), actor="ann")
        assert gateway.payable_invoices() == []


# Nobody to ask.


def test_no_rate_right_now(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    clock: ManualClock,
    desk: Desk,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As if the gateway were down: what can go on without an invoice does."""
    desk.down = True
    before = snapshot(flow)
    with pytest.raises(QuoteUnavailable) as raised:
        flow.perform(HeldCoffee(), actor="ann")
    assert raised.value.retryable
    assert snapshot(flow) == before
    receipt = flow.perform(Coffee(), actor="ann")
    assert (receipt.state, receipt.next_action) == (State.RETRYING, NextAction.WAIT)
    work(flow, clock)
    assert again(flow, receipt).state is State.RETRYING
    desk.down = False
    work(flow, clock, seconds=20)
    assert pay(flow, sandbox, again(flow, receipt)).state is State.PAID
    assert "no quote in BTC: TimeoutError" in caplog.text
    assert "password" not in caplog.text + str(raised.value)


def test_no_rate_for_a_minute(flow: PaidFlow, clock: ManualClock, desk: Desk) -> None:
    desk.down = True
    flow.grant("ann", dollars(400), key="g")
    receipt = flow.perform(Coffee(), actor="ann")
    assert (receipt.state, flow.balance("ann", "USD")) == (State.RETRYING, dollars(0))
    work(flow, clock, seconds=61)
    failed = again(flow, receipt)
    assert (failed.state, failed.failure_reason) == (State.FAILED, FailureReason.CREATION_FAILED)
    assert flow.balance("ann", "USD") == dollars(400)
    retried = flow.retry(receipt.action_id, actor="ann")
    assert retried.state is State.RETRYING
    desk.down = False
    work(flow, clock, seconds=20)
    assert again(flow, receipt).state is State.PENDING


def test_the_gateway_is_down(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, desk: Desk
) -> None:
    sandbox.outage(True)
    receipt = flow.perform(Coffee(), actor="ann")
    assert (receipt.state, receipt.amount_due) == (State.RETRYING, None)
    desk.rates["USD", "BTC"] = "1/50000"
    sandbox.outage(False)
    work(flow, clock)
    payable = again(flow, receipt)
    assert (payable.amount_due, len(desk.asked)) == (sats(20_000), 2)
    assert pay(flow, sandbox, payable).state is State.PAID


def _naive(quote: Quote) -> Quote:
    return replace(quote, valid_until=quote.valid_until.replace(tzinfo=None))


@pytest.mark.parametrize(
    "said",
    [
        lambda quote: replace(quote, amount=quote.amount - sats(1)),
        lambda quote: replace(quote, amount=quote.amount + sats(1)),
        lambda quote: replace(quote, amount=Money(quote.amount.amount, "EUR")),
        lambda quote: replace(quote, cost=dollars(1)),
        lambda quote: replace(quote, rate="0"),
        lambda quote: replace(quote, source=""),
        lambda quote: replace(quote, source="x" * 101),
        _naive,
        lambda quote: "1/97000",
    ],
    ids=["less", "more", "currency", "cost", "rate", "source", "long", "time zone", "text"],
)
def test_what_is_no_quote(
    flow: PaidFlow, sandbox: SandboxGateway, desk: Desk, said: Callable[[Quote], Any]
) -> None:
    desk.said = said
    before = snapshot(flow)
    with pytest.raises(QuoteUnavailable):
        flow.perform(HeldCoffee(), actor="ann")
    assert (snapshot(flow), sandbox.books()) == (before, [])


# In transactions.


def connect(url: str) -> Any:
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"))
    return psycopg.connect(url)


def test_in_a_transaction_of_the_application(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, store_url: str, desk: Desk
) -> None:
    """The quote is asked for before it, or left to a worker."""
    flow.grant("ann", dollars(400), key="g")
    prepared = flow.prepare(Coffee(), actor="ann")
    with closing(connect(store_url)) as tx:
        receipt = flow.perform(prepared, tx=tx)
        tx.commit()
    assert len(desk.asked) == 1
    work(flow, clock)
    assert sandbox.expire(again(flow, receipt).invoice_id or "")
    assert sync(flow, again(flow, receipt)).state is State.FAILED
    with closing(connect(store_url)) as tx:
        flow.retry(receipt.action_id, actor="ann", tx=tx)
        tx.commit()
    assert len(desk.asked) == 1
    work(flow, clock)
    assert pay(flow, sandbox, again(flow, receipt)).state is State.PAID


def test_nobody_is_asked_inside_a_transaction(flow: PaidFlow, desk: Desk) -> None:
    charging = flow.steps.invoices.charging
    with flow.store.transaction("own"), pytest.raises(NetworkInTransaction):
        charging.charge(dollars(1000), hold=False, wanted=None)
    assert desk.asked == []
