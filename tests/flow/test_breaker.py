"""A gateway that does not answer is left alone for a while; one in maintenance gets nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from paidflow import CREDITS, INVOICE, PaidFlow, Receipt, State, Worker, sats
from paidflow.errors import GatewayUnavailable, InvalidConfiguration
from paidflow.flow.breaker import FAILURES_MAX, REST, REST_MAX, Breaker, BreakerState
from paidflow.flow.maintenance import REMEMBERED_S, Maintenance
from paidflow.operating.gateway_states import GatewayState, gateway_states
from paidflow.payments.contract import (
    Capability,
    InstantDeadline,
    NotSent,
    PayOutCommand,
    Unreachable,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.records import as_time
from paidflow.testing import ManualClock
from tests.flow.support import again, held, invoice_of
from tests.wall import NOTES, HeldNote, Note, open_wall


class PurseNote(Note):
    """A note that credits pay for, if there are enough."""

    kind = "purse-note"
    funding = (CREDITS, INVOICE)


@pytest.fixture
def banks(tmp_path: Path, clock: ManualClock) -> dict[str, SandboxGateway]:
    return {
        name: SandboxGateway(str(tmp_path / name), sandbox=True, clock=clock, account=name)
        for name in ("first", "second")
    }


@pytest.fixture
def flow(
    store_url: str, banks: dict[str, SandboxGateway], clock: ManualClock
) -> Iterator[PaidFlow]:
    opened = open_flow(store_url, banks, clock)
    yield opened
    opened.close()


def open_flow(url: str, banks: dict[str, SandboxGateway], clock: ManualClock) -> PaidFlow:
    return open_wall(url, banks, clock=clock, actions=[*NOTES, PurseNote])


def go_down(flow: PaidFlow, bank: SandboxGateway, name: str = "first") -> None:
    """Have a gateway fail until it is left alone."""
    bank.outage(True)
    for _ in range(FAILURES_MAX):
        flow.gateways.lookup(name, "x")


def asked(bank: SandboxGateway) -> int:
    return len(bank.calls())


def gateway_of(flow: PaidFlow, receipt: Receipt) -> str:
    loaded = flow.steps.load(receipt.action_id)
    assert loaded is not None
    assert loaded.aggregate.current is not None
    return loaded.aggregate.current.gateway


# The breaker itself.


def test_some_failures_in_a_row_open_it(clock: ManualClock) -> None:
    breaker = Breaker(clock)
    for _ in range(FAILURES_MAX - 1):
        breaker.failed("refused")
    breaker.answered()
    for _ in range(FAILURES_MAX - 1):
        assert breaker.admits()
        breaker.failed("refused")
    assert breaker.state is BreakerState.CLOSED
    breaker.failed("refused again")
    assert breaker.state is BreakerState.OPEN
    assert (breaker.down_since, breaker.reason) == (clock.now(), "refused again")
    assert not breaker.admits()


def opened(clock: ManualClock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES_MAX):
        breaker.failed("refused")
    return breaker


def test_one_call_tries_it(clock: ManualClock) -> None:
    breaker, down_since = opened(clock), clock.now()
    clock.tick((REST - timedelta(microseconds=1)).total_seconds())
    assert not breaker.admits()
    clock.tick(0.000_001)
    assert breaker.admits()
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.admits()
    breaker.failed("refused")
    assert breaker.state is BreakerState.OPEN
    assert breaker.down_since == down_since
    clock.tick(2 * REST.total_seconds() - 1)
    assert not breaker.admits()
    clock.tick(1)
    assert breaker.admits()
    breaker.answered()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admits()
    assert breaker.admits()


def test_it_is_tried_again_before_long(clock: ManualClock) -> None:
    breaker = opened(clock)
    for _ in range(20):
        clock.tick(REST_MAX.total_seconds())
        assert breaker.admits()
        breaker.failed("refused")


def test_a_try_that_never_ends_is_not_the_last(clock: ManualClock) -> None:
    breaker = opened(clock)
    clock.tick(REST.total_seconds())
    assert breaker.admits()
    clock.tick(REST.total_seconds())
    assert breaker.admits()


def test_a_clock_that_is_put_back_does_not_keep_it_open(clock: ManualClock) -> None:
    breaker = opened(clock)
    clock.tick(-3600)
    assert breaker.admits()


# What counts.


def test_what_is_no_answer_counts(flow: PaidFlow, banks: dict[str, SandboxGateway]) -> None:
    bank = banks["first"]
    go_down(flow, bank)
    assert flow.gateways.is_down("first")
    calls = asked(bank)
    answer = flow.gateways.lookup("first", "x").lookup
    assert isinstance(answer, Unreachable)
    assert "left alone" in answer.reason
    assert flow.gateways.updates("first", "7").cursor == "7"
    assert asked(bank) == calls


@pytest.mark.parametrize("kind", ["decline", "pretend"])
def test_a_no_is_an_answer(flow: PaidFlow, banks: dict[str, SandboxGateway], kind: Any) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    for _ in range(FAILURES_MAX - 1):
        flow.gateways.breakers["first"].failed("refused")
    banks["first"].fault("cancel", kind)
    flow.cancel(receipt.action_id, actor="ann")
    flow.gateways.breakers["first"].failed("refused")
    assert not flow.gateways.is_down("first")


@pytest.mark.parametrize(("error", "counts"), [(KeyError, False), (ConnectionResetError, True)])
def test_a_mistake_of_an_adapter_does_not_count(
    flow: PaidFlow,
    banks: dict[str, SandboxGateway],
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    counts: bool,
) -> None:
    def explode(invoice_id: str) -> None:
        raise error

    monkeypatch.setattr(banks["first"], "lookup", explode)
    for _ in range(FAILURES_MAX + 1):
        flow.gateways.lookup("first", "x")
    assert flow.gateways.is_down("first") == counts


def test_the_stream_is_no_try(
    flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock
) -> None:
    """It answers "nothing new" also when it cannot be reached."""
    go_down(flow, banks["first"])
    clock.tick(REST.total_seconds())
    flow.gateways.updates("first", None)
    assert flow.gateways.breakers["first"].state is BreakerState.OPEN


def test_what_a_gateway_cannot_do_does_not_count(store_url: str, clock: ManualClock) -> None:
    class Modest(SandboxGateway):
        @property
        def profile(self) -> Any:
            full = super().profile
            return replace(full, capabilities=full.capabilities - {Capability.HOLDINGS})

    bank = Modest(":memory:", sandbox=True, clock=clock)
    with open_wall(store_url, {"bank": bank}, clock=clock) as flow:
        for _ in range(FAILURES_MAX):
            assert isinstance(flow.gateways.holdings("bank"), Unreachable)
        assert not flow.gateways.is_down("bank")


# What a gateway that is down means for actions.


def test_another_one_is_asked_instead(flow: PaidFlow, banks: dict[str, SandboxGateway]) -> None:
    go_down(flow, banks["first"])
    for note in (Note(text="gm"), HeldNote(text="hm")):
        receipt = flow.perform(note, actor="ann")
        assert gateway_of(flow, receipt) == "second"
    assert flow.decode("sandbox-address:bob").amount is None
    assert flow.gateways.paying("BTC", wanted=None) == ["second", "first"]


def test_all_are_down(flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock) -> None:
    for name, bank in banks.items():
        go_down(flow, bank, name)
    calls = [asked(bank) for bank in banks.values()]
    with pytest.raises(GatewayUnavailable):
        flow.perform(HeldNote(text="hm"), actor="ann")
    optimistic = flow.perform(Note(text="gm"), actor="ann")
    assert optimistic.state is State.RETRYING
    flow.grant("ann", sats(10), key="gift")
    assert flow.perform(PurseNote(text="gm"), actor="ann").state is State.PAID
    assert [asked(bank) for bank in banks.values()] == calls
    for bank in banks.values():
        bank.outage(False)
    clock.tick(6)
    Worker(flow).run_once()
    assert again(flow, optimistic).state is State.PENDING


def test_a_worker_writes_down_what_it_sees(
    flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock
) -> None:
    worker = Worker(flow)
    worker.run_once()
    assert [state_of(flow, name).answered_at for name in banks] == [None, None]
    flow.perform(Note(text="gm"), actor="ann")
    worker.run_once()
    first = clock.now()
    assert state_of(flow).answered_at == first
    clock.tick(59)
    flow.perform(Note(text="gm"), actor="ann")
    worker.run_once()
    assert state_of(flow).answered_at == first
    clock.tick(1)
    worker.run_once()
    assert state_of(flow).answered_at == clock.now()

    go_down(flow, banks["first"])
    down_since = clock.now()
    worker.run_once()
    found = state_of(flow)
    assert (found.breaker, found.down_since, found.down_reason) == ("open", down_since, "outage")
    assert state_of(flow, "second").breaker is BreakerState.CLOSED
    banks["first"].outage(False)
    clock.tick(REST.total_seconds())
    flow.gateways.lookup("first", "x")
    worker.run_once()
    found = state_of(flow)
    assert (found.breaker, found.down_since, found.down_reason) == ("closed", None, None)


def state_of(flow: PaidFlow, name: str = "first") -> GatewayState:
    return next(one for one in gateway_states(flow) if one.name == name)


def test_others_read_what_a_worker_has_written(
    store_url: str, flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock
) -> None:
    go_down(flow, banks["first"])
    Worker(flow).run_once()
    with open_flow_again(store_url, banks, clock) as other:
        assert state_of(other).breaker is BreakerState.OPEN
        assert not other.gateways.is_down("first")  # it has tried nothing itself


def open_flow_again(url: str, banks: dict[str, SandboxGateway], clock: ManualClock) -> PaidFlow:
    return open_wall(url, banks, clock=clock, actions=[*NOTES, PurseNote], create=False)


# Maintenance.


def test_in_maintenance_nothing_new_is_begun(
    flow: PaidFlow, banks: dict[str, SandboxGateway]
) -> None:
    flow.begin_maintenance("first", why="a new disk")
    assert gateway_of(flow, flow.perform(Note(text="gm"), actor="ann")) == "second"
    flow.begin_maintenance("second", why="the same")
    with pytest.raises(GatewayUnavailable):
        flow.perform(HeldNote(text="hm"), actor="ann")
    assert flow.perform(Note(text="gm"), actor="ann").state is State.RETRYING
    assert flow.end_maintenance("first")
    assert not flow.end_maintenance("first")
    assert gateway_of(flow, flow.perform(HeldNote(text="hm"), actor="ann")) == "first"


def test_in_maintenance_what_is_under_way_goes_on(
    flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock
) -> None:
    captured = held(flow, banks["first"], HeldNote(text="hm"), "ann")
    released = held(flow, banks["first"], HeldNote(text="hm", raises={"perform": -1}), "bob")
    settled = flow.perform(Note(text="gm"), actor="ann")
    banks["first"].pay(invoice_of(settled))
    for name in banks:
        flow.begin_maintenance(name, why="a new disk")
    clock.tick(6)
    Worker(flow).run_until_idle()
    states = [again(flow, receipt).state for receipt in (captured, released, settled)]
    assert states == [State.PAID, State.FAILED, State.PAID]


def test_in_maintenance_no_payment_is_sent(
    flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock
) -> None:
    for name in banks:
        flow.begin_maintenance(name, why="a new disk")
    moment = datetime(2040, 1, 1, tzinfo=UTC)
    command = PayOutCommand("k", "sandbox-address:bob", "p", sats(10), sats(1), moment)
    assert isinstance(flow.gateways.pay_out("first", command), NotSent)
    assert asked(banks["first"]) == 0
    passed_on = PayOutCommand(
        "k", "sandbox-address:bob", "p", sats(10), sats(1), moment, InstantDeadline(moment)
    )
    flow.gateways.pay_out("first", passed_on)
    assert asked(banks["first"]) == 1


def test_every_process_knows_it(
    store_url: str, flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock
) -> None:
    seconds = [0.0]
    known = Maintenance(flow.store, lambda: seconds[0])
    assert "first" not in known
    with open_flow_again(store_url, banks, clock) as other:
        other.begin_maintenance("first", why="a new disk")
    assert "first" not in known
    seconds[0] = REMEMBERED_S
    with flow.store.transaction("test"):
        assert "first" not in known  # nobody is asked inside a transaction
    assert "first" in known
    assert "second" not in known
    assert state_of(flow).maintenance_reason == "a new disk"


def test_a_gateway_that_is_not_there(flow: PaidFlow) -> None:
    with pytest.raises(InvalidConfiguration):
        flow.begin_maintenance("third", why="it is not there")
    with pytest.raises(InvalidConfiguration):
        flow.end_maintenance("third")


def test_maintenance_keeps_its_beginning(flow: PaidFlow, clock: ManualClock) -> None:
    since = clock.now()
    flow.begin_maintenance("first", why="a new disk")
    clock.tick(60)
    flow.begin_maintenance("first", why="a newer disk")
    found = state_of(flow)
    assert (found.maintenance_since, found.maintenance_reason) == (since, "a newer disk")


# Who comes first.


def test_money_that_is_held_is_not_left_alone_for_long(
    flow: PaidFlow, banks: dict[str, SandboxGateway], clock: ManualClock
) -> None:
    receipt = held(flow, banks["first"], HeldNote(text="hm"), "ann")
    banks["first"].outage(True)
    flow.cancel(receipt.action_id, actor="ann")
    pauses: list[float] = []
    for _ in range(10):
        clock.tick(pauses[-1] if pauses else 5)
        Worker(flow).run_once()
        with flow.store.reading() as tx:
            row = tx.query("select_status", action_id=receipt.action_id).fetchone()
        assert row is not None
        due_at = as_time(row["due_at"])
        assert due_at is not None
        pauses.append((due_at - clock.now()).total_seconds())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
