"""Scripts in which money is paid out: nothing is sent twice, wherever the process dies."""

from __future__ import annotations

from paidflow import PaidAction, Receipt
from tests.crash.script import FAILED, PAID, script
from tests.crash.world import World
from tests.payday import cash

EITHER = PAID | FAILED


def _asked(w: World, withdrawal: PaidAction) -> Receipt:
    w.earn()
    return w.request(withdrawal)


def _later(w: World, seconds: float) -> None:
    w.clock.tick(seconds)
    w.work()


@script(cash(), ends=EITHER, earns=True)
def withdrawal(w: World, withdrawal: PaidAction) -> None:
    w.sandbox.route_fee = 300
    _asked(w, withdrawal)
    w.work()


@script(cash(), ends=EITHER, earns=True)
def withdrawal_answer_lost(w: World, withdrawal: PaidAction) -> None:
    w.sandbox.fault("pay_out", "time_out_after")
    w.sandbox.fault("lookup_payment", "time_out_before", times=2)
    _asked(w, withdrawal)
    _later(w, 6)
    _later(w, 6)


@script(cash(), ends=EITHER, earns=True)
def withdrawal_never_sent(w: World, withdrawal: PaidAction) -> None:
    w.sandbox.fault("pay_out", "time_out_before")
    receipt = _asked(w, withdrawal)
    _later(w, 361)
    w.flow.retry(receipt.action_id, actor="ann")


@script(cash(), ends=EITHER, earns=True)
def withdrawal_declined(w: World, withdrawal: PaidAction) -> None:
    w.sandbox.fault("pay_out", "decline")
    receipt = _asked(w, withdrawal)
    w.flow.retry(receipt.action_id, actor="ann")


@script(cash(), ends=EITHER, earns=True)
def withdrawal_fails(w: World, withdrawal: PaidAction) -> None:
    w.sandbox.fate("unreachable")
    receipt = _asked(w, withdrawal)
    w.flow.retry(receipt.action_id, actor="ann")


@script(cash(), ends=EITHER, earns=True)
def withdrawal_stuck(w: World, withdrawal: PaidAction) -> None:
    w.sandbox.fate("stuck")
    receipt = _asked(w, withdrawal)
    _later(w, 400)
    w.sandbox.finish_payment(receipt.payment_id or "")
    _later(w, 301)


def _denied(w: World, withdrawal: PaidAction) -> Receipt:
    """Sent and on its way; and given up, because the bank says that there is no such payment."""
    w.lose_payment()
    receipt = _asked(w, withdrawal)
    w.deny_payments()
    _later(w, 361)
    return receipt


def _denied_and_ended(w: World, withdrawal: PaidAction, *, arrive: bool) -> None:
    """It ends before Ann tries again."""
    receipt = _denied(w, withdrawal)
    w.deny_payments(False)
    w.end_payments(arrive=arrive)
    w.flow.retry(receipt.action_id, actor="ann")


@script(cash(), ends=EITHER, earns=True, denies=True)
def withdrawal_denied_and_arrived(w: World, withdrawal: PaidAction) -> None:
    _denied_and_ended(w, withdrawal, arrive=True)
    _later(w, 6)


@script(cash(), ends=EITHER, earns=True, denies=True)
def withdrawal_denied_and_on_its_way(w: World, withdrawal: PaidAction) -> None:
    receipt = _denied(w, withdrawal)
    w.deny_payments(False)
    w.flow.retry(receipt.action_id, actor="ann")
    _later(w, 6)
    w.end_payments(arrive=True)
    _later(w, 20)


@script(cash(), ends=EITHER, earns=True, denies=True)
def withdrawal_denied_and_failed(w: World, withdrawal: PaidAction) -> None:
    _denied_and_ended(w, withdrawal, arrive=False)
    _later(w, 20)


@script(cash(), ends=EITHER, earns=True)
def withdrawal_too_dear(w: World, withdrawal: PaidAction) -> None:
    w.sandbox.fate("overcharged")
    _asked(w, withdrawal)


@script(cash(raises={"on_paid": 1}), ends=EITHER, earns=True)
def withdrawal_on_paid_raises_once(w: World, withdrawal: PaidAction) -> None:
    _asked(w, withdrawal)
    _later(w, 6)
