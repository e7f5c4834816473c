"""Wrapped payments: the payer's locked money pays a receiver's wallet, and nobody loses."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paidflow import (
    POOL,
    FailureReason,
    NextAction,
    PaidAction,
    PaidFlow,
    Receipt,
    Receiver,
    State,
    checkpoints,
    msats,
    purse,
    sats,
    territory,
    withdrawable,
)
from paidflow.errors import (
    GatewayUnavailable,
    InvalidArguments,
    NotCancellable,
    NotResolvable,
    PaymentUsed,
)
from paidflow.flow.resolutions import Resolution, possible_resolutions
from paidflow.flow.wallets import Wallets
from paidflow.ledger.accounts import FEES, LOSSES, advanced, clearing, revenue
from paidflow.operating.audit import Rule, audit
from paidflow.operating.reconcile import Standing, reconcile
from paidflow.payments.contract import (
    Accepted,
    Declined,
    Destination,
    PayFailure,
    PayOutCommand,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import HOLD_BLOCKS, HOLD_S
from paidflow.payments.sandbox_payments import PaymentFate
from paidflow.payments.sandbox_target import preimage_of
from paidflow.payments.sandbox_wallet import SandboxWallet, WalletFault
from paidflow.states.events import AttentionReason
from paidflow.states.forwarding import CAPTURE_BLOCKS, CAPTURE_TIME, LOCK_BLOCKS_MIN, LOCK_MIN
from paidflow.states.paying_out import SEND_MARGIN
from paidflow.testing import ManualClock
from tests.crash.invariants import balances
from tests.flow.support import (
    again,
    attention,
    book_of,
    history,
    invoice_of,
    pay,
    snapshot,
    sync,
    undone,
    work,
)
from tests.payday import cash, earn, open_payday
from tests.wall import EagerNote, HeldNote, Note, WrappedNote, effects, open_wall

SHARE, TERRITORY, POOLED = 7_000, 2_100, 900
FEE = 100
GIVEN_UP_S = 60 + SEND_MARGIN.total_seconds() + 1
NOTE = WrappedNote(text="for Bob")


@dataclass(frozen=True, slots=True)
class Zaps:
    """A wall whose bank pays Bob, who has two wallets at an account of his own."""

    flow: PaidFlow
    bank: SandboxGateway
    bob: SandboxGateway
    phone: SandboxWallet
    home: SandboxWallet
    clock: ManualClock

    def request(self, action: PaidAction = NOTE, actor: str | None = "ann") -> Receipt:
        return self.flow.perform(action, actor=actor)

    def pay(self, receipt: Receipt) -> Receipt:
        return pay(self.flow, self.bank, receipt)

    def sends(self) -> int:
        """How often the bank was asked to pay out."""
        return sum(call.operation == "pay_out" for call in self.bank.calls())

    def got(self) -> int:
        """What Bob has received in his wallets."""
        return self.bob.total_received().amount

    def checked(self) -> Counter[str]:
        """The balance of every account, after checking that nothing got lost."""
        sums = balances(self.flow)
        assert sum(sums.values()) == 0
        held = {money.currency: money.amount for money in self.bank.holdings()}  # pyright: ignore
        assert -sums[clearing("sandbox")] == held.get("BTC", 0)
        return Counter({name: amount for name, amount in sums.items() if amount})


@pytest.fixture
def zaps(store_url: str, tmp_path: Path, clock: ManualClock) -> Iterator[Zaps]:
    bob = SandboxGateway(tmp_path / "bob.db", sandbox=True, clock=clock, account="bob")
    bank = SandboxGateway(tmp_path / "zaps.db", sandbox=True, clock=clock, receivers=[bob])
    bank.route_fee = FEE
    phone, home = SandboxWallet(bob), SandboxWallet(bob)
    wallets = {"bob-phone": phone, "bob-home": home}
    flow = open_wall(store_url, {"sandbox": bank}, clock=clock, wallets=wallets)
    yield Zaps(flow, bank, bob, phone, home, clock)
    phone.wake.set()
    flow.close()


def _receiver_of(zaps: Zaps, receipt: Receipt) -> Any:
    loaded = zaps.flow.steps.load(receipt.action_id)
    assert loaded is not None
    assert loaded.aggregate.current is not None
    return loaded.aggregate.current.receiver


# All goes well.


def test_the_receiver_is_paid_by_the_payer(zaps: Zaps) -> None:
    receipt = zaps.request()
    assert (receipt.state, receipt.next_action) == (State.PENDING_HELD, NextAction.PAY_INVOICE)
    assert effects(zaps.flow, receipt.action_id) == {}
    assert zaps.pay(receipt).state is State.PAID
    assert effects(zaps.flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert (zaps.got(), zaps.sends()) == (SHARE, 1)
    assert book_of(zaps.bank, receipt).received == sats(10)
    assert zaps.checked() == {
        territory("music"): TERRITORY,
        POOL: POOLED - FEE,
        clearing("sandbox"): -(TERRITORY + POOLED - FEE),
    }


def test_optimistic_is_done_at_once_and_held_all_the_same(zaps: Zaps) -> None:
    receipt = zaps.request(EagerNote(text="for Bob"))
    assert (receipt.state, receipt.performed) == (State.PENDING_HELD, True)
    assert zaps.pay(receipt).state is State.PAID
    assert effects(zaps.flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert zaps.got() == SHARE


def test_optimistic_is_undone_when_it_expires(zaps: Zaps) -> None:
    receipt = zaps.request(EagerNote(text="for Bob"))
    zaps.bank.expire(invoice_of(receipt))
    assert sync(zaps.flow, receipt).state is State.FAILED
    assert undone(zaps.flow, receipt) == 1
    assert zaps.sends() == 0


def test_logged_out_payers_zap_too(zaps: Zaps) -> None:
    assert zaps.pay(zaps.request(actor=None)).state is State.PAID
    assert zaps.got() == SHARE


def test_the_events_of_a_wrapped_payment(zaps: Zaps) -> None:
    receipt = zaps.request()
    zaps.pay(receipt)
    assert history(zaps.flow, receipt) == [
        *("requested", "pay-out-planned", "invoice-attached", "hold-seen", "held"),
        *("performed", "pay-out-requested", "pay-out-settled", "capture-requested"),
        *("payment-seen", "paid"),
    ]


def test_what_a_wallet_rounds_down_goes_to_the_pool(zaps: Zaps) -> None:
    """The share of 11 sats is 7,700 millisatoshis, and the wallet asks for 7 sats."""
    wallet = SandboxWallet(zaps.bob, rounds_to=1_000)
    zaps.flow.steps.tools.wallets._wallets = {"bob-phone": wallet}  # pyright: ignore
    receipt = zaps.request(WrappedNote(text="for Bob", price_sats=11))
    zaps.pay(receipt)
    sums = zaps.checked()
    assert zaps.got() == 7_000
    assert (sums[POOL], sums[territory("music")]) == (990 + 700 - FEE, 2_310)
    assert purse("bob") not in sums


# Who can be paid, when it is requested.

FAULTS: tuple[WalletFault, ...] = (
    *("refuse", "raise", "hang", "nonsense", "more", "less", "expire"),
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wallet_that_does_not_do_is_passed_over(zaps: Zaps, fault: WalletFault) -> None:
    if fault == "hang":
        zaps.flow.steps.tools.wallets._timeout_s = 1.0
    zaps.phone.fault = fault
    receipt = zaps.request()
    assert _receiver_of(zaps, receipt).wallet == "bob-home"
    assert zaps.pay(receipt).state is State.PAID
    assert zaps.got() == SHARE


@pytest.mark.parametrize("action", [NOTE, EagerNote(text="for Bob")], ids=lambda a: a.kind)
def test_without_a_wallet_the_receiver_gets_credits(zaps: Zaps, action: Note) -> None:
    zaps.phone.fault = zaps.home.fault = "refuse"
    receipt = zaps.request(action)
    assert _receiver_of(zaps, receipt) is None
    optimistic = action.optimistic
    assert receipt.state is (State.PENDING if optimistic else State.PENDING_HELD)
    assert zaps.pay(receipt).state is State.PAID
    assert zaps.got() == zaps.sends() == 0
    assert zaps.checked() == {
        purse("bob"): SHARE,
        territory("music"): TERRITORY,
        POOL: POOLED,
        clearing("sandbox"): -10_000,
    }


def test_an_unknown_wallet_and_none_at_all(zaps: Zaps) -> None:
    unknown = zaps.request(WrappedNote(text="for Bob", wallets=["carol-phone"]))
    nobody = zaps.request(WrappedNote(text="for Bob", wallets=[]))
    assert _receiver_of(zaps, unknown) is _receiver_of(zaps, nobody) is None


def test_an_invoice_that_was_used_before_cannot_be_wrapped(zaps: Zaps) -> None:
    zaps.request()
    zaps.phone.fault = "again"
    assert _receiver_of(zaps, zaps.request()).wallet == "bob-home"


def test_a_gateway_that_is_down_is_not_the_receivers_fault(zaps: Zaps) -> None:
    zaps.bank.outage(True)
    with pytest.raises(GatewayUnavailable):
        zaps.request()
    receipt = zaps.request(EagerNote(text="for Bob"))
    assert (receipt.state, receipt.performed) == (State.RETRYING, True)
    zaps.bank.outage(False)
    work(zaps.flow, zaps.clock)
    receipt = again(zaps.flow, receipt)
    assert _receiver_of(zaps, receipt).wallet == "bob-phone"
    assert zaps.pay(receipt).state is State.PAID
    assert zaps.got() == SHARE


def test_what_purses_pay_is_not_passed_on(zaps: Zaps) -> None:
    """The rest of 10 sats is less than Bob's share, so nothing of it goes out."""
    zaps.flow.grant("ann", sats(4), key="some")
    receipt = zaps.request()
    assert _receiver_of(zaps, receipt) is None
    zaps.pay(receipt)
    assert zaps.checked()[purse("bob")] == SHARE


def test_a_purse_that_pays_a_little_leaves_enough(zaps: Zaps) -> None:
    zaps.flow.grant("ann", sats(2), key="some")
    receipt = zaps.request()
    assert _receiver_of(zaps, receipt).wallet == "bob-phone"
    assert zaps.pay(receipt).state is State.PAID
    sums = zaps.checked()
    assert (zaps.got(), sums[POOL], sums[territory("music")]) == (SHARE, POOLED - FEE, TERRITORY)


class Twice(WrappedNote):
    kind = "twice"

    def receivers(self, ctx: Any) -> Any:
        return [Receiver(POOL, "bob-phone")]


def test_only_somebody_with_a_payout_of_his_own_is_a_receiver(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    flow = open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=[Twice])
    with pytest.raises(InvalidArguments, match="directly"):
        flow.perform(Twice(text="for nobody"), actor="ann")
    flow.close()


def test_a_gateway_that_does_not_pay_out_wraps_nothing(
    store_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    """Its profile says so, and no wallet is asked."""
    bank = SandboxGateway(tmp_path / "small.db", sandbox=True, clock=clock, hold=False)
    phone = SandboxWallet(bank)
    wallets = {"bob-phone": phone}
    gateways, actions = {"sandbox": bank}, [EagerNote]
    flow = open_wall(store_url, gateways, clock=clock, actions=actions, wallets=wallets)
    assert flow.perform(EagerNote(text="for Bob"), actor="ann").state is State.PENDING
    assert phone.asked == 0
    flow.close()


def test_wallets_are_never_called_inside_a_transaction(zaps: Zaps, store_url: str) -> None:
    """A retry inside a transaction of the application leaves the wallet to the worker."""
    zaps.bank.fate("unreachable")
    receipt = zaps.request()
    assert zaps.pay(receipt).failure_reason is FailureReason.FORWARD_FAILED
    before = zaps.home.asked
    embedded = store_url.startswith("sqlite")
    path = store_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path) if embedded else psycopg.connect(store_url)) as tx:
        inside = zaps.flow.retry(receipt.action_id, actor="ann", tx=tx)
        assert (inside.state, zaps.home.asked) == (State.RETRYING, before)
        tx.commit()
    work(zaps.flow, zaps.clock)
    assert zaps.home.asked == before + 1
    assert zaps.pay(again(zaps.flow, receipt)).state is State.PAID


def test_a_wallet_has_so_much_time_and_no_more() -> None:
    class Slow:
        def get(self, name: str) -> Any:
            raise TimeoutError("a secret")

    told = Wallets(Slow(), 0.1).invoice("any", sats(1), "", 60)  # pyright: ignore
    assert told == Declined("TimeoutError")


# The receiver is not reached.


@pytest.mark.parametrize("fate", ["unreachable", "refused"])
def test_a_failed_payment_releases_the_payers_money(zaps: Zaps, fate: PaymentFate) -> None:
    zaps.bank.fate(fate)
    receipt = zaps.request()
    after = zaps.pay(receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.FORWARD_FAILED)
    assert book_of(zaps.bank, receipt).returned == sats(10)
    assert undone(zaps.flow, receipt) == 1
    assert zaps.checked() == {}


def test_the_way_is_too_dear(zaps: Zaps) -> None:
    zaps.bank.route_fee = 301
    after = zaps.pay(zaps.request())
    assert after.failure_reason is FailureReason.FORWARD_FAILED
    zaps.bank.route_fee = 300
    after = zaps.flow.retry(after.action_id, actor="ann")
    assert zaps.pay(after).state is State.PAID
    assert zaps.checked()[POOL] == POOLED - 300


def test_the_receivers_time_lock_is_too_long(zaps: Zaps) -> None:
    zaps.bob.time_lock_s = HOLD_S - int(CAPTURE_TIME.total_seconds()) + 1
    after = zaps.pay(zaps.request())
    assert after.failure_reason is FailureReason.FORWARD_FAILED
    assert zaps.got() == 0


def test_retries_go_on_to_the_next_wallet_and_then_to_credits(zaps: Zaps) -> None:
    zaps.bank.fate("unreachable", times=2)
    receipt = zaps.request()
    assert _receiver_of(zaps, receipt).wallet == "bob-phone"
    assert zaps.pay(receipt).state is State.FAILED
    receipt = zaps.flow.retry(receipt.action_id, actor="ann")
    assert _receiver_of(zaps, receipt).wallet == "bob-home"
    assert zaps.pay(receipt).state is State.FAILED
    receipt = zaps.flow.retry(receipt.action_id, actor="ann")
    assert _receiver_of(zaps, receipt) is None
    assert zaps.pay(receipt).state is State.PAID
    assert (zaps.phone.asked, zaps.home.asked, zaps.sends()) == (1, 1, 2)
    assert effects(zaps.flow, receipt.action_id) == {
        **{"perform": 1, "on_failed": 2, "on_retry": 2, "on_paid": 1}
    }
    assert zaps.checked()[purse("bob")] == SHARE


def test_a_wrap_that_is_refused_in_a_retry_goes_on_at_once(zaps: Zaps) -> None:
    receipt = zaps.request()
    zaps.bank.expire(invoice_of(receipt))
    sync(zaps.flow, receipt)
    zaps.bank.fault("open", "decline")
    receipt = zaps.flow.retry(receipt.action_id, actor="ann")
    assert receipt.state is State.PENDING_HELD
    assert _receiver_of(zaps, receipt).wallet == "bob-home"
    assert zaps.pay(receipt).state is State.PAID


def test_a_payer_who_did_not_pay_does_not_use_up_a_wallet(zaps: Zaps) -> None:
    receipt = zaps.request()
    zaps.bank.expire(invoice_of(receipt))
    sync(zaps.flow, receipt)
    receipt = zaps.flow.retry(receipt.action_id, actor="ann")
    assert _receiver_of(zaps, receipt).wallet == "bob-phone"


def test_the_time_lock_of_the_payer_is_too_short(zaps: Zaps) -> None:
    receipt = zaps.request()
    zaps.bank.pay(invoice_of(receipt))
    left = CAPTURE_TIME + LOCK_MIN
    zaps.clock.tick(HOLD_S - left.total_seconds() + 1)
    after = sync(zaps.flow, receipt)
    assert (after.state, after.failure_reason) == (
        *(State.FAILED, FailureReason.TIME_LOCK_TOO_SHORT),
    )
    assert effects(zaps.flow, receipt.action_id) == {"on_failed_unperformed": 1}
    assert zaps.sends() == 0


def test_the_hash_is_compared_before_money_is_sent(
    zaps: Zaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two decoders may disagree about one invoice; nothing is sent then."""
    receipt = zaps.request()
    honest = zaps.bank.decode

    def other(destination: str) -> Destination | Declined:
        read = honest(destination)
        assert isinstance(read, Destination)
        return replace(read, payment_id="0" * 64)

    monkeypatch.setattr(zaps.bank, "decode", other)
    after = zaps.pay(receipt)
    assert after.failure_reason is FailureReason.FORWARD_FAILED
    assert zaps.sends() == 0
    assert book_of(zaps.bank, receipt).returned == sats(10)


def test_work_that_raises_sends_nothing(zaps: Zaps) -> None:
    receipt = zaps.request(WrappedNote(text="never done", raises={"perform": -1}))
    after = zaps.pay(receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    assert zaps.sends() == 0
    assert book_of(zaps.bank, receipt).returned == sats(10)


# It is not known whether the receiver was reached.


def _stuck(zaps: Zaps) -> Receipt:
    zaps.bank.fate("stuck")
    receipt = zaps.request()
    assert zaps.pay(receipt).state is State.FORWARDING
    return receipt


def test_a_payment_that_is_stuck_keeps_the_hold(zaps: Zaps) -> None:
    receipt = _stuck(zaps)
    work(zaps.flow, zaps.clock, times=8, seconds=70)
    assert again(zaps.flow, receipt).state is State.FORWARDING
    assert book_of(zaps.bank, receipt).held == sats(10)
    with pytest.raises(NotCancellable):
        zaps.flow.cancel(receipt.action_id, actor="ann")
    assert attention(zaps.flow) == []
    zaps.bank.finish_payment(invoice_of(receipt))
    work(zaps.flow, zaps.clock, seconds=301)
    assert again(zaps.flow, receipt).state is State.PAID
    assert (zaps.got(), zaps.sends()) == (SHARE, 1)


def test_a_payment_that_is_stuck_for_long_is_shown(zaps: Zaps) -> None:
    receipt = _stuck(zaps)
    work(zaps.flow, zaps.clock, times=3, seconds=301)
    (shown,) = attention(zaps.flow)
    assert (shown.action_id, shown.reason) == (
        receipt.action_id,
        AttentionReason.FORWARD_OVERDUE,
    )
    zaps.bank.break_payment(invoice_of(receipt), PayFailure.REFUSED)
    work(zaps.flow, zaps.clock, seconds=301)
    after = again(zaps.flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.FORWARD_FAILED)
    assert attention(zaps.flow) == []
    assert zaps.checked() == {}


@pytest.mark.parametrize("fault", ["time_out_after", "time_out_before", "raise"])
def test_a_payment_without_an_answer_is_looked_up_and_never_sent_again(
    zaps: Zaps, fault: Any
) -> None:
    zaps.bank.fault("pay_out", fault)
    receipt = zaps.request()
    after = zaps.pay(receipt)
    if fault == "time_out_after":
        assert (after.state, zaps.got()) == (State.PAID, SHARE)
    else:
        assert after.state is State.FORWARDING
        work(zaps.flow, zaps.clock, times=5, seconds=70)
        assert again(zaps.flow, receipt).state is State.FORWARDING
        assert book_of(zaps.bank, receipt).held == sats(10)
        work(zaps.flow, zaps.clock, times=2, seconds=150)
        after = again(zaps.flow, receipt)
        assert (after.state, after.failure_reason) == (
            *(State.FAILED, FailureReason.FORWARD_NOT_SENT),
        )
        assert zaps.got() == 0
    assert zaps.sends() == 1
    zaps.checked()


@pytest.mark.parametrize("fault", ["decline", "refuse"])
def test_a_payment_that_is_declined_or_not_sent_was_not_made(zaps: Zaps, fault: Any) -> None:
    """It says nothing about the wallet, so that is tried once more."""
    zaps.bank.fault("pay_out", fault)
    after = zaps.pay(zaps.request())
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.FORWARD_NOT_SENT)
    assert (zaps.got(), zaps.sends()) == (0, 1)
    retried = zaps.flow.retry(after.action_id, actor="ann")
    assert _receiver_of(zaps, retried).wallet == "bob-phone"
    assert zaps.pay(retried).state is State.PAID
    assert zaps.got() == SHARE


def test_a_wallet_that_goes_unpaid_twice_is_left_out(zaps: Zaps) -> None:
    """Otherwise a payer could try for ever, and the receiver would not even get credits."""
    zaps.bank.fault("pay_out", "decline", times=4)
    receipt = zaps.request()
    wallets: list[str] = []
    while (receiver := _receiver_of(zaps, receipt)) is not None:
        wallets.append(receiver.wallet)
        assert zaps.pay(receipt).failure_reason is FailureReason.FORWARD_NOT_SENT
        receipt = zaps.flow.retry(receipt.action_id, actor="ann")
    assert wallets == ["bob-phone", "bob-phone", "bob-home", "bob-home"]
    assert zaps.pay(receipt).state is State.PAID
    assert zaps.checked()[purse("bob")] == SHARE


def test_a_payment_that_the_gateway_pretends_to_have_sent_is_in_doubt_for_long(zaps: Zaps) -> None:
    """It was accepted, so that it is not known proves nothing: a person is told."""
    zaps.bank.fault("pay_out", "pretend")
    receipt = zaps.request()
    assert zaps.pay(receipt).state is State.FORWARDING
    work(zaps.flow, zaps.clock, times=4, seconds=301)
    assert again(zaps.flow, receipt).state is State.FORWARDING
    (shown,) = attention(zaps.flow)
    assert shown.reason is AttentionReason.FORWARD_OVERDUE
    assert zaps.sends() == 1


def test_a_payment_that_the_gateway_does_not_know_yet_is_in_doubt(zaps: Zaps) -> None:
    receipt = _stuck(zaps)
    zaps.bank.forget_payment(invoice_of(receipt))
    work(zaps.flow, zaps.clock, seconds=60)
    assert again(zaps.flow, receipt).state is State.FORWARDING
    zaps.bank.forget_payment(invoice_of(receipt), forgotten=False)
    zaps.bank.finish_payment(invoice_of(receipt))
    work(zaps.flow, zaps.clock, seconds=30)
    assert again(zaps.flow, receipt).state is State.PAID


def test_a_gateway_that_is_away_while_forwarding(zaps: Zaps) -> None:
    receipt = _stuck(zaps)
    zaps.bank.outage(True)
    zaps.bank.finish_payment(invoice_of(receipt))
    work(zaps.flow, zaps.clock, times=3, seconds=200)
    assert again(zaps.flow, receipt).state is State.FORWARDING
    zaps.bank.outage(False)
    work(zaps.flow, zaps.clock, seconds=301)
    assert again(zaps.flow, receipt).state is State.PAID


# The gateway has denied a payment that is on its way.


def _tried_again(zaps: Zaps) -> Receipt:
    """The payer has his money back, and tries again; his money is not locked yet."""
    zaps.bank.fault("pay_out", "time_out_after")
    zaps.bank.fault("lookup_payment", "time_out_before")
    receipt = _stuck(zaps)
    zaps.bank.forget_payment(invoice_of(receipt))
    work(zaps.flow, zaps.clock, times=2, seconds=GIVEN_UP_S)
    failed = again(zaps.flow, receipt)
    assert (failed.state, failed.failure_reason) == (State.FAILED, FailureReason.FORWARD_NOT_SENT)
    assert _receiver_of(zaps, zaps.flow.retry(receipt.action_id, actor="ann")) is not None
    return receipt


def _not_sent_again(zaps: Zaps, first: Receipt) -> None:
    """The receiver has his share once, the payer his money, and a person knows of the loss."""
    failed = again(zaps.flow, first)
    assert (failed.state, failed.failure_reason) == (State.FAILED, FailureReason.FORWARD_NOT_SENT)
    assert (zaps.got(), zaps.sends()) == (SHARE, 1)
    assert zaps.bank.total_held() == zaps.bank.total_received() == sats(0)
    assert zaps.checked() == {LOSSES: -SHARE - FEE, clearing("sandbox"): SHARE + FEE}
    assert [one.reason for one in attention(zaps.flow)] == [AttentionReason.PAID_OUT_LATE]
    plain = zaps.flow.retry(first.action_id, actor="ann")
    assert _receiver_of(zaps, plain) is None
    assert zaps.pay(plain).state is State.PAID
    assert (zaps.got(), zaps.sends()) == (SHARE, 1)
    assert LOSSES not in zaps.checked()


def test_a_receiver_who_was_paid_after_all_is_not_paid_again(zaps: Zaps) -> None:
    first = _tried_again(zaps)
    zaps.bank.forget_payment(invoice_of(first), forgotten=False)
    assert zaps.bank.finish_payment(invoice_of(first))
    zaps.pay(again(zaps.flow, first))
    _not_sent_again(zaps, first)


def test_it_is_seen_before_the_payer_has_paid_again(zaps: Zaps) -> None:
    first = _tried_again(zaps)
    zaps.bank.forget_payment(invoice_of(first), forgotten=False)
    assert zaps.bank.finish_payment(invoice_of(first))
    zaps.flow.sync_payment(first.action_id, 1)
    zaps.pay(again(zaps.flow, first))
    _not_sent_again(zaps, first)


@pytest.mark.parametrize("arrives", [True, False])
def test_what_is_on_its_way_after_all_is_waited_for(zaps: Zaps, arrives: bool) -> None:
    first = _tried_again(zaps)
    zaps.bank.forget_payment(invoice_of(first), forgotten=False)
    assert zaps.pay(again(zaps.flow, first)).state is State.HELD
    work(zaps.flow, zaps.clock, seconds=6)
    assert (again(zaps.flow, first).state, zaps.sends()) == (State.HELD, 1)
    end = zaps.bank.finish_payment if arrives else zaps.bank.break_payment
    assert end(invoice_of(first))
    work(zaps.flow, zaps.clock, seconds=20)
    if arrives:
        _not_sent_again(zaps, first)
    else:
        assert again(zaps.flow, first).state is State.PAID
        assert (zaps.got(), zaps.sends()) == (SHARE, 2)
        assert LOSSES not in zaps.checked()


def test_without_an_answer_the_next_one_is_not_sent_and_the_payer_gets_his_money(
    zaps: Zaps,
) -> None:
    first = _tried_again(zaps)
    zaps.bank.fault("lookup_payment", "time_out_before", times=99)
    assert zaps.pay(again(zaps.flow, first)).state is State.HELD
    work(zaps.flow, zaps.clock, times=4, seconds=61)
    assert again(zaps.flow, first).state is State.FAILED
    assert zaps.sends() == 1
    assert zaps.bank.total_held() == sats(0)


# A person knows what the gateway does not.

BY = {"operator": "eve", "why": "the receiver has said so"}


def _unknown(zaps: Zaps, *, arrived: bool) -> Receipt:
    """The gateway took the payment, and does not know it any more; a person is told."""
    receipt = _stuck(zaps)
    if arrived:
        zaps.bank.finish_payment(invoice_of(receipt))
    else:
        zaps.bank.break_payment(invoice_of(receipt))
    zaps.bank.forget_payment(invoice_of(receipt))
    work(zaps.flow, zaps.clock, times=4, seconds=301)
    assert again(zaps.flow, receipt).state is State.FORWARDING
    (shown,) = attention(zaps.flow)
    assert shown.reason is AttentionReason.FORWARD_OVERDUE
    return receipt


def _possible(zaps: Zaps, receipt: Receipt) -> list[Resolution]:
    loaded = zaps.flow.steps.load(receipt.action_id)
    assert loaded is not None
    return possible_resolutions(loaded.aggregate, zaps.flow.gateways)


def test_what_can_be_decided_about_it(zaps: Zaps) -> None:
    receipt = _unknown(zaps, arrived=False)
    assert _possible(zaps, receipt) == ["outgoing_arrived", "outgoing_failed", "dismiss"]
    before = snapshot(zaps.flow)
    for wrong in ("close", "accept", "credit", "refund", "retry"):
        with pytest.raises(NotResolvable):
            zaps.flow.resolve(receipt.action_id, wrong, **BY)
    assert snapshot(zaps.flow) == before


def test_it_has_failed_and_the_payer_gets_his_money(zaps: Zaps) -> None:
    receipt = _unknown(zaps, arrived=False)
    zaps.flow.resolve(receipt.action_id, "outgoing_failed", **BY)
    after = again(zaps.flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.FORWARD_FAILED)
    assert book_of(zaps.bank, receipt).returned == sats(10)
    assert (zaps.checked(), attention(zaps.flow)) == ({}, [])
    lines = zaps.flow.history(receipt.action_id, actor="ann")
    (decided,) = [line.details for line in lines if line.event.endswith("attention-resolved")]
    assert decided == {"resolution": "outgoing_failed", **BY}
    retried = zaps.flow.retry(receipt.action_id, actor="ann")
    assert _receiver_of(zaps, retried).wallet == "bob-home"


def test_it_was_wrong_that_it_had_failed(zaps: Zaps) -> None:
    """The payer has his money back, and the receiver his share: a loss, and a person is told."""
    receipt = _unknown(zaps, arrived=True)
    zaps.flow.resolve(receipt.action_id, "outgoing_failed", **BY)
    assert again(zaps.flow, receipt).state is State.FAILED
    assert [one.rule for one in audit(zaps.flow) if not one.agrees] == [Rule.HOLDINGS]
    zaps.bank.forget_payment(invoice_of(receipt), forgotten=False)
    (mended,) = [
        one
        for one in reconcile(zaps.flow, since=zaps.clock.now() - timedelta(days=1))
        if one.standing is not Standing.AGREES
    ]
    assert (mended.outgoing, mended.standing) == (True, Standing.MENDED)
    assert zaps.checked() == {LOSSES: -SHARE - FEE, clearing("sandbox"): SHARE + FEE}
    (shown,) = attention(zaps.flow)
    assert shown.reason is AttentionReason.PAID_OUT_LATE
    assert [one for one in audit(zaps.flow) if not one.agrees] == []


def test_it_has_arrived_but_nobody_can_prove_it(zaps: Zaps) -> None:
    """Without the preimage the hold cannot be captured: when it ends, the share is lost."""
    receipt = _unknown(zaps, arrived=True)
    zaps.flow.resolve(receipt.action_id, "outgoing_arrived", **BY)
    assert again(zaps.flow, receipt).state is State.CAPTURING
    assert balances(zaps.flow)[advanced(receipt.action_id)] == -SHARE - 300
    work(zaps.flow, zaps.clock, times=2, seconds=301)
    assert again(zaps.flow, receipt).state is State.CAPTURING
    zaps.bank.release_hold(invoice_of(receipt))
    work(zaps.flow, zaps.clock, seconds=301)
    after = again(zaps.flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HOLD_LOST)
    (shown,) = attention(zaps.flow)
    assert shown.reason is AttentionReason.FORWARD_LOST
    assert balances(zaps.flow)[LOSSES] == -SHARE - 300
    assert balances(zaps.flow)[advanced(receipt.action_id)] == 0


def test_it_has_arrived_and_the_gateway_remembers(zaps: Zaps) -> None:
    receipt = _unknown(zaps, arrived=True)
    zaps.flow.resolve(receipt.action_id, "outgoing_arrived", **BY)
    zaps.bank.forget_payment(invoice_of(receipt), forgotten=False)
    work(zaps.flow, zaps.clock, seconds=301)
    assert again(zaps.flow, receipt).state is State.PAID
    assert zaps.got() == SHARE


def test_it_has_arrived_and_somebody_knows_what_it_has_cost(zaps: Zaps) -> None:
    receipt = _unknown(zaps, arrived=True)
    zaps.flow.resolve(receipt.action_id, "outgoing_arrived", fee=msats(FEE), **BY)
    assert balances(zaps.flow)[advanced(receipt.action_id)] == -SHARE - FEE
    zaps.bank.forget_payment(invoice_of(receipt), forgotten=False)
    work(zaps.flow, zaps.clock, seconds=301)
    assert again(zaps.flow, receipt).state is State.PAID
    assert [one for one in audit(zaps.flow) if not one.agrees] == []


def test_the_invoice_is_forgotten_too(zaps: Zaps) -> None:
    """Then nobody ever shows that the hold has ended: a person says so, and it is a loss."""
    receipt = _unknown(zaps, arrived=True)
    zaps.flow.resolve(receipt.action_id, "outgoing_arrived", **BY)
    zaps.bank.forget(invoice_of(receipt))
    work(zaps.flow, zaps.clock, times=14, seconds=301)
    (shown,) = attention(zaps.flow)
    assert shown.reason is AttentionReason.CAPTURE_OVERDUE
    zaps.flow.resolve(receipt.action_id, "close", **BY)
    after = again(zaps.flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HOLD_LOST)
    assert [one.reason for one in attention(zaps.flow)] == [AttentionReason.FORWARD_LOST]
    assert balances(zaps.flow)[LOSSES] == -SHARE - 300


@pytest.mark.parametrize("arrived", [True, False])
def test_what_the_gateway_shows_counts_more(zaps: Zaps, arrived: bool) -> None:
    receipt = _unknown(zaps, arrived=arrived)
    zaps.bank.forget_payment(invoice_of(receipt), forgotten=False)
    wrong: Resolution = "outgoing_failed" if arrived else "outgoing_arrived"
    with pytest.raises(NotResolvable):
        zaps.flow.resolve(receipt.action_id, wrong, **BY)
    assert again(zaps.flow, receipt).state is (State.PAID if arrived else State.FAILED)
    assert zaps.got() == (SHARE if arrived else 0)
    zaps.checked()


@pytest.mark.parametrize("resolution", ["outgoing_arrived", "outgoing_failed"])
def test_nobody_decides_while_it_is_on_its_way(zaps: Zaps, resolution: Resolution) -> None:
    receipt = _stuck(zaps)
    work(zaps.flow, zaps.clock, times=3, seconds=301)
    assert len(attention(zaps.flow)) == 1
    before = snapshot(zaps.flow)
    with pytest.raises(NotResolvable, match="on its way"):
        zaps.flow.resolve(receipt.action_id, resolution, **BY)
    assert snapshot(zaps.flow) == before
    assert book_of(zaps.bank, receipt).held == sats(10)


# The payer's money is gone.


def test_the_payer_cancels_while_the_receiver_is_paid(zaps: Zaps) -> None:
    receipt = _stuck(zaps)
    zaps.bank.release_hold(invoice_of(receipt))
    assert sync(zaps.flow, receipt).state is State.FORWARDING
    zaps.bank.finish_payment(invoice_of(receipt))
    after = sync(zaps.flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HOLD_LOST)
    _lost(zaps, receipt)


def test_the_payer_cancels_and_the_receiver_is_not_paid(zaps: Zaps) -> None:
    receipt = _stuck(zaps)
    zaps.bank.release_hold(invoice_of(receipt))
    sync(zaps.flow, receipt)
    zaps.bank.break_payment(invoice_of(receipt))
    after = sync(zaps.flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.FORWARD_FAILED)
    assert zaps.checked() == {}
    assert attention(zaps.flow) == []


def _captured_in_vain(zaps: Zaps) -> tuple[Receipt, Receipt]:
    """The gateway says that it has captured, but the payer has taken his money back before."""
    receipt = zaps.request()
    zaps.bank.fault("capture", "pretend")

    def reached(point: str) -> None:
        if point == "sync.capture.before":
            assert zaps.bank.release_hold(invoice_of(receipt))

    checkpoints.observe(reached)
    try:
        return receipt, zaps.pay(receipt)
    finally:
        checkpoints.observe(None)


def test_capture_says_ok_although_the_hold_is_gone(zaps: Zaps) -> None:
    receipt, after = _captured_in_vain(zaps)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.HOLD_LOST)
    _lost(zaps, receipt)


def _lost(zaps: Zaps, receipt: Receipt) -> None:
    spent = SHARE + FEE
    assert zaps.checked() == {LOSSES: -spent, clearing("sandbox"): spent}
    (shown,) = attention(zaps.flow)
    assert (shown.action_id, shown.reason) == (receipt.action_id, AttentionReason.FORWARD_LOST)
    assert undone(zaps.flow, receipt) == 1
    assert zaps.got() == SHARE


def test_a_loss_is_made_good_when_the_payer_tries_again(zaps: Zaps) -> None:
    """Bob has his share already; he does not get it twice."""
    receipt, _ = _captured_in_vain(zaps)
    zaps.flow.resolve(receipt.action_id, "dismiss", operator="olga", why="seen")
    receipt = zaps.flow.retry(receipt.action_id, actor="ann")
    assert _receiver_of(zaps, receipt) is None
    assert zaps.pay(receipt).state is State.PAID
    assert zaps.checked() == {
        territory("music"): TERRITORY,
        POOL: POOLED - FEE,
        clearing("sandbox"): -(TERRITORY + POOLED - FEE),
    }
    assert (zaps.got(), zaps.sends()) == (SHARE, 1)


def test_a_capture_that_is_declined_is_tried_again(zaps: Zaps) -> None:
    zaps.bank.fault("capture", "decline", times=2)
    receipt = zaps.request()
    assert zaps.pay(receipt).state is State.CAPTURING
    (shown,) = attention(zaps.flow)
    assert shown.reason is AttentionReason.CAPTURE_OVERDUE
    with pytest.raises(NotResolvable, match="still locked"):
        zaps.flow.resolve(receipt.action_id, "close", **BY)
    work(zaps.flow, zaps.clock)
    assert again(zaps.flow, receipt).state is State.PAID
    assert attention(zaps.flow) == []


def test_the_way_costs_more_than_it_may(zaps: Zaps) -> None:
    """The pool gives its budget, and the rest is on us."""
    zaps.bank.fate("overcharged")
    receipt = zaps.request()
    assert zaps.pay(receipt).state is State.PAID
    sums = zaps.checked()
    assert (sums[POOL], sums[FEES]) == (POOLED - 300, -1)


def _denied(zaps: Zaps) -> Receipt:
    """Bob was paid, but the gateway knows nothing of it until that counts as not sent."""
    zaps.bank.fault("pay_out", "time_out_after")
    zaps.bank.fault("lookup_payment", "time_out_before")
    receipt = zaps.request()
    assert zaps.pay(receipt).state is State.FORWARDING
    zaps.bank.forget_payment(invoice_of(receipt))
    zaps.clock.tick(400)
    assert sync(zaps.flow, receipt).failure_reason is FailureReason.FORWARD_NOT_SENT
    return receipt


def _admitted(zaps: Zaps, receipt: Receipt) -> None:
    zaps.bank.forget_payment(invoice_of(receipt), forgotten=False)
    zaps.flow.sync_payment(receipt.action_id, 1)
    assert zaps.checked()[LOSSES] == -SHARE - FEE


def test_a_denied_payment_arrives_while_the_next_one_is_under_way(zaps: Zaps) -> None:
    """It is lost; the next one is what the payer's money is captured for, and is not let go."""
    zaps.pay(zaps.request(HeldNote(text="something to pay with"), "carol"))
    receipt = _denied(zaps)
    zaps.bank.fate("stuck")
    again = zaps.flow.retry(receipt.action_id, actor="ann")
    assert zaps.pay(again).state is State.FORWARDING
    _admitted(zaps, receipt)
    zaps.bank.fault("capture", "decline")
    zaps.bank.finish_payment(invoice_of(again))
    assert sync(zaps.flow, again).state is State.CAPTURING
    work(zaps.flow, zaps.clock)
    assert sync(zaps.flow, again).state is State.PAID
    assert zaps.checked() == {
        LOSSES: -SHARE - FEE,
        territory("music"): TERRITORY,
        POOL: POOLED - FEE,
        revenue("held-note"): 10_000,
        clearing("sandbox"): SHARE + FEE - (TERRITORY + POOLED - FEE) - 10_000,
    }


def test_a_denied_payment_arrives_after_the_receiver_got_credits(zaps: Zaps) -> None:
    """It is lost, and a refund takes the credits back from him."""
    receipt = _denied(zaps)
    zaps.phone.fault = zaps.home.fault = "refuse"
    again = zaps.flow.retry(receipt.action_id, actor="ann")
    assert zaps.pay(again).state is State.PAID
    _admitted(zaps, receipt)
    assert zaps.checked()[purse("bob")] == SHARE
    zaps.flow.refund(receipt.action_id, operator="eve", why="it was broken")
    assert zaps.checked() == {LOSSES: -SHARE - FEE, clearing("sandbox"): SHARE + FEE}


def test_a_restored_log_does_not_pay_a_second_time(zaps: Zaps) -> None:
    """It has forgotten that the payment was sent; the bank has not."""
    receipt = zaps.request()
    zaps.bank.pay(invoice_of(receipt))
    with zaps.flow.store.reading() as tx:
        row = tx.query("select_payment", action_id=receipt.action_id, number=1).fetchone()
    assert row is not None
    give_up_at = zaps.clock.now() + timedelta(seconds=60)
    earlier = PayOutCommand(
        *("earlier", row["destination"], row["payment_id"], msats(SHARE), msats(300)),
        give_up_at=give_up_at,
    )
    assert zaps.bank.pay_out(earlier) == Accepted()
    assert sync(zaps.flow, receipt).state is State.PAID
    assert (zaps.got(), len(zaps.bank.payments())) == (SHARE, 1)
    zaps.checked()


# Many at once, and deadlines in blocks.


def test_many_look_at_once_and_one_sends(zaps: Zaps) -> None:
    """Whoever records that the receiver is paid sends; the others only look."""
    receipt = zaps.request()
    zaps.bank.pay(invoice_of(receipt))
    barrier = threading.Barrier(8)

    def look(_: int) -> State:
        barrier.wait(60)
        return sync(zaps.flow, receipt).state

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(8)))
    assert sync(zaps.flow, receipt).state is State.PAID
    assert (zaps.sends(), zaps.got()) == (1, SHARE)
    assert effects(zaps.flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    zaps.checked()


def test_a_hold_outlives_its_invoice_where_a_close_is_assumed(
    store_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    """For a while the gateway knows the invoice no more; the payer's money is still locked."""
    bob = SandboxGateway(tmp_path / "bob.db", sandbox=True, clock=clock, account="bob")
    path = tmp_path / "zaps.db"
    bank = SandboxGateway(path, sandbox=True, clock=clock, receivers=[bob], close_grace_s=300)
    wallets = {"bob-phone": SandboxWallet(bob)}
    flow = open_wall(store_url, {"sandbox": bank}, clock=clock, wallets=wallets)
    bank.fault("capture", "time_out_before")
    receipt = flow.perform(NOTE, actor="ann")
    assert pay(flow, bank, receipt).state is State.CAPTURING
    bank.forget(invoice_of(receipt))
    clock.tick(901)
    assert sync(flow, receipt).state is State.CAPTURING
    bank.remember(invoice_of(receipt))
    assert sync(flow, receipt).state is State.PAID
    assert balances(flow)[LOSSES] == 0
    flow.close()


LEFT = HOLD_BLOCKS - CAPTURE_BLOCKS - LOCK_BLOCKS_MIN


@pytest.mark.parametrize(("blocks", "sends"), [(LEFT, 1), (LEFT + 1, 0)])
def test_a_hold_that_ends_at_a_height(
    store_url: str, tmp_path: Path, clock: ManualClock, blocks: int, sends: int
) -> None:
    bob = SandboxGateway(tmp_path / "bob.db", sandbox=True, clock=clock, account="bob")
    path = tmp_path / "zaps.db"
    bank = SandboxGateway(path, sandbox=True, clock=clock, receivers=[bob], deadline="height")
    wallets = {"bob-phone": SandboxWallet(bob)}
    flow = open_wall(store_url, {"sandbox": bank}, clock=clock, wallets=wallets)
    receipt = flow.perform(NOTE, actor="ann")
    bank.pay(invoice_of(receipt))
    bank.mine_blocks(blocks)
    assert sync(flow, receipt).state is (State.PAID if sends else State.FAILED)
    assert sum(call.operation == "pay_out" for call in bank.calls()) == sends
    flow.close()


# Nobody reads what is not his.


def test_the_receivers_secret_is_stored_nowhere(zaps: Zaps, caplog: Any) -> None:
    caplog.set_level(0)
    zaps.pay(zaps.request())
    (payment,) = zaps.bank.payments()
    (invoice,) = zaps.bob.books()
    secret = preimage_of("bob", invoice.invoice_id)
    assert payment.status == "paid_out"
    stored = repr(snapshot(zaps.flow)) + caplog.text
    assert secret.hex() not in stored
    assert repr(secret)[2:-1] not in stored


def test_the_payer_does_not_read_about_the_receivers_wallet(zaps: Zaps) -> None:
    receipt = zaps.request()
    zaps.pay(receipt)
    lines = zaps.flow.history(receipt.action_id, actor="ann")
    said = {line.event.removeprefix("paid-action."): set(line.details) for line in lines}
    assert said["pay-out-planned"] == {"number", "gateway", "payment_id", "until"}
    assert said["pay-out-settled"] == {"number", "gateway"}
    assert "bob-phone" not in repr(lines)


def test_the_stored_invoice_of_the_receiver_is_erased(zaps: Zaps) -> None:
    receipt = zaps.request()
    zaps.pay(receipt)
    work(zaps.flow, zaps.clock)
    (invoice,) = zaps.bob.books()
    assert invoice.invoice_id in repr(snapshot(zaps.flow))
    zaps.flow.erase(receipt.action_id)
    assert invoice.invoice_id not in repr(snapshot(zaps.flow))


def test_amounts_are_whole_minor_units(zaps: Zaps) -> None:
    receipt = zaps.request(WrappedNote(text="for Bob", price_sats=1))
    loaded = zaps.flow.steps.load(receipt.action_id)
    assert loaded is not None
    assert loaded.aggregate.pay_out is not None
    assert loaded.aggregate.pay_out.amount == msats(700)
    assert loaded.aggregate.pay_out.fee_max == msats(30)


# One payment hash, one payment.


def test_a_receivers_invoice_that_is_paid_otherwise_is_not_wrapped(
    store_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    """Bob withdraws to an invoice, and his wallet gives the same one for a note."""
    bob = SandboxGateway(tmp_path / "bob.db", sandbox=True, clock=clock, account="bob")
    bank = SandboxGateway(tmp_path / "zaps.db", sandbox=True, clock=clock, receivers=[bob])
    phone = SandboxWallet(bob)
    flow = open_payday(store_url, bank, clock, wallets={"bob-phone": phone})
    earn(flow, bank, sats(8))
    invoice = phone.invoice(msats(SHARE), "", 900)
    assert isinstance(invoice, str)
    withdrawn = flow.perform(cash(invoice, msats(SHARE), sats(1)), actor="ann")
    assert withdrawn.state is State.PAID
    phone.fault = "again"
    with pytest.raises(PaymentUsed):
        flow.perform(NOTE, actor="ann")
    assert [book.status for book in bank.books()] == ["settled", "cancelled"]
    flow.close()


def test_an_invoice_of_ours_is_not_withdrawn_to(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    flow = open_payday(store_url, sandbox, clock)
    earn(flow, sandbox, sats(11))
    held = flow.perform(HeldNote(text="hm"), actor="carol")
    with pytest.raises(PaymentUsed):
        flow.perform(cash(held.payment_request or "", sats(10), sats(1)), actor="ann")
    assert flow.balance_of(withdrawable("ann")) == sats(11)
    flow.close()


# The money goes back.


def test_a_refund_of_what_was_passed_on_is_a_loss(zaps: Zaps) -> None:
    """The receiver has it in his own wallet; everybody else gives back what he got."""
    receipt = zaps.request()
    zaps.pay(receipt)
    after = zaps.flow.refund(receipt.action_id, operator="eve", why="it was broken")
    assert (after.state, after.refunded) == (State.REFUNDED, sats(10))
    assert zaps.bank.total_reversed() == sats(10)
    assert zaps.checked() == {LOSSES: -SHARE - FEE, clearing("sandbox"): SHARE + FEE}
    assert [one for one in audit(zaps.flow) if not one.agrees] == []


def test_what_was_passed_on_is_contested_and_won(zaps: Zaps) -> None:
    receipt = zaps.request()
    zaps.pay(receipt)
    before = zaps.checked()
    reversal_id = zaps.bank.open_dispute(invoice_of(receipt))
    assert sync(zaps.flow, receipt).state is State.DISPUTED
    assert zaps.checked()[LOSSES] == -SHARE - FEE
    assert zaps.bank.win_dispute(reversal_id or "")
    assert sync(zaps.flow, receipt).state is State.PAID
    assert zaps.checked() == before
