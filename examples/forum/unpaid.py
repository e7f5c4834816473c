"""What somebody has done to items and not paid, to be shown beside them."""

from __future__ import annotations

from dataclasses import dataclass

from examples.forum.forum import Forum

ABOUT_ITEMS = frozenset(
    {"boost", "bounty-payment", "downzap", "update-comment", "update-post", "zap"}
)
SHOWN_MAX = 20


@dataclass(frozen=True)
class Unpaid:
    """An action that is not paid.

    Args:
        action_id: the action.
        kind: its kind.
        failed: whether it has to be tried again; otherwise it can still be paid.
    """

    action_id: str
    kind: str
    failed: bool


def unpaid(forum: Forum, viewer: str | None) -> dict[str, list[Unpaid]]:
    """The newest of what the viewer has not paid, by the item that it was done to."""
    found: dict[str, list[Unpaid]] = {}
    if viewer is None:
        return found
    pending = [(one.action_id, one.kind, False) for one in forum.wallet.pending(viewer)]
    failed = [(one.action_id, one.kind, True) for one in forum.reader.failed(viewer)]
    about = [line for line in (*pending, *failed) if line[1] in ABOUT_ITEMS]
    for action_id, kind, has_failed in about[:SHOWN_MAX]:
        asked = forum.flow.get(action_id, actor=viewer).arguments or {}
        line = Unpaid(action_id, kind, has_failed)
        found.setdefault(asked.get("item_id", ""), []).append(line)
    return found
