"""Each look sees what it is for, on both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from paidflow import Folding, PaidFlow, Worker
from paidflow.flow.breaker import FAILURES_MAX
from paidflow.operating.health import Finding, Level, examine
from paidflow.outgoing.back_off import BackOff
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.message import Message
from paidflow.outgoing.subscriber import Callback
from paidflow.payments.contract import Capability
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import expired, held, invoice_of, pay
from tests.views.support import Journal, Picky
from tests.wall import CarefulNote, HeldNote, Note

Look = Callable[[], dict[str, Finding]]

APPEND = """
    insert into paidflow_events (originator_id, originator_version, topic, state, event_id,
        command_id, correlation_id, recorded_at) values ('a', 1, 't@1', '', 'e', 'c', 'c', now())
"""


@pytest.fixture
def look(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Look:
    """What is found; the database's clock is the test's."""
    monkeypatch.setattr(flow.store, "now", clock.now)

    def look() -> dict[str, Finding]:
        found = examine(flow, clock.now)
        assert len({finding.name for finding in found}) == len(found)
        return {finding.name: finding for finding in found}

    return look


def levels(found: dict[str, Finding]) -> dict[str, Level]:
    return {name: finding.level for name, finding in found.items() if finding.level}


def test_all_is_well_but_for_the_sandbox(flow: PaidFlow, look: Look) -> None:
    flow.perform(Note(text="gm"), actor="ann")
    assert levels(look()) == {"gateways": Level.WARNING}
    assert "sandbox is a sandbox" in look()["gateways"].sentence


def test_work_that_nobody_does(
    flow: PaidFlow, sandbox: SandboxGateway, look: Look, clock: ManualClock
) -> None:
    receipt = flow.perform(HeldNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    clock.tick(minutes=14)
    assert "overdue" not in levels(look())
    clock.tick(minutes=4)
    assert look()["overdue"].level is Level.WARNING
    assert "1 actions wait for a worker" in look()["overdue"].sentence
    clock.tick(hours=1)
    assert look()["overdue"].level is Level.CRITICAL
    Worker(flow).run_until_idle()
    assert "overdue" not in levels(look())


def test_what_does_not_get_on(
    flow: PaidFlow, sandbox: SandboxGateway, look: Look, clock: ManualClock
) -> None:
    held(flow, sandbox, HeldNote(text="gm"), "ann")
    assert "stuck" not in levels(look())
    clock.tick(hours=2)
    assert look()["stuck"].level is Level.WARNING
    assert look()["deadlines"].level is Level.CRITICAL


def test_what_waits_for_a_person(flow: PaidFlow, sandbox: SandboxGateway, look: Look) -> None:
    pay(flow, sandbox, expired(flow, sandbox, CarefulNote(text="gm")), late=True)
    assert look()["attention"].level is Level.WARNING


@pytest.mark.parametrize(
    ("seconds", "level"), [(0.5, Level.GOOD), (-5, Level.WARNING), (40, Level.CRITICAL)]
)
def test_a_clock_that_is_off(
    flow: PaidFlow, look: Look, clock: ManualClock, seconds: float, level: Level
) -> None:
    own = clock.now() + timedelta(seconds=seconds)
    found = {finding.name: finding for finding in examine(flow, lambda: own)}
    assert found["clock"].level is level


def test_a_view_that_is_behind(flow: PaidFlow, look: Look, clock: ManualClock) -> None:
    folding = Folding(flow, [Journal()])
    folding.run_until_idle()
    flow.perform(Note(text="gm"), actor="ann")
    clock.tick(minutes=2)
    assert look()["view journal"].level is Level.WARNING
    clock.tick(hours=2)
    assert look()["view journal"].level is Level.CRITICAL
    folding.run_until_idle()
    assert look()["view journal"].level is Level.GOOD


def test_a_parked_event(flow: PaidFlow, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    monkeypatch.setattr(Picky, "poison", {(receipt.action_id, 1)})
    Folding(flow, [Picky()], tries_max=1).run_until_idle()
    assert look()["view picky"].level is Level.WARNING
    assert "could not be folded" in look()["view picky"].sentence


def test_a_subscriber_that_does_not_listen(flow: PaidFlow, look: Look, clock: ManualClock) -> None:
    def refuse(message: Message) -> None:
        raise ConnectionError

    deliveries = Deliveries(
        flow, [Callback("mail", refuse)], start="beginning", back_off=BackOff(pauses_s=(1,))
    )
    flow.perform(Note(text="gm"), actor="ann")
    deliveries.run_until_idle()
    assert look()["subscriber mail"].level is Level.GOOD
    clock.tick(hours=1)
    deliveries.run_until_idle()
    assert look()["subscriber mail"].level is Level.WARNING
    assert "given up" in look()["subscriber mail"].sentence


def test_a_copy(flow: PaidFlow, look: Look) -> None:
    flow.gateways.locked = True
    assert look()["home"].level is Level.CRITICAL


OLD, NEW = b"the old key of tests", b"the new key of tests"


@pytest.mark.parametrize(
    ("keys", "level"),
    [({"new": NEW, "old": OLD}, Level.GOOD), ({"new": NEW}, Level.CRITICAL)],
    ids=["kept", "thrown away"],
)
def test_an_old_key_that_is_needed(
    flow: PaidFlow,
    store_url: str,
    sandbox: SandboxGateway,
    clock: ManualClock,
    keys: dict[str, bytes],
    level: Level,
) -> None:
    flow.close()
    settings: dict[str, Any] = {
        "actions": [HeldNote],
        "gateways": {"sandbox": sandbox},
        "clock": clock,
        "create": False,
    }
    with PaidFlow.open(store_url, secret={"old": OLD}, **settings) as before:
        before.perform(HeldNote(text="gm"))
    with PaidFlow.open(store_url, secret=keys, **settings) as after:
        found = {finding.name: finding for finding in examine(after, clock.now)}
    assert found["keys"].level is level
    assert "1 open holds and 1 proofs need key old" in found["keys"].sentence


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_readers_that_wait(flow: PaidFlow, look: Look, clock: ManualClock, store_url: str) -> None:
    """An open transaction that has appended keeps readers waiting."""
    with psycopg.connect(store_url) as other:
        other.execute(APPEND)
        flow.store.publish()
        since = flow.store.lag().waiting_since
        assert since is not None
        for minutes, level in ((0.5, Level.GOOD), (2, Level.WARNING), (20, Level.CRITICAL)):
            clock.tick((since + timedelta(minutes=minutes) - clock.now()).total_seconds())
            assert look()["log"].level is level
    assert look()["log"].level is Level.GOOD


def test_a_gateway_that_does_not_answer(
    flow: PaidFlow, sandbox: SandboxGateway, look: Look, clock: ManualClock
) -> None:
    sandbox.outage(True)
    for _ in range(FAILURES_MAX):
        flow.gateways.lookup("sandbox", "x")
    assert look()["gateway sandbox"].level is Level.WARNING
    clock.tick(minutes=10)
    assert look()["gateway sandbox"].level is Level.WARNING
    clock.tick(1)
    assert look()["gateway sandbox"].level is Level.CRITICAL
    sandbox.outage(False)
    flow.gateways.lookup("sandbox", "x")
    assert "gateway sandbox" not in look()


def test_webhooks_that_wait(
    flow: PaidFlow, look: Look, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox: Any = flow.gateways.gateway("sandbox")
    profile = sandbox.profile
    able = replace(profile, capabilities=profile.capabilities | {Capability.WEBHOOKS})
    monkeypatch.setattr(sandbox, "_profile", able)
    monkeypatch.setattr(sandbox, "_webhook_secret", b"shared with the bank")
    flow.receive_webhook("sandbox", *sandbox.webhook("unheard of"))
    clock.tick(minutes=10)
    assert "webhooks sandbox" not in look()
    clock.tick(1)
    found = look()["webhooks sandbox"]
    assert found.level is Level.WARNING
    assert found.sentence.startswith("1 are unmatched, the first since 2030-01-01 00:00 UTC")


def test_webhooks_that_are_refused(flow: PaidFlow, look: Look, clock: ManualClock) -> None:
    for _ in range(2):
        flow.receive_webhook("sandbox", {}, b"forged")
        clock.tick(1)
    found = look()["refused webhooks sandbox"]
    assert found.level is Level.WARNING
    assert found.sentence.startswith("2 webhooks were refused")
    clock.tick(minutes=60)
    assert "refused webhooks sandbox" not in look()
