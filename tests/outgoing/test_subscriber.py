"""A subscriber needs a name and events that there are."""

from __future__ import annotations

from typing import Any

import pytest

from paidflow.errors import InvalidConfiguration
from paidflow.outgoing.subscriber import Callback
from paidflow.states.codec import EVENT_TYPES
from paidflow.states.events import AttemptEvent, Failed, Paid


@pytest.mark.parametrize("name", ["", "Shop", "a b", "1st", "x" * 81, None, "ß"])
def test_a_bad_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidConfiguration, match="needs a name"):
        Callback(name, print)


@pytest.mark.parametrize("name", ["a", "shop-1.example_org", "x" * 80])
def test_a_good_name_is_taken(name: str) -> None:
    assert Callback(name, print).name == name


def test_a_parent_stands_for_its_children() -> None:
    assert Callback("a", print, events=(Paid, Failed)).topics == [
        "paid-action.failed",
        "paid-action.paid",
    ]
    assert "paid-action.payment-seen" in Callback("a", print, events=(AttemptEvent,)).topics
    assert Callback("a", print).topics == sorted(EVENT_TYPES)


@pytest.mark.parametrize("events", [(), (int,)])
def test_without_events_it_is_refused(events: Any) -> None:
    with pytest.raises(InvalidConfiguration, match="a needs the events that it wants"):
        Callback("a", print, events=events)
