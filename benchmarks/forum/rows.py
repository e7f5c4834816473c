"""The rows that an action of a forum leaves in the tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from benchmarks.forum.ids import INVOICE, NONCE, id_of, nonce_of
from benchmarks.forum.plan import BEGAN, PURSE_SATS, Step, Written
from benchmarks.gateway import EXPIRY_S
from paidflow import POOL, Money, Posting, purse, sats
from paidflow.actions.act import Act
from paidflow.actions.new_item import NewItem
from paidflow.flow.registry import fingerprint
from paidflow.forum import Comment, Discussion, ForumSettings, Zap
from paidflow.ledger.accounts import ISSUED
from paidflow.states.codec import encode
from paidflow.states.events import InvoiceAttached, LatePolicy, Mode, Paid, Requested

Row = tuple[str, tuple[Any, ...]]
"""A table, and what is in the columns of ``COLUMNS``."""

COLUMNS = {
    "forum_acts": "id, act, item_id, actor, amount_msats, created_at",
    "forum_ancestors": "item_id, ancestor_id, level",
    "forum_items": "id, kind, author, parent_id, root_id, title, text, created_at, paid_at, live",
    "paidflow_accounts": "account, currency, balance",
    "paidflow_actions": "action_id, kind, actor, state, performed, version, cost, currency, owed,"
    " due_at, deadline_at, created_at, state_since",
    "paidflow_attempts": "action_id, number, gateway, nonce, invoice_id, payment_request",
    "paidflow_claims": "claim, action_id",
    "paidflow_entries": "source, version, line, debit, credit, amount, currency, recorded_at",
    "paidflow_events": "originator_id, originator_version, topic, state, event_id, command_id,"
    " correlation_id, recorded_at",
    "paidflow_payloads": "action_id, arguments, result",
}
"""The columns that are written; all others have what the table gives them."""

GRANT = "start"
LOOK_S = 600
"""After how long an invoice is looked at by itself."""

_RULES = ForumSettings()


class Rows:
    """Makes the rows of actions, and adds up what is in accounts.

    Args:
        key_id: of the key that the flow makes proofs with.
        gateway: the name of the gateway.
    """

    def __init__(self, key_id: str, gateway: str) -> None:
        self._key_id = key_id
        self._gateway = gateway
        self._balances: dict[str, int] = {}

    def grant(self, actor: str) -> Row:
        """The row of the credits that somebody begins with."""
        amount = sats(PURSE_SATS)
        self._add(purse(actor), amount.amount)
        source = f"grant:{len(actor)}:{actor}:{GRANT}"
        return _entry(source, 1, 1, ISSUED, Posting(purse(actor), amount), BEGAN)

    def accounts(self) -> Iterator[Row]:
        """The rows of all accounts, when everything that came in is in their balances."""
        for account, balance in self._balances.items():
            yield "paidflow_accounts", (account, "BTC", balance)

    def of(self, step: Step) -> Iterator[Row]:
        """The rows of an action, in the order in which they are written."""
        action_id = step.action_id
        cost = sats(step.action.amount_sats if isinstance(step.action, Act) else 1)
        payouts = _payouts(step, cost)
        arguments, arguments_hash = fingerprint(step.action)
        requested = Requested(
            kind=step.action.kind,
            kind_version=step.action.version,
            actor=step.actor,
            mode=Mode.CREDITS if step.paid else Mode.OPTIMISTIC,
            cost=cost,
            late_policy=LatePolicy.ACCEPT,
            arguments_hash=arguments_hash,
            performed=True,
            payouts=payouts,
        )
        result = None
        if isinstance(step.action, NewItem):
            result = json.dumps({"item_id": action_id})
            yield from _item(step, action_id)
        else:
            yield _act(step, action_id, cost)
        yield "paidflow_payloads", (action_id, arguments, result)
        yield _status(step, action_id, cost)
        if step.paid:
            yield from _events(step, action_id, (encode(requested), _paid(cost)), 1)
            yield from self._entries(step, action_id, payouts)
        else:
            yield from self._unpaid(step, action_id, requested)

    def _entries(self, step: Step, action_id: str, payouts: Sequence[Posting]) -> Iterator[Row]:
        payer = purse(step.actor)
        for line, posting in enumerate(payouts, 1):
            self._add(payer, -posting.amount.amount)
            self._add(posting.account, posting.amount.amount)
            yield _entry(action_id, 2, line, payer, posting, step.at)

    def _unpaid(self, step: Step, action_id: str, requested: Requested) -> Iterator[Row]:
        invoice_id = id_of(step.number, step.at, INVOICE)
        attached = InvoiceAttached(
            number=1,
            gateway=self._gateway,
            hold=False,
            amount=requested.cost,
            key_id=self._key_id,
            invoice_id=invoice_id,
            expires_at=_expires_at(step),
            assumed_closed_at=None,
        )
        yield from _events(step, action_id, (encode(requested), encode(attached)), INVOICE + 1)
        nonce = nonce_of(step.number, step.at, NONCE)
        attempt = (action_id, 1, self._gateway, nonce, invoice_id, f"pay:{invoice_id}")
        yield "paidflow_attempts", attempt

    def _add(self, account: str, amount: int) -> None:
        self._balances[account] = self._balances.get(account, 0) + amount


def _payouts(step: Step, cost: Money) -> tuple[Posting, ...]:
    if not isinstance(step.action, Zap):
        return (Posting(POOL, cost),)
    assert step.target is not None
    given = Money(cost.amount * _RULES.zap_share_percent // 100, cost.currency)
    return Posting(purse(step.target.author), given), Posting(POOL, cost - given)


def _item(step: Step, action_id: str) -> Iterator[Row]:
    action, above = step.action, step.target
    assert isinstance(action, Comment | Discussion)
    ancestors = above_of(above)
    title = action.title if isinstance(action, Discussion) else None
    root_id = above.root_id if above else action_id
    parent_id = above.id if above else None
    paid_at = step.at if step.paid else None
    written = (action_id, action.kind, step.actor, parent_id, root_id, title, action.text)
    yield "forum_items", (*written, step.at, paid_at, step.paid)
    for level, ancestor in enumerate(ancestors, 1):
        yield "forum_ancestors", (action_id, ancestor, level)
    for claim in _claims(action, step.actor, step.at):
        yield "paidflow_claims", (claim, action_id)


def above_of(item: Written | None) -> tuple[str, ...]:
    """The ids of an item and of all above it, from below."""
    return (item.id, *item.ancestors) if item else ()


def _claims(action: NewItem, actor: str, at: datetime) -> Iterator[str]:
    content = json.dumps([actor, *action.identity().values()])
    written = hashlib.sha256(content.encode()).hexdigest()
    window_s = int(_RULES.duplicate_window.total_seconds()) // 10
    moment = int(at.timestamp()) // window_s
    yield from (f"{action.kind}:{written}:{moment + later}" for later in (0, 1))


def _act(step: Step, action_id: str, cost: Money) -> Row:
    assert step.target is not None
    row = (action_id, step.action.kind, step.target.id, step.actor, cost.amount, step.at)
    return "forum_acts", row


def _status(step: Step, action_id: str, cost: Money) -> Row:
    owed = None if step.paid else "payment"
    due_at = None if step.paid else step.at + timedelta(seconds=LOOK_S)
    until = None if step.paid else _expires_at(step)
    state = "PAID" if step.paid else "PENDING"
    who = (action_id, step.action.kind, step.actor)
    where = (state, True, 2, cost.amount, cost.currency, owed, due_at, until, step.at, step.at)
    return "paidflow_actions", (*who, *where)


def _expires_at(step: Step) -> datetime:
    return step.at + timedelta(seconds=EXPIRY_S)


@lru_cache(maxsize=65_536)
def _paid(cost: Money) -> tuple[str, bytes]:
    return encode(Paid(source="credits", amount=cost, late=False, after_paid_owed=False))


def _events(
    step: Step, action_id: str, encoded: Sequence[tuple[str, bytes]], nth: int
) -> Iterator[Row]:
    """The rows of events; the id of the command is the nth of the action."""
    command_id = id_of(step.number, step.at, nth)
    for version, (topic, state) in enumerate(encoded, 1):
        event_id = id_of(step.number, step.at, nth + version)
        row = (action_id, version, topic, state, event_id, command_id, command_id, step.at)
        yield "paidflow_events", row


def _entry(source: str, version: int, line: int, debit: str, credit: Posting, at: datetime) -> Row:
    amount = credit.amount
    row = (source, version, line, debit, credit.account, amount.amount, amount.currency, at)
    return "paidflow_entries", row
