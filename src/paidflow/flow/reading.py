"""Reads an action for somebody who may see it: receipts and histories."""

from __future__ import annotations

import json

from paidflow.errors import ActionNotFound, InvalidArguments
from paidflow.flow.hooks import read_payload
from paidflow.flow.receipt import HistoryEntry, NextAction, Receipt
from paidflow.flow.registry import check_text
from paidflow.flow.tools import Tools
from paidflow.money import Money
from paidflow.states import codec
from paidflow.states.aggregate import Aggregate, Fact
from paidflow.states.machine import FINAL, State
from paidflow.store.contract import Transaction, as_time

_PAYABLE = frozenset({State.PENDING, State.PENDING_HELD})


class Reading:
    """Answers questions about one action.

    Args:
        tools: what it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self._t = tools

    def owned(self, action_id: str, actor: str | None, proof: str | None) -> Aggregate:
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
            a = self._t.recorder.load(tx, action_id)
        mine = a is not None and actor is not None and a.actor == actor
        proven = proof is not None and self._t.keyring.proves(proof, action_id)
        if a is None or not (mine or proven):
            raise ActionNotFound
        return a

    def receipt(
        self, action_id: str, *, changed: bool = False, with_proof: bool = False
    ) -> Receipt:
        """Where an action stands.

        Args:
            action_id: the action.
            changed: whether the call changed something.
            with_proof: whether the caller has requested it just now.
        """
        with self._t.store.reading() as tx:
            a = self._t.recorder.load(tx, action_id)
            if a is None:
                raise ActionNotFound
            payload = read_payload(tx, action_id)
            request = self._payment_request(tx, action_id, a)
        settled = a.current is not None and a.current.fact is Fact.SETTLED
        payable = request is not None
        attempt = a.current
        return Receipt(
            action_id=action_id,
            kind=a.kind,
            state=a.state,
            performed=a.performed,
            cost=a.cost,
            next_action=_next_action(a, payable),
            payment_request=request,
            arguments=None if payload.arguments is None else json.loads(payload.arguments),
            gateway=attempt.gateway if attempt else None,
            invoice_id=attempt.invoice_id if attempt else None,
            expires_at=attempt.expires_at if attempt and payable else None,
            result=None if payload.result is None else json.loads(payload.result),
            failure_reason=a.failure_reason,
            error=payload.error,
            completing=settled and a.state not in FINAL,
            unclaimed=Money(a.unassigned, a.cost.currency) if a.unassigned > 0 else None,
            changed=changed,
            proof=self._t.keyring.proof(action_id) if with_proof else None,
        )

    def history(self, action_id: str) -> list[HistoryEntry]:
        """Everything that happened to an action, oldest first."""
        with self._t.store.reading() as tx:
            rows = tx.query("select_history", action_id=action_id).fetchall()
        lines: list[HistoryEntry] = []
        for row in rows:
            at = as_time(row["recorded_at"])
            event = codec.decode(row["topic"], bytes(row["state"]))
            if at is None:
                raise AssertionError("every event has a time")
            details = event.model_dump(mode="json")
            lines.append(
                HistoryEntry(version=row["version"], at=at, event=event.name, details=details)
            )
        return lines

    def _payment_request(self, tx: Transaction, action_id: str, a: Aggregate) -> str | None:
        if a.state not in _PAYABLE or a.current is None or not a.current.payable:
            return None
        row = tx.query("select_attempt", action_id=action_id, number=a.current.number).fetchone()
        return row["payment_request"] if row else None


def _next_action(a: Aggregate, payable: bool) -> NextAction:
    if payable:
        return NextAction.PAY_INVOICE
    return NextAction.NONE if a.state in FINAL else NextAction.WAIT
