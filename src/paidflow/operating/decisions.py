"""What a person can decide about an action."""

from __future__ import annotations

from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.resolutions import Resolution, possible_resolutions


def decisions(flow: PaidFlow, action_id: str) -> list[Resolution]:
    """What can be decided about an action now; nothing about one that there is not."""
    loaded = flow.steps.load(action_id)
    return [] if loaded is None else possible_resolutions(loaded.aggregate, flow.gateways)
