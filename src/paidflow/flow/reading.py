"""Reads an action for somebody who may see it: receipts and histories."""

from __future__ import annotations

import json

from paidflow.errors import ActionNotFound, InvalidArguments
from paidflow.flow.loaded import Loaded, load
from paidflow.flow.receipt import HistoryEntry, NextAction, Receipt
from paidflow.flow.registry import check_text
from paidflow.flow.tools import Tools
from paidflow.money import Money
from paidflow.states import codec
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import Amounts
from paidflow.states.attempt import Fact
from paidflow.states.events import Mode, Requested
from paidflow.states.machine import FINAL, State
from paidflow.states.pay_out import PayOutFact
from paidflow.states.reversals import refunded, refunding
from paidflow.store.records import as_time

_PAYABLE = frozenset({State.PENDING, State.PENDING_HELD})


class Reading:
    """Answers questions about one action.

    Args:
        tools: what it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self._t = tools

    def owned(self, action_id: str, actor: str | None, proof: str | None) -> Loaded:
        """The action, if it belongs to this actor or the proof shows it.

        Raises:
            ActionNotFound: when there is none, or it is somebody else's: both look the same.
        """
        try:
            check_text("an action id", action_id)
            if proof is not None:
                check_text("a proof", proof)
        except InvalidArguments:
            raise ActionNotFound from None
        with self._t.store.reading() as tx:
            found = load(tx, action_id)
        mine = found is not None and actor is not None and found.aggregate.actor == actor
        proven = proof is not None and self._t.keyring.proves(proof, action_id)
        if found is None or not (mine or proven):
            raise ActionNotFound
        return found

    def receipt_of(self, action_id: str, *, with_proof: bool = False) -> Receipt:
        """Where an action stands now."""
        with self._t.store.reading() as tx:
            found = load(tx, action_id)
        if found is None:
            raise ActionNotFound
        return self.receipt(found, with_proof=with_proof)

    def receipt(
        self,
        loaded: Loaded,
        *,
        changed: bool = False,
        with_proof: bool = False,
        payment_request: str | None = None,
    ) -> Receipt:
        """Where an action stands, as it was loaded.

        Args:
            loaded: the action.
            changed: whether the call changed something.
            with_proof: whether the caller has requested it just now.
            payment_request: that of the latest invoice, if it is at hand.
        """
        action_id, a, payload = loaded.action_id, loaded.aggregate, loaded.payload
        request = self._payment_request(action_id, a, payment_request)
        settled = a.current is not None and a.current.fact is Fact.SETTLED
        payable = request is not None
        attempt = a.current
        return Receipt(
            action_id=action_id,
            kind=a.kind,
            state=a.state,
            version=a.version,
            performed=a.performed,
            cost=a.cost,
            next_action=self._next_action(a, payable),
            payment_request=request,
            amount_due=attempt.amount if attempt and payable else None,
            arguments=None if payload.arguments is None else json.loads(payload.arguments),
            gateway=attempt.gateway if attempt else None,
            invoice_id=attempt.invoice_id if attempt else None,
            expires_at=attempt.expires_at if attempt and payable else None,
            result=None if payload.result is None else json.loads(payload.result),
            payment_id=a.pay_out.payment_id if a.pay_out and a.mode is Mode.PAY_OUT else None,
            fee=_fee(a),
            failure_reason=a.failure_reason,
            error=payload.error,
            completing=settled and a.state not in FINAL,
            unclaimed=_one_of(a, a.claimable),
            refunded=_one_of(a, refunded(a)),
            refunding=_one_of(a, refunding(a)),
            changed=changed,
            provisional=self._t.provisional,
            proof=self._t.keyring.proof(action_id) if with_proof else None,
            quote=attempt.quote if attempt else None,
        )

    def history(self, action_id: str) -> list[HistoryEntry]:
        """Everything that happened to an action, oldest first."""
        with self._t.store.reading() as tx:
            rows = tx.query("select_history", action_id=action_id).fetchall()
        lines: list[HistoryEntry] = []
        private = True
        for row in rows:
            at = as_time(row["recorded_at"])
            event = codec.decode(row["topic"], bytes(row["state"]))
            if at is None:
                raise AssertionError("every event has a time")
            private = private and not (isinstance(event, Requested) and event.mode is Mode.PAY_OUT)
            hidden = set(event.private) if private else None
            details = event.model_dump(mode="json", exclude=hidden)
            lines.append(
                HistoryEntry(version=row["version"], at=at, event=event.name, details=details)
            )
        return lines

    def _payment_request(self, action_id: str, a: Aggregate, at_hand: str | None) -> str | None:
        if a.state not in _PAYABLE or a.current is None or not a.current.payable:
            return None
        if at_hand is not None:
            return at_hand
        number = a.current.number
        with self._t.store.reading() as tx:
            row = tx.query("select_attempt", action_id=action_id, number=number).fetchone()
        return row["payment_request"] if row else None

    def _next_action(self, a: Aggregate, payable: bool) -> NextAction:
        if not payable:
            return NextAction.NONE if a.state in FINAL else NextAction.WAIT
        profile = self._t.gateways.profile(a.current.gateway) if a.current else None
        return NextAction(profile.payer_action if profile else NextAction.PAY_INVOICE)


def _one_of(a: Aggregate, amounts: Amounts) -> Money | None:
    """The amount in the currency of the cost if there is one, else one in another."""
    in_cost = (money for money in amounts if money.currency == a.cost.currency)
    return next(in_cost, next(iter(amounts), None))


def _fee(a: Aggregate) -> Money | None:
    if a.mode is not Mode.PAY_OUT or a.pay_out is None:
        return None  # what a wrapped payment has cost is the operator's business
    arrived = a.pay_out.fact is PayOutFact.SETTLED
    return Money(a.pay_out.fee, a.cost.currency) if arrived else None
