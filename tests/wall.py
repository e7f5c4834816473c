"""The application that most tests embed: notes on a wall, each a paid action.

Every hook leaves a row in ``effects``, so a test can count how often it took effect. A note can be
told to raise in a hook, always or a number of times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from paidflow import (
    POOL,
    AfterPaid,
    Context,
    LatePolicy,
    Money,
    PaidAction,
    PaidFlow,
    Posting,
    Receiver,
    purse,
    sats,
    shares,
    territory,
)
from paidflow.clock import Clock
from paidflow.errors import Refused
from paidflow.ids import Ids
from paidflow.payments.contract import Gateway

SECRET = "a secret only for tests"
TABLES = (
    "create table if not exists wall"
    " (id text primary key, text text not null, undone integer not null)",
    "create table if not exists effects (id text not null, hook text not null)",
)
RAISED: Counter[tuple[str, str]] = Counter()
"""How often a hook of an action has raised; it outlives the rolled-back transaction."""


class HookTrouble(Refused):
    """A hook of a note was told to raise."""


class Note(PaidAction):
    """A note on the wall; optimistic."""

    kind = "note"
    optimistic = True
    anonymous = True

    text: str
    price_sats: int = 10
    raises: Mapping[str, int] = {}
    """hook -> how many times it raises; -1 is always"""
    claim: str | None = None
    valid_when_late: bool = True

    def cost(self, ctx: Context) -> Money:
        return sats(self.price_sats)

    def claims(self, ctx: Context) -> Iterable[str]:
        return () if self.claim is None else (self.claim,)

    def perform(self, ctx: Context) -> Any:
        ctx.tx.execute(
            "insert into wall (id, text, undone) values (:id, :text, 0)",
            id=ctx.action_id,
            text=self.text,
        )
        self._leave(ctx, "perform")
        return {"wall": ctx.action_id}

    def on_paid(self, ctx: Context) -> None:
        self._leave(ctx, "on_paid")

    def on_failed(self, ctx: Context) -> None:
        ctx.tx.execute("update wall set undone = undone + 1 where id = :id", id=ctx.action_id)
        self._leave(ctx, "on_failed" if ctx.performed else "on_failed_unperformed")

    def on_retry(self, ctx: Context) -> None:
        ctx.tx.execute("update wall set undone = undone - 1 where id = :id", id=ctx.action_id)
        self._leave(ctx, "on_retry")

    def on_reversed(self, ctx: Context) -> None:
        self._leave(ctx, "on_reversed")

    def after_paid(self, paid: AfterPaid) -> None:
        self._raise(paid.action_id, "after_paid")

    def still_valid(self, ctx: Context) -> bool:
        return self.valid_when_late

    def _leave(self, ctx: Context, hook: str) -> None:
        ctx.tx.execute(
            "insert into effects (id, hook) values (:id, :hook)", id=ctx.action_id, hook=hook
        )
        self._raise(ctx.action_id, hook)

    def _raise(self, action_id: str, hook: str) -> None:
        times = self.raises.get(hook, 0)
        if times < 0 or RAISED[action_id, hook] < times:
            RAISED[action_id, hook] += 1
            raise HookTrouble(f"{hook} of {self.text}")


class HeldNote(Note):
    """A note on the wall; pessimistic."""

    kind = "held-note"
    optimistic = False


class CreditedNote(Note):
    """A note whose late money goes to the purse."""

    kind = "credited-note"
    late_payment: ClassVar[LatePolicy] = LatePolicy.CREDIT


class CarefulNote(Note):
    """A note whose late money waits for a person."""

    kind = "careful-note"
    late_payment: ClassVar[LatePolicy] = LatePolicy.PERSON


class WrappedNote(Note):
    """A note that pays Bob: 70 % go to one of his wallets, 21 % to a territory, 9 % to the pool."""

    kind = "wrapped-note"
    optimistic = False

    wallets: Sequence[str] = ("bob-phone", "bob-home")

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        return shares(ctx.cost, {purse("bob"): 70, territory("music"): 21}, rest=POOL)

    def receivers(self, ctx: Context) -> Sequence[Receiver]:
        return [Receiver(purse("bob"), wallet) for wallet in self.wallets]


class EagerNote(WrappedNote):
    """The same, optimistic: done at once, and paid for by a hold all the same."""

    kind = "eager-note"
    optimistic = True


class RefundedNote(Note):
    """A note whose late money goes back to the payer; its gateway must be able to send it."""

    kind = "refunded-note"
    late_payment: ClassVar[LatePolicy] = LatePolicy.REFUND


class SharedNote(Note):
    """A note that pays others: 70 per cent to bob, 21 to the owner of the wall, 9 to the pool."""

    kind = "shared-note"

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        assert ctx.cost is not None
        return shares(ctx.cost, {purse("bob"): 70, territory("wall"): 21}, rest=POOL)


NOTES = (Note, HeldNote, CreditedNote, CarefulNote, WrappedNote, EagerNote)


def create_tables(flow: PaidFlow) -> None:
    """Create the application's own tables."""
    with flow.store.transaction("tables") as tx:
        for table in TABLES:
            tx.execute(table)


def open_wall(
    url: str,
    gateways: Mapping[str, Gateway],
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    create: bool = True,
    actions: Sequence[type[PaidAction]] = NOTES,
    **settings: Any,
) -> PaidFlow:
    """A flow with all notes; ``create`` makes all tables."""
    flow = PaidFlow.open(
        url,
        actions=actions,
        gateways=gateways,
        secret=SECRET,
        create=create,
        clock=clock,
        ids=ids,
        **settings,
    )
    if create:
        create_tables(flow)
    return flow


def effects(flow: PaidFlow, action_id: str) -> Counter[str]:
    """How often each hook of an action has taken effect."""
    with flow.store.reading() as tx:
        rows = tx.execute("select hook from effects where id = :id", id=action_id).fetchall()
    return Counter(row["hook"] for row in rows)
