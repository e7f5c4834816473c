"""Scripts in which purses pay a part, somebody is paid out, and accounts are swept.

Ann is granted 25 sats, so that an invoice asks for the other 5.
"""

from __future__ import annotations

from paidflow import PaidAction
from tests.crash.script import FAILED, PAID, script
from tests.crash.world import World
from tests.zaps import HeldZap, Zap, differences

PRICE_SATS = 30


@script(Zap(text="split", price_sats=PRICE_SATS), grants=True)
def split_paid(w: World, zap: PaidAction) -> None:
    w.grant()
    w.pay(w.request(zap))
    w.work()


@script(HeldZap(text="split, and held", price_sats=PRICE_SATS), grants=True)
def split_held(w: World, zap: PaidAction) -> None:
    w.grant()
    w.pay(w.request(zap))
    w.work()


@script(
    HeldZap(text="split, and never done", price_sats=PRICE_SATS, raises={"perform": -1}),
    grants=True,
    ends=FAILED,
)
def split_raises(w: World, zap: PaidAction) -> None:
    w.grant()
    w.pay(w.request(zap))
    w.work()
    w.clock.tick(6)
    w.work()


@script(Zap(text="split, and never paid", price_sats=PRICE_SATS), grants=True)
def split_expired(w: World, zap: PaidAction) -> None:
    w.grant()
    w.request(zap)
    w.clock.tick(602)
    w.work()


@script(Zap(text="split, and not wanted", price_sats=PRICE_SATS), grants=True)
def split_cancelled(w: World, zap: PaidAction) -> None:
    w.grant()
    w.flow.cancel(w.request(zap).action_id, actor="ann")


@script(Zap(text="split, but the gateway is down", price_sats=PRICE_SATS), grants=True)
def split_outage(w: World, zap: PaidAction) -> None:
    w.grant()
    w.sandbox.outage(True)
    w.request(zap)
    w.clock.tick(61)
    w.work()


@script(Zap(text="split again", price_sats=PRICE_SATS), grants=True)
def split_retried(w: World, zap: PaidAction) -> None:
    w.grant()
    receipt = w.request(zap)
    w.clock.tick(602)
    w.work()
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(Zap(text="split, and late", price_sats=PRICE_SATS), grants=True, ends=PAID | FAILED)
def split_late(w: World, zap: PaidAction) -> None:
    """Started again, it may be too late for the purse to be debited a second time."""
    w.grant()
    receipt = w.request(zap)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(Zap(text="swept"), grants=True)
def swept(w: World, zap: PaidAction) -> None:
    """Two zaps, so that each payee has two entries; a worker sweeps them, and all is audited."""
    w.grant()
    w.request(zap)
    w.flow.perform(HeldZap(text="another"), actor="ann", idempotency_key="another")
    w.work()
    assert differences(w.flow) == []
