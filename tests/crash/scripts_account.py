"""Scripts in which an account of the application pays: the pool, which somebody has paid into.

The pool has 15 sats, and a prize is 10.
"""

from __future__ import annotations

from paidflow import PaidAction, Receipt, sats
from paidflow.errors import InsufficientFunds
from tests.crash.notes import Prize
from tests.crash.script import PAID, script
from tests.crash.scripts_joined import own
from tests.crash.scripts_refunds import REFUNDED
from tests.crash.world import KEY, World


def _won(w: World, prize: PaidAction) -> Receipt:
    w.donate()
    return w.request(prize)


@script(Prize(text="first"), donates=True)
def account_pays(w: World, prize: PaidAction) -> None:
    _won(w, prize)
    w.work()  # runs ``after_paid``, and sweeps


@script(Prize(text="first, and there is no second"), donates=True)
def account_lacks(w: World, prize: PaidAction) -> None:
    _won(w, prize)
    try:
        w.flow.perform(Prize(text="second"), actor="jury", idempotency_key="second")
    except InsufficientFunds:
        w.work()
    else:
        raise AssertionError("the pool has paid what it does not have")


@script(Prize(text="given back"), donates=True, ends=PAID | REFUNDED)
def account_refunded(w: World, prize: PaidAction) -> None:
    receipt = _won(w, prize)
    for amount in (sats(4), sats(6)):
        w.flow.refund(receipt.action_id, amount, operator="olga", why="by mistake")
    w.work()


@script(Prize(text="told of later", raises={"after_paid": 1}), donates=True)
def account_after_paid_raises_once(w: World, prize: PaidAction) -> None:
    _won(w, prize)
    w.work()
    w.clock.tick(6)
    w.work()


@script(Prize(text="awarded by the application"), donates=True)
def account_joined(w: World, prize: PaidAction) -> None:
    w.donate()
    prepared = w.flow.prepare(prize, actor="ann", idempotency_key=KEY)
    with own(w) as tx:
        w.flow.perform(prepared, tx=tx)
    w.work()
