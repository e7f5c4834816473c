"""What people earn on the wall, and how they get it: tips, and withdrawals of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from paidflow import (
    Context,
    Money,
    PaidFlow,
    Posting,
    Receipt,
    State,
    Withdrawal,
    sats,
    withdrawable,
)
from paidflow.clock import Clock
from paidflow.payments.sandbox import SandboxGateway
from tests.wall import NOTES, HookTrouble, Note, open_wall

ADDRESS = "sandbox-address:bob"
BLOCKED = "mallory"
AMOUNT = sats(10)
FEE_MAX = sats(1)


class Tip(Note):
    """A note whose whole price somebody else gets."""

    kind = "tip"
    to: str = "ann"

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        return [Posting(withdrawable(self.to), ctx.cost)]


class Cash(Withdrawal):
    """A withdrawal with limits; its hooks leave rows as those of a note do."""

    kind = "cash"
    minimum = sats(1)
    maximum = sats(1000)

    raises: Mapping[str, int] = {}
    """hook -> how many times it raises; -1 is always"""

    raised: ClassVar[dict[tuple[str, str], int]] = {}

    def may_withdraw(self, ctx: Context) -> bool:
        return ctx.actor != BLOCKED

    def perform(self, ctx: Context) -> Any:
        self._leave(ctx, "perform")

    def on_paid(self, ctx: Context) -> None:
        self._leave(ctx, "on_paid")

    def on_failed(self, ctx: Context) -> None:
        self._leave(ctx, "on_failed")

    def on_retry(self, ctx: Context) -> None:
        self._leave(ctx, "on_retry")

    def _leave(self, ctx: Context, hook: str) -> None:
        ctx.tx.execute(
            "insert into effects (id, hook) values (:id, :hook)", id=ctx.action_id, hook=hook
        )
        times = self.raises.get(hook, 0)
        before = Cash.raised.get((ctx.action_id, hook), 0)
        if times < 0 or before < times:
            Cash.raised[ctx.action_id, hook] = before + 1
            raise HookTrouble(f"{hook} of cash")


PAYDAY = (*NOTES, Tip, Cash)


def open_payday(url: str, sandbox: SandboxGateway, clock: Clock, **settings: Any) -> PaidFlow:
    """A flow with notes, tips and cash."""
    return open_wall(url, {"sandbox": sandbox}, clock=clock, actions=PAYDAY, **settings)


def earn(flow: PaidFlow, sandbox: SandboxGateway, amount: Money, actor: str = "ann") -> None:
    """Somebody pays an actor, who can withdraw it then."""
    tip = Tip(text="for you", price_sats=amount.amount // 1000, to=actor)
    receipt = flow.perform(tip, actor="payer")
    assert receipt.invoice_id is not None
    assert sandbox.pay(receipt.invoice_id)
    done = flow.sync("sandbox", receipt.invoice_id)
    assert done is not None
    assert done.state is State.PAID


def cash(
    destination: str = ADDRESS,
    amount: Money = AMOUNT,
    fee_max: Money = FEE_MAX,
    raises: Mapping[str, int] | None = None,
) -> Cash:
    """A withdrawal."""
    return Cash(destination=destination, amount=amount, fee_max=fee_max, raises=raises or {})


def sent(sandbox: SandboxGateway) -> list[str | None]:
    """The payments that the bank was asked for, in order."""
    return [call.invoice_id for call in sandbox.calls() if call.operation == "pay_out"]


def purse_of(flow: PaidFlow, actor: str = "ann") -> Money:
    """What an actor can withdraw now."""
    return flow.balance_of(withdrawable(actor))


def clearing_of(flow: PaidFlow) -> Money:
    """What the entries say that the bank holds."""
    with flow.store.reading() as tx:
        rows = tx.query("sum_accounts", prefix="clearing:sandbox").fetchall()
    return Money(-sum(int(row["total"]) for row in rows), "BTC")


def agrees(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The bank holds what the entries say, and every balance is the sum of its entries."""
    assert sandbox.holdings() == (clearing_of(flow),)
    with flow.store.reading() as tx:
        for row in tx.query("audit_accounts").fetchall():
            assert row["balance"] == row["entries"] >= 0, row


def now(flow: PaidFlow, receipt: Receipt) -> Receipt:
    """Where a withdrawal stands."""
    return flow.get(receipt.action_id, proof=receipt.proof)
