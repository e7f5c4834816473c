"""A backlog is settled in one transaction, with the same effect as one by one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paidflow import Context, PaidFlow, State, Worker, checkpoints, sats
from paidflow.actions.contract import PaidAction, check_action
from paidflow.errors import InvalidConfiguration
from paidflow.payments.contract import Lookup
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock, SeededIds
from tests.flow.support import again, history, invoice_of
from tests.wall import NOTES, RAISED, HeldNote, HookTrouble, Note, effects, open_wall

TOGETHER: list[int] = []
"""How many notes each call of ``on_paid_many`` was about."""


class ManyNote(Note):
    """A note that is paid together with others."""

    kind = "many-note"

    @classmethod
    def on_paid_many(cls, paid: Sequence[tuple[Self, Context]]) -> None:
        TOGETHER.append(len(paid))
        for note, ctx in paid:
            note.on_paid(ctx)


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    TOGETHER.clear()
    opened = open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=[*NOTES, ManyNote])
    yield opened
    opened.close()


def answers_commits(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the transactions that settle."""
    reached: list[str] = []

    def observe(name: str) -> None:
        _, step, edge = name.split(".")
        if edge == "after" and step in ("answer", "answers"):
            reached.append(step)

    monkeypatch.setattr(checkpoints, "_observer", observe)
    return reached


def test_a_backlog_is_one_transaction(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [flow.perform(Note(text="gm"), actor=f"actor {n % 3}") for n in range(9)]
    for receipt in made:
        sandbox.pay(invoice_of(receipt))
    reached = answers_commits(flow, monkeypatch)
    Worker(flow).run_until_idle()
    assert reached == ["answers"]
    assert {again(flow, receipt).state for receipt in made} == {State.PAID}
    for receipt in made:
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_halves_are_tried(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(7)]
    bad = flow.perform(Note(text="bad", raises={"on_paid": 1}), actor="ann")
    for receipt in (*made, bad):
        sandbox.pay(invoice_of(receipt))
    reached = answers_commits(flow, monkeypatch)
    assert flow.sync_many("sandbox", [invoice_of(r) for r in (*made, bad)]) == []
    assert {again(flow, receipt).state for receipt in made} == {State.PAID}
    for receipt in made:
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    # It raised once, with all others; in its half it does not raise any more.
    assert again(flow, bad).state is State.PAID
    assert reached == ["answers", "answers"]


def test_somebody_is_faster_with_one_of_them(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(8)]
    ids = [invoice_of(receipt) for receipt in made]
    for invoice_id in ids:
        sandbox.pay(invoice_id)
    asked: list[str] = []
    ask = sandbox.lookup

    def lookup(invoice_id: str) -> Lookup:
        asked.append(invoice_id)
        if len(asked) == len(ids):
            flow.sync("sandbox", ids[3])
        return ask(invoice_id)

    monkeypatch.setattr(sandbox, "lookup", lookup)
    reached = answers_commits(flow, monkeypatch)
    assert flow.sync_many("sandbox", ids) == []
    assert reached == ["answer", "answers"]
    assert len(asked) == 2 * len(ids) + 1  # nobody acts upon an answer from before
    for receipt in made:
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_the_culprit_settles_alone(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(4)]
    bad = flow.perform(Note(text="bad", raises={"on_paid": -1}), actor="ann")
    for receipt in (*made, bad):
        sandbox.pay(invoice_of(receipt))
    reached = answers_commits(flow, monkeypatch)
    assert flow.sync_many("sandbox", [invoice_of(r) for r in (*made, bad)]) == []
    # Alone are the culprit and who is left with it when an odd number is cut in halves.
    assert 1 <= reached.count("answer") <= 3
    assert {again(flow, receipt).state for receipt in made} == {State.PAID}
    stuck = again(flow, bad)
    assert (stuck.state, stuck.completing) == (State.PENDING, True)
    assert history(flow, bad)[-2:] == ["payment-seen", "hook-failed"]


def test_many_at_once(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    made = [flow.perform(ManyNote(text="gm"), actor="ann") for _ in range(5)]
    other = flow.perform(Note(text="gm"), actor="ann")
    for receipt in (*made, other):
        sandbox.pay(invoice_of(receipt))
    Worker(flow).run_until_idle()
    assert TOGETHER == [5]
    for receipt in (*made, other):
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    alone = flow.perform(ManyNote(text="alone"), actor="ann")
    sandbox.pay(invoice_of(alone))
    Worker(flow).run_until_idle()
    assert TOGETHER == [5]
    assert effects(flow, alone.action_id) == {"perform": 1, "on_paid": 1}


def test_many_at_once_and_one_raises(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    made = [flow.perform(ManyNote(text="gm"), actor="ann") for _ in range(3)]
    bad = flow.perform(ManyNote(text="bad", raises={"on_paid": -1}), actor="ann")
    for receipt in (*made, bad):
        sandbox.pay(invoice_of(receipt))
    flow.sync_many("sandbox", [invoice_of(receipt) for receipt in (*made, bad)])
    assert {again(flow, receipt).state for receipt in made} == {State.PAID}
    assert again(flow, bad).state is State.PENDING
    for receipt in made:
        assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_unanswered_invoices_are_told(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(3)]
    ids = [invoice_of(receipt) for receipt in made]
    sandbox.pay(ids[0])
    sandbox.outage(True)
    assert sorted(flow.sync_many("sandbox", [*ids, "nobody's"])) == sorted(ids)
    sandbox.outage(False)
    assert flow.sync_many("sandbox", [*ids, ids[0], "nobody's"]) == []
    assert [again(flow, r).state for r in made] == [State.PAID, State.PENDING, State.PENDING]


def test_two_invoices_of_one_action(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.expire(invoice_of(receipt))
    flow.sync("sandbox", invoice_of(receipt))
    second = flow.retry(receipt.action_id, actor="ann")
    for invoice_id in (invoice_of(receipt), invoice_of(second)):
        sandbox.pay(invoice_id, late=True)
    assert flow.sync_many("sandbox", [invoice_of(receipt), invoice_of(second)]) == []
    assert again(flow, receipt).state is State.PAID
    assert flow.balance("ann") == sats(10)


def test_an_unreadable_action_stops_nobody(
    flow: PaidFlow, sandbox: SandboxGateway, caplog: pytest.LogCaptureFixture
) -> None:
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(3)]
    with flow.store.transaction("test") as tx:
        tx.append(
            [
                {
                    "action_id": made[1].action_id,
                    "version": 3,
                    "topic": "paid-action.from-the-future@9",
                    "state": b"{}",
                    "event_id": "e",
                    "command_id": "c",
                    "correlation_id": "c",
                    "now": flow.clock.now(),
                }
            ]
        )
    for receipt in made:
        sandbox.pay(invoice_of(receipt))
    with caplog.at_level(logging.ERROR):
        assert flow.sync_many("sandbox", [invoice_of(receipt) for receipt in made]) == []
    assert "UnknownEvent" in caplog.text
    assert [again(flow, made[n]).state for n in (0, 2)] == [State.PAID, State.PAID]


def test_on_paid_many_needs_on_paid() -> None:
    class Odd(HeldNote):
        kind = "odd"
        on_paid = PaidAction.on_paid

        @classmethod
        def on_paid_many(cls, paid: Sequence[tuple[Self, Context]]) -> None:
            raise HookTrouble

    with pytest.raises(InvalidConfiguration, match="on_paid_many"):
        check_action(Odd)


FATES = st.lists(
    st.tuples(
        st.sampled_from([Note, HeldNote, ManyNote]),
        st.sampled_from(["paid", "open", "expired", "less", "more"]),
        st.sampled_from([{}, {"on_paid": 1}, {"on_paid": -1}, {"perform": 1}, {"on_failed": 1}]),
        st.sampled_from(["ann", "bob", None]),
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(fates=FATES)
def test_it_is_the_same_as_one_by_one(
    fates: list[tuple[type[Note], str, dict[str, int], str | None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """But for hooks that raise once: together with others a hook may have to run again."""
    fates = [
        (kind, fate, {hook: n for hook, n in raises.items() if n < 0 or hook == "perform"}, actor)
        for kind, fate, raises, actor in fates
    ]
    told = [_told(tmp_path_factory.mktemp("wall"), fates, many) for many in (False, True)]
    assert told[0] == told[1]


def _told(folder: Path, fates: Sequence[Any], many: bool) -> list[Any]:
    RAISED.clear()  # both ways have the same ids
    clock = ManualClock()
    sandbox = SandboxGateway(str(folder / "bank.db"), sandbox=True, clock=clock)
    url = f"sqlite:///{folder / 'flow.db'}"
    flow = open_wall(
        url, {"sandbox": sandbox}, clock=clock, ids=SeededIds(1), actions=[*NOTES, ManyNote]
    )
    with flow:
        made = [_made(flow, sandbox, *fate) for fate in fates]
        ids = [invoice_of(receipt) for receipt in made if receipt is not None]
        if many:
            assert flow.sync_many("sandbox", ids) == []
        else:
            for invoice_id in ids:
                flow.sync("sandbox", invoice_id)
        clock.tick(3600)
        Worker(flow).run_until_idle()
        return [
            receipt
            and (
                again(flow, receipt).model_dump(exclude={"invoice_id", "payment_request"}),
                history(flow, receipt),
                effects(flow, receipt.action_id),
            )
            for receipt in made
        ] + [flow.balance("ann"), flow.balance("bob")]


def _made(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    kind: type[Note],
    fate: str,
    raises: dict[str, int],
    actor: str | None,
) -> Any:
    if kind is not HeldNote and (actor is None or "perform" in raises):
        return None
    receipt = flow.perform(kind(text="gm", raises=raises), actor=actor)
    invoice_id = invoice_of(receipt)
    match fate:
        case "paid":
            sandbox.pay(invoice_id)
        case "less":
            sandbox.pay(invoice_id, sats(4))
        case "more":
            sandbox.pay(invoice_id, sats(25))
        case "expired":
            sandbox.expire(invoice_id)
        case _:
            pass
    return receipt
