"""What became of telling a subscriber: it acknowledged, it did not, or nobody knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The subscriber has it."""


@dataclass(frozen=True, slots=True)
class NotAcknowledged:
    """The subscriber refused it or did not answer, so it is sent again.

    Args:
        reason: a status or the type of an error; never a text from outside.
        retry_after_s: how long the subscriber wants to be left alone.
    """

    reason: str
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Gone:
    """The subscriber wants to hear nothing any more, until an operator says otherwise."""

    reason: str


Outcome = Acknowledged | NotAcknowledged | Gone
