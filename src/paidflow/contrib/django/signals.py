"""Signals after the commit, from the log: each is sent at least once, whatever dies.

The worker command sends them. ``sender`` is the class of the action. Receivers are given
``action_id``, ``actor``, ``event`` and ``message_id``, which is the same if it is sent again.
"""

from __future__ import annotations

from django.db import close_old_connections
from django.dispatch import Signal

from paidflow.contrib.django.flow import get_flow
from paidflow.outgoing.message import Message
from paidflow.outgoing.subscriber import Callback
from paidflow.states import events as e

action_requested = Signal()
"""Somebody has asked for an action."""

action_paid = Signal()
"""An action is paid and real for everybody."""

action_failed = Signal()
"""An action was not paid."""

action_retried = Signal()
"""An actor tries again to get an action paid."""

attention_asked = Signal()
"""A person has to look."""

attention_resolved = Signal()
"""A person has decided."""

SIGNALS: dict[type[e.Event], Signal] = {
    e.Requested: action_requested,
    e.Paid: action_paid,
    e.Failed: action_failed,
    e.RetryRequested: action_retried,
    e.AttentionAsked: attention_asked,
    e.AttentionResolved: attention_resolved,
}
"""Which signal is sent for which event."""


def send(message: Message) -> None:
    """Send the signal of an event. If a receiver raises, all are told again later."""
    event = message.event
    registry = get_flow().registry
    sender = registry.kind(message.kind) if registry.knows(message.kind) else None
    close_old_connections()
    try:
        SIGNALS[type(event)].send(
            sender=sender,
            action_id=message.action_id,
            actor=message.actor,
            event=event,
            message_id=message.id,
        )
    finally:
        close_old_connections()


def subscriber() -> Callback:
    """What sends the signals."""
    return Callback("django.signals", send, events=tuple(SIGNALS))
