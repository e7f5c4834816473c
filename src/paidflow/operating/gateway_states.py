"""How the gateways are, as operators have said and as workers saw them last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paidflow.flow.breaker import BreakerState
from paidflow.flow.paid_flow import PaidFlow
from paidflow.store.records import as_time


@dataclass(frozen=True, slots=True)
class GatewayState:
    """How one gateway is.

    Args:
        name: its name.
        breaker: whether calls go through: what a worker wrote down, or what is known here.
        down_since: since when it does not answer.
        down_reason: what was heard last instead.
        maintenance_since: since when it gets no new business, because an operator said so.
        maintenance_reason: why.
        answered_at: when it last answered, to the minute.
        webhooks_refused: how many of its webhooks were refused.
        webhook_refused_at: when the last one was.
    """

    name: str
    breaker: BreakerState
    down_since: datetime | None
    down_reason: str | None
    maintenance_since: datetime | None
    maintenance_reason: str | None
    answered_at: datetime | None
    webhooks_refused: int
    webhook_refused_at: datetime | None


def gateway_states(flow: PaidFlow) -> list[GatewayState]:
    """How all configured gateways are, in their order."""
    with flow.store.reading() as tx:
        rows = {row["gateway"]: row for row in tx.query("select_gateways").fetchall()}
    return [_state(flow, name, rows.get(name, {})) for name in flow.gateways]


def _state(flow: PaidFlow, name: str, row: Mapping[str, Any]) -> GatewayState:
    own = flow.gateways.breakers[name]
    down_since = own.down_since or as_time(row.get("down_since"))
    known = own.state if own.down_since is not None else BreakerState.OPEN
    return GatewayState(
        name=name,
        breaker=BreakerState.CLOSED if down_since is None else known,
        down_since=down_since,
        down_reason=own.reason if own.down_since is not None else row.get("down_reason"),
        maintenance_since=as_time(row.get("maintenance_since")),
        maintenance_reason=row.get("maintenance_reason"),
        answered_at=as_time(row.get("answered_at")),
        webhooks_refused=row.get("webhooks_refused") or 0,
        webhook_refused_at=as_time(row.get("webhook_refused_at")),
    )
