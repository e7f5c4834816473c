"""What hooks are told besides the arguments: what is in purses, and which proofs were shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import ClassVar

import pytest

from paidflow import Context, Money, PaidAction, PaidFlow, State, purse, sats
from paidflow.errors import InvalidConfiguration, Refused
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import pay
from tests.wall import NOTES, Note, open_wall


class Sequel(Note):
    """A note to an earlier one, by whoever has written that."""

    kind = "sequel"
    optimistic: ClassVar[bool] = False

    of: str

    def validate_request(self, ctx: Context) -> None:
        if not ctx.proves(self.of):
            raise Refused("write the first one first")

    def perform(self, ctx: Context) -> object:
        assert not ctx.proves(self.of), "what runs later is told of no proof"
        return super().perform(ctx)


class Alms(PaidAction):
    """Costs what the actor has, and nothing if that is nothing."""

    kind = "alms"

    def cost(self, ctx: Context) -> Money:
        return ctx.balance_of(purse(ctx.actor or ""))

    def perform(self, ctx: Context) -> object:
        return ctx.balance_of(purse(ctx.actor or "")).amount


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    actions = (*NOTES, Sequel, Alms)
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=actions) as opened:
        yield opened


def test_a_proof_is_told_while_something_is_asked_for(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    first, other = flow.perform(Note(text="gm")), flow.perform(Note(text="gn"))
    sequel = Sequel(text="gm again", of=first.action_id)
    for proof in (None, "", "nonsense", other.proof):
        with pytest.raises(Refused):
            flow.perform(sequel, proof=proof)
    receipt = flow.perform(sequel, proof=first.proof)
    assert pay(flow, sandbox, receipt).state is State.PAID


def test_the_same_in_two_steps_and_as_coroutines(flow: PaidFlow) -> None:
    first = flow.perform(Note(text="gm"))
    sequel = Sequel(text="gm again", of=first.action_id)
    with pytest.raises(Refused):
        flow.prepare(sequel)
    assert flow.perform(flow.prepare(sequel, proof=first.proof)).state is State.PENDING_HELD

    async def asked() -> None:
        prepared = await flow.aio.prepare(sequel, proof=first.proof)
        await flow.aio.perform(prepared)
        await flow.aio.perform(sequel, proof=first.proof)
        with pytest.raises(Refused):
            await flow.aio.perform(sequel)

    asyncio.run(asked())


def test_what_is_in_a_purse(flow: PaidFlow) -> None:
    assert flow.perform(Alms(), actor="ann").cost == sats(0)
    flow.grant("ann", sats(30), key="g")
    receipt = flow.perform(Alms(), actor="ann")
    assert (receipt.cost, receipt.result) == (sats(30), 0)


def test_a_context_of_ones_own_has_no_accounts(flow: PaidFlow, clock: ManualClock) -> None:
    with flow.transaction() as tx:
        ctx = Context("a", "ann", clock.now(), None, False, tx)
    with pytest.raises(InvalidConfiguration):
        ctx.balance_of(purse("ann"))
    assert not ctx.proves("a")
