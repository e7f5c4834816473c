"""Metrics: how long things took, and what is owed."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from paidflow import PaidFlow, sats
from paidflow.contrib.prometheus import SECONDS, Metrics
from paidflow.flow.breaker import FAILURES_MAX
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.wall import CarefulNote, HeldNote, Note, open_wall

MINUTE_S = 60


@pytest.fixture
def registry(flow: PaidFlow) -> Generator[CollectorRegistry]:
    made = CollectorRegistry()
    metrics = Metrics(flow, made)
    yield made
    metrics.close()
    assert not list(made.collect())


def test_what_is_owed(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, registry: CollectorRegistry
) -> None:
    def owing(state: str, owed: str) -> float | None:
        labels = {"state": state, "owed": owed}
        return registry.get_sample_value("paidflow_owing", labels)

    first = flow.perform(Note(text="gm"), actor="ann")
    flow.perform(Note(text="gm"), actor="ann")
    flow.perform(HeldNote(text="gm"), actor="ann")
    assert (owing("PENDING", "payment"), owing("PENDING_HELD", "hold")) == (2, 1)
    sandbox.pay(invoice_of(first))
    flow.sync("sandbox", invoice_of(first))
    assert owing("PENDING", "payment") == 1
    clock.tick(60 * MINUTE_S)
    since = registry.get_sample_value(
        "paidflow_due_seconds", {"state": "PENDING", "owed": "payment"}
    )
    assert since is not None
    assert 0 < since <= 60 * MINUTE_S


def test_a_person_is_asked(
    flow: PaidFlow, sandbox: SandboxGateway, registry: CollectorRegistry
) -> None:
    assert registry.get_sample_value("paidflow_attention") == 0
    receipt = flow.perform(CarefulNote(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt), sats(5))
    flow.sync("sandbox", invoice_of(receipt))
    assert registry.get_sample_value("paidflow_attention") == 1


def test_how_long_things_take(
    flow: PaidFlow, sandbox: SandboxGateway, registry: CollectorRegistry
) -> None:
    def count(name: str, gateway: str = "", outcome: str = "") -> float | None:
        labels = {"name": name, "gateway": gateway, "outcome": outcome}
        return registry.get_sample_value(f"{SECONDS}_count", labels)

    flow.perform(Note(text="gm"), actor="ann")
    sandbox.fault("open", "raise")
    flow.perform(Note(text="gm"), actor="ann")
    assert count("perform") == 2
    assert count("transaction") == 2
    assert count("gateway.open", "sandbox", "Opened") == 1
    assert count("gateway.open", "sandbox", "RuntimeError") == 1


def test_readers_that_wait_show(flow: PaidFlow, registry: CollectorRegistry) -> None:
    flow.store.publish()
    assert registry.get_sample_value("paidflow_log_lag") == 0


def test_gateways_and_webhooks(
    flow: PaidFlow, sandbox: SandboxGateway, registry: CollectorRegistry
) -> None:
    def of(metric: str) -> float | None:
        return registry.get_sample_value(metric, {"gateway": "sandbox"})

    names = ("paidflow_gateway_down", "paidflow_gateway_maintenance", "paidflow_webhooks_refused")
    assert [of(name) for name in names] == [0, 0, 0]
    sandbox.outage(True)
    for _ in range(FAILURES_MAX):
        flow.gateways.lookup("sandbox", "x")
    flow.begin_maintenance("sandbox", why="a new disk")
    flow.receive_webhook("sandbox", {}, b"forged")
    assert [of(name) for name in names] == [1, 1, 1]
    labels = {"name": "webhook", "gateway": "sandbox", "outcome": "REFUSED"}
    assert registry.get_sample_value(f"{SECONDS}_count", labels) == 1


def test_webhooks_that_wait(tmp_path: Path, clock: ManualClock) -> None:
    secret = "shared with the bank"
    bank = SandboxGateway(":memory:", sandbox=True, clock=clock, webhook_secret=secret)
    with open_wall(f"sqlite:///{tmp_path / 'flow.db'}", {"bank": bank}, clock=clock) as flow:
        made = CollectorRegistry()
        metrics = Metrics(flow, made)
        flow.receive_webhook("bank", *bank.webhook("unheard of"))
        labels = {"gateway": "bank", "standing": "unmatched"}
        assert made.get_sample_value("paidflow_webhooks", labels) == 1
        metrics.close()
