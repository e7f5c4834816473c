"""Metrics for Prometheus: how long things take, and what is owed, as the database has it."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from paidflow import spans
from paidflow.flow.paid_flow import PaidFlow
from paidflow.operating.gateway_states import gateway_states
from paidflow.store.records import as_time

SECONDS = "paidflow_seconds"


class _Timed:
    def __init__(self) -> None:
        self.outcome = ""

    def note(self, **attributes: str) -> None:
        self.outcome = attributes.get("outcome", self.outcome)


class Metrics(Collector):
    """Metrics of one flow, and of everything that takes time in this process.

    The gauges are read from the database when they are asked for. Finished actions are not
    counted, so that this stays cheap.

    Args:
        flow: the flow.
        registry: where they are registered; the global one by default.
    """

    def __init__(self, flow: PaidFlow, registry: CollectorRegistry = REGISTRY) -> None:
        self._flow = flow
        self._registry = registry
        self._seconds = Histogram(
            SECONDS,
            "How long calls, transactions and calls of gateways take.",
            ("name", "gateway", "outcome"),
            registry=registry,
        )
        registry.register(self)
        self._stop = spans.listen(self._timed)

    def close(self) -> None:
        """End it, and take the metrics out of the registry."""
        self._stop()
        self._registry.unregister(self)
        self._registry.unregister(self._seconds)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: registering asks no database."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is owed now, and how far the readers of the log are behind."""
        now = self._flow.clock.now()
        owing = GaugeMetricFamily(
            "paidflow_owing", "Actions that owe something.", labels=("state", "owed")
        )
        oldest = GaugeMetricFamily(
            "paidflow_due_seconds", "Since when the first is due.", labels=("state", "owed")
        )
        with self._flow.store.reading() as tx:
            rows = tx.query("count_owing").fetchall()
            asked = tx.query("count_attention").fetchone()
            waiting = tx.query("count_webhooks").fetchall()
        for row in rows:
            due_at = as_time(row["since"]) or now
            labels = (row["state"], row["owed"])
            owing.add_metric(labels, row["total"])
            oldest.add_metric(labels, max((now - due_at).total_seconds(), 0))
        yield owing
        yield oldest
        yield GaugeMetricFamily(
            "paidflow_attention", "Actions that wait for a person.", asked["total"] if asked else 0
        )
        webhooks = GaugeMetricFamily(
            "paidflow_webhooks", "Webhooks that wait.", labels=("gateway", "standing")
        )
        for row in waiting:
            webhooks.add_metric((row["gateway"], row["standing"]), row["total"])
        yield webhooks
        yield from self._gateways()
        lag = self._flow.store.lag()
        yield GaugeMetricFamily(
            "paidflow_log_lag", "Positions of the log that cannot be read yet.", lag.positions
        )

    def _gateways(self) -> Iterator[GaugeMetricFamily]:
        """What workers, operators and senders of webhooks have made known of each gateway."""
        down = GaugeMetricFamily(
            "paidflow_gateway_down", "1 if the gateway does not answer.", labels=("gateway",)
        )
        resting = GaugeMetricFamily(
            "paidflow_gateway_maintenance", "1 if it is in maintenance.", labels=("gateway",)
        )
        refused = GaugeMetricFamily(
            "paidflow_webhooks_refused", "Webhooks that were refused.", labels=("gateway",)
        )
        for one in gateway_states(self._flow):
            down.add_metric((one.name,), one.down_since is not None)
            resting.add_metric((one.name,), one.maintenance_since is not None)
            refused.add_metric((one.name,), one.webhooks_refused)
        yield from (down, resting, refused)

    @contextmanager
    def _timed(self, name: str, attributes: Mapping[str, str]) -> Generator[_Timed]:
        began, timed = time.perf_counter(), _Timed()
        try:
            yield timed
        except BaseException as error:
            timed.outcome = type(error).__name__
            raise
        finally:
            labels = (name, attributes.get("gateway", ""), timed.outcome)
            self._seconds.labels(*labels).observe(time.perf_counter() - began)
