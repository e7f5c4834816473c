"""Writes down what a worker sees of the gateways, for operators and other programs."""

from __future__ import annotations

from datetime import datetime, timedelta

from paidflow.flow.paid_flow import PaidFlow

ANSWERED_EVERY = timedelta(minutes=1)
"""How often it is written down that a gateway answers."""


class GatewayWatch:
    """Compares what the breakers say with what was written down last.

    Args:
        flow: whose gateways they are.
    """

    def __init__(self, flow: PaidFlow) -> None:
        self._flow = flow
        self._written: dict[str, tuple[datetime | None, datetime | None, int]] = {}

    def run_once(self) -> None:
        """Write down which gateways have gone down or come back, and when each last answered."""
        for name, breaker in self._flow.gateways.breakers.items():
            down_since, answered_at, answers = self._written.get(name, (None, None, 0))
            went = breaker.down_since != down_since
            if not went and breaker.answers == answers:
                continue
            now = self._flow.clock.now()
            recent = answered_at is not None and answered_at <= now < answered_at + ANSWERED_EVERY
            if recent and not went:
                continue
            down_since, count = breaker.down_since, breaker.answers
            if count != answers:
                answered_at = now
            with self._flow.store.transaction("note_gateway") as tx:
                tx.query(
                    "note_gateway",
                    gateway=name,
                    down_since=down_since,
                    down_reason=breaker.reason if down_since is not None else None,
                    answered_at=answered_at,
                )
            self._written[name] = (down_since, answered_at, count)
