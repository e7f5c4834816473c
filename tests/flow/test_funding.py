"""A purse that had enough is not looked into again, and is never overdrawn by that."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from paidflow import CREDITS, INVOICE, Context, PaidFlow, State, sats
from paidflow.errors import InsufficientFunds
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import snapshot
from tests.wall import NOTES, Note, open_wall


class PurseNote(Note):
    """A note that is paid from the purse or not at all."""

    kind = "purse-note"
    anonymous: ClassVar[bool] = False
    funding: ClassVar[tuple[str, ...]] = (CREDITS,)


@pytest.fixture
def flows(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> Generator[tuple[PaidFlow, PaidFlow]]:
    """Two programs on one database; each remembers only what it has done itself."""
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(
                open_wall(
                    store_url,
                    {"sandbox": sandbox},
                    clock=clock,
                    create=create,
                    actions=[*NOTES, PurseNote],
                )
            )
            for create in (True, False)
        )
        yield first, second


def count_looks(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The named statements that the flow's reading transactions run from now on."""
    asked: list[str] = []
    begin = flow.store.begin_reading  # pyright: ignore

    def counted() -> Any:
        tx = begin()
        query = tx.query
        tx.query = lambda name, **params: asked.append(name) or query(name, **params)
        return tx

    monkeypatch.setattr(flow.store, "begin_reading", counted)
    return asked


def test_a_purse_is_looked_into_once(
    flows: tuple[PaidFlow, PaidFlow], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, _ = flows
    flow.grant("ann", sats(100), key="welcome")
    asked = count_looks(flow, monkeypatch)
    for _ in range(3):
        assert flow.perform(Note(text="gm"), actor="ann").state is State.PAID
    assert asked.count("select_balance") == 1


def test_what_somebody_else_has_spent_is_paid_by_invoice(
    flows: tuple[PaidFlow, PaidFlow],
) -> None:
    first, second = flows
    first.grant("ann", sats(20), key="welcome")
    assert first.perform(Note(text="gm"), actor="ann").state is State.PAID
    assert second.perform(Note(text="gm"), actor="ann").state is State.PAID
    receipt = first.perform(Note(text="gm"), actor="ann")
    assert (receipt.state, first.balance("ann")) == (State.PENDING, sats(0))
    first.grant("ann", sats(10), key="more")
    assert first.perform(Note(text="gm"), actor="ann").state is State.PAID


class PoorNote(Note):
    """A note whose work needs money of its own that is not there."""

    kind = "poor-note"
    tried: ClassVar[int] = 0

    def perform(self, ctx: Context) -> None:
        PoorNote.tried += 1
        raise InsufficientFunds("the work needs more")


@pytest.mark.parametrize("funding", [(CREDITS,), (CREDITS, INVOICE)])
def test_a_hook_that_says_so_is_not_tried_again(
    store_url: str, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch, funding: Any
) -> None:
    monkeypatch.setattr(PoorNote, "funding", funding)
    monkeypatch.setattr(PoorNote, "anonymous", False)
    monkeypatch.setattr(PoorNote, "tried", 0)
    with open_wall(store_url, {"sandbox": sandbox}, actions=[PoorNote]) as flow:
        flow.grant("ann", sats(100), key="welcome")
        with pytest.raises(InsufficientFunds, match="the work needs more"):
            flow.perform(PoorNote(text="gm"), actor="ann")
        assert (PoorNote.tried, flow.balance("ann")) == (1, sats(100))


def test_without_another_way_nothing_is_stored(flows: tuple[PaidFlow, PaidFlow]) -> None:
    first, second = flows
    first.grant("ann", sats(20), key="welcome")
    for flow in flows:
        flow.perform(PurseNote(text="gm"), actor="ann")
    before = snapshot(second)
    with pytest.raises(InsufficientFunds):
        first.perform(PurseNote(text="gm"), actor="ann")
    assert snapshot(second) == before


def test_a_prepared_action_counts_on_what_is_there(flows: tuple[PaidFlow, PaidFlow]) -> None:
    first, _ = flows
    first.grant("ann", sats(20), key="welcome")
    for flow in flows:
        flow.perform(Note(text="gm"), actor="ann")
    prepared = first.prepare(Note(text="gm"), actor="ann")
    assert prepared.opening is not None  # by invoice: what was enough last time is not believed
