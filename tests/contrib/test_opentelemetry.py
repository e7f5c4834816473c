"""Spans: what is done, where, for whom and with what end, and no text that may hold a secret."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from paidflow import PaidFlow, Worker, correlated
from paidflow.contrib.opentelemetry import instrument
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import invoice_of
from tests.wall import HookTrouble, Note


@pytest.fixture
def exported() -> Generator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    stop = instrument(provider)
    yield exporter
    stop()


def tree(exporter: InMemorySpanExporter) -> list[tuple[str, str | None]]:
    """Every span with the one around it, in the order in which they began."""
    spans = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
    names = {span.context.span_id: span.name for span in spans if span.context}
    return [(span.name, names[span.parent.span_id] if span.parent else None) for span in spans]


def named(exporter: InMemorySpanExporter, name: str) -> ReadableSpan:
    (found,) = (span for span in exporter.get_finished_spans() if span.name == name)
    return found


def test_a_lifecycle_in_spans(
    flow: PaidFlow, sandbox: SandboxGateway, exported: InMemorySpanExporter
) -> None:
    with correlated("request 7"):
        receipt = flow.perform(Note(text="gm"), actor="ann")
    sandbox.pay(invoice_of(receipt))
    flow.sync("sandbox", invoice_of(receipt))
    assert tree(exported) == [
        ("paidflow.perform", None),
        ("paidflow.gateway.open", "paidflow.perform"),
        ("paidflow.transaction", "paidflow.perform"),
        ("paidflow.sync", None),
        ("paidflow.gateway.lookup", "paidflow.sync"),
        ("paidflow.transaction", "paidflow.sync"),
    ]
    assert named(exported, "paidflow.perform").attributes == {
        "paidflow.correlation_id": "request 7"
    }
    assert named(exported, "paidflow.gateway.open").attributes == {
        "paidflow.gateway": "sandbox",
        "paidflow.outcome": "Opened",
        "paidflow.correlation_id": "request 7",
    }


def test_a_worker_names_the_action(
    flow: PaidFlow, sandbox: SandboxGateway, exported: InMemorySpanExporter
) -> None:
    receipt = flow.perform(Note(text="gm", raises={"after_paid": 1}), actor="ann")
    sandbox.pay(invoice_of(receipt))
    Worker(flow).run_until_idle()
    works = [span for span in exported.get_finished_spans() if span.name == "paidflow.work"]
    assert works
    assert {(span.attributes or {})["paidflow.action_id"] for span in works} == {receipt.action_id}


def test_errors_are_named_and_not_quoted(
    flow: PaidFlow, sandbox: SandboxGateway, exported: InMemorySpanExporter
) -> None:
    sandbox.fault("open", "raise")
    flow.perform(Note(text="gm"), actor="ann")
    failed = named(exported, "paidflow.gateway.open")
    assert failed.status.description == "RuntimeError"
    assert not failed.events
    with pytest.raises(HookTrouble):
        flow.perform(Note(text="gm", raises={"perform": -1}), actor="ann")
    ends = {span.name: span.status.description for span in exported.get_finished_spans()}
    assert ends["paidflow.perform"] == "HookTrouble"
    assert not any(span.events for span in exported.get_finished_spans())


def test_it_ends_when_it_is_stopped(flow: PaidFlow) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrument(provider)()
    flow.perform(Note(text="gm"), actor="ann")
    assert not exporter.get_finished_spans()
