"""What an embedder writes, checked by pyright and by mypy, both strict. Nothing here runs."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_type

from paidflow import (
    CREDITS,
    INVOICE,
    AfterPaid,
    Batch,
    Context,
    Counter,
    FailureReason,
    Folding,
    HistoryEntry,
    LatePolicy,
    Money,
    NextAction,
    PaidAction,
    PaidFlow,
    Reader,
    Receipt,
    Refused,
    Row,
    State,
    Worker,
    sats,
)
from paidflow.errors import PaidflowError
from paidflow.payments.contract import (
    Accepted,
    CancelCommand,
    Capability,
    CaptureCommand,
    CommandOutcome,
    Declined,
    Gateway,
    Hint,
    Invoice,
    Lookup,
    OpenCommand,
    Opened,
    OpenOutcome,
    Profile,
    Settled,
    Updates,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Paid
from paidflow.testing import Harness


class Post(PaidAction):
    kind = "post"
    version = 2
    upcasters = {1: lambda old: old | {"tags": []}}  # noqa: RUF012
    funding = (CREDITS, INVOICE)
    optimistic = True
    late_payment = LatePolicy.CREDIT

    text: str
    tags: tuple[str, ...] = ()

    def cost(self, ctx: Context) -> Money:
        return sats(10) + sats(len(self.tags))

    def validate_request(self, ctx: Context) -> None:
        if ctx.actor is None:
            raise Refused("not for everybody")

    def claims(self, ctx: Context) -> Iterable[str]:
        yield f"post:{ctx.actor}:{self.text}"

    def perform(self, ctx: Context) -> dict[str, str]:
        found = ctx.tx.execute("select text from posts where id = :id", id=ctx.action_id)
        assert_type(found.fetchone(), Mapping[str, Any] | None)
        return {"path": f"/posts/{ctx.action_id}"}

    def on_failed(self, ctx: Context) -> None:
        assert_type(ctx.performed, bool)

    def on_retry(self, ctx: Context) -> None: ...

    def after_paid(self, paid: AfterPaid) -> None:
        assert_type(paid.key, str)


class Vote(PaidAction):
    kind = "vote"
    poll: int

    def cost(self, ctx: Context) -> Money:
        return sats(0)

    def row(self, ctx: Context) -> Row:
        return Row("votes", {"id": ctx.action_id, "poll": self.poll})


class Totals(Counter):
    name = "totals"
    events = (Paid,)
    key = "post"
    columns = ("paid",)

    def count(self, batch: Batch) -> Iterator[tuple[str, int]]:
        for action_id, paid in batch.of(Paid):
            assert_type(paid, Paid)
            yield action_id, 1


class PayNow:
    @property
    def profile(self) -> Profile:
        return Profile(frozenset({Capability.CANCEL}), frozenset({"EUR"}), account="shop")

    def open(self, command: OpenCommand) -> OpenOutcome:
        if command.hold:
            return Declined("no holds")
        return Opened(Invoice("1", command.amount, "pay:1", None))

    def lookup(self, invoice_id: str) -> Lookup:
        return Settled(Money(100, "EUR"))

    def capture(self, command: CaptureCommand) -> CommandOutcome:
        return Declined()

    def cancel(self, command: CancelCommand) -> CommandOutcome:
        return Accepted()

    def updates(self, cursor: str | None) -> Updates:
        return Updates((), cursor or "")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        return (Hint("1"),)


def shop(url: str) -> None:
    gateways: dict[str, Gateway] = {"now": PayNow(), "bank": SandboxGateway("b", sandbox=True)}
    with PaidFlow.open(url, actions=[Post, Vote], gateways=gateways, secret="s" * 16) as flow:
        receipt = flow.perform(Post(text="gm"), actor="ann", idempotency_key="1")
        assert_type(receipt, Receipt)
        assert_type(receipt.state, State)
        assert_type(receipt.next_action, NextAction)
        assert_type(receipt.failure_reason, FailureReason | None)
        assert_type(flow.history(receipt.action_id, actor="ann"), list[HistoryEntry])
        assert_type(flow.sync("now", "1"), Receipt | None)
        assert_type(flow.balance("ann"), Money)
        rows = Reader(flow).select("select * from posts where visible(id)", viewer=None)
        assert_type(rows, list[Mapping[str, Any]])
        with flow.transaction() as tx:
            assert_type(tx.execute("select 1").rowcount, int)
        assert_type(Worker(flow, folding=Folding(flow, [Totals()])).run_until_idle(), int)
        try:
            flow.resolve(receipt.action_id, "retry", operator="eve", why="asked")
        except PaidflowError as error:
            assert_type(error.code, str)


async def page(flow: PaidFlow) -> None:
    assert_type(await flow.aio.perform(Vote(poll=1), actor="ann"), Receipt)
    async with flow.aio.transaction() as tx:
        await tx.execute("delete from posts")


def test(paidflow: Harness) -> None:
    receipt = paidflow.flow.perform(Post(text="gm"), actor="ann")
    assert_type(paidflow.pay(receipt), Receipt)
    paidflow.when(Post(text="gm")).pays(sats(3)).then_failed(FailureReason.UNDERPAID)


def wrong(flow: PaidFlow) -> None:
    """Each line is wrong, and both checkers say so; an ignore that is not needed is an error."""
    flow.perform("gm", actor="ann")  # type: ignore[arg-type]
    flow.perform(Vote(poll=1), actor=7)  # type: ignore[arg-type]
    flow.resolve("1", "ignore", operator="eve", why="")  # type: ignore[arg-type]
    flow.claim("1", actor="ann")  # type: ignore[call-arg]
    Money(1.5, "EUR")  # type: ignore[arg-type]
    sats(1) * 2  # type: ignore[operator]
    PaidFlow.open("sqlite:///x", actions=[Vote], gateways={"x": object()}, secret="")  # type: ignore[dict-item]
