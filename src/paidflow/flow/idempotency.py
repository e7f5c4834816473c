"""The same request twice is one action: what an idempotency key stands for."""

from __future__ import annotations

import hashlib

from paidflow.actions.contract import PaidAction
from paidflow.errors import IdempotencyMismatch, WeakIdempotencyKey
from paidflow.flow.registry import check_text
from paidflow.store.contract import Transaction
from paidflow.store.records import Request

ANONYMOUS_KEY_CHARACTERS_MIN = 22


def request_of(
    action: PaidAction, actor: str | None, key: str | None, written: tuple[str, str]
) -> Request | None:
    """The request that a key makes of an action; ``None`` without a key.

    Args:
        action: the action.
        actor: who does it.
        key: the idempotency key.
        written: the arguments as JSON, and their hash.

    Raises:
        WeakIdempotencyKey: when a logged-out person has chosen one that others may guess.
    """
    if key is None:
        return None
    key_hash = key_hash_of(key)
    if actor is None and len(key) < ANONYMOUS_KEY_CHARACTERS_MIN:
        raise WeakIdempotencyKey
    # An empty actor is refused by PaidFlow, so this cannot be somebody's name.
    return Request(
        actor=actor or "",
        kind=action.kind,
        key_hash=key_hash,
        fingerprint=written[1],
    )


def key_hash_of(key: str) -> str:
    """What is kept of an idempotency key.

    Raises:
        InvalidArguments: when it is no text.
    """
    check_text("an idempotency key", key)
    return hashlib.sha256(key.encode()).hexdigest()


def earlier_action(tx: Transaction, request: Request | None) -> str | None:
    """The action that a request already stands for.

    Raises:
        IdempotencyMismatch: when its arguments were others.
    """
    if request is None:
        return None
    found = tx.query(
        "select_request", actor=request.actor, kind=request.kind, key_hash=request.key_hash
    ).fetchone()
    if found is None:
        return None
    if found["fingerprint"] != request.fingerprint:
        raise IdempotencyMismatch
    return found["action_id"]
