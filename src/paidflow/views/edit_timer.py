"""What stands where the time to edit one's own item runs: that, or its payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from paidflow.actions.edits import ALWAYS_EDITED
from paidflow.states.machine import State
from paidflow.views.items import Item


class Standing(StrEnum):
    """Where one's own item stands."""

    FAILED = "failed"
    PENDING = "pending"
    EDITABLE = "editable"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class EditTimer:
    """What the author is shown beside an item.

    Args:
        standing: ``failed`` can be paid again, ``pending`` can still be paid, ``editable`` until a
            moment, ``fixed`` from then on.
        until: when the time to edit ends; ``None`` if it does not.
    """

    standing: Standing
    until: datetime | None = None


def edit_timer(item: Item, *, now: datetime, edit_window: timedelta) -> EditTimer | None:
    """What the author is shown beside an item; nothing for others.

    Args:
        item: as the viewer sees it.
        now: the time, UTC.
        edit_window: how long an item can be edited after it was paid.
    """
    state = item["own_state"]
    if state is None or item["deleted_at"] is not None:
        return None
    if state == State.FAILED:
        return EditTimer(Standing.FAILED)
    if state in (State.REFUNDED, State.DISPUTED):
        return EditTimer(Standing.FIXED)
    if state != State.PAID:
        return EditTimer(Standing.PENDING)
    if item["kind"] in ALWAYS_EDITED:
        return EditTimer(Standing.EDITABLE)
    until = (item["paid_at"] or item["created_at"]) + edit_window
    return EditTimer(Standing.EDITABLE if now <= until else Standing.FIXED, until)
