"""What the owner of an action calls; a part of ``PaidFlow``."""

from __future__ import annotations

from typing import Any

from paidflow.flow.joining import Joining
from paidflow.flow.reading import Reading
from paidflow.flow.receipt import HistoryEntry, Receipt
from paidflow.flow.registry import check_text


class OwnerCalls:
    """What an owner calls once there is an action: look, try again, give up, claim."""

    _at: Joining
    _reading: Reading

    def retry(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """Try again to get a failed action paid: from the purse, or with a new invoice.

        With ``tx`` it is only noted in the caller's transaction; a worker gets the invoice.

        Returns:
            Where it stands; ``changed`` is false when somebody else retried it at this moment.

        Raises:
            ActionNotFound: when it is not the caller's.
            NotRetriable: when it did not fail.
            Conflict: when somebody else is doing it at this moment.
        """
        with self._at("retry", tx) as services:
            owned = services.reading.owned(action_id, actor, proof)
            loaded, changed = services.commands.retry(owned)
            return services.reading.receipt(loaded, changed=changed)

    def cancel(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """Give up an action that is not paid yet.

        With ``tx`` it is only noted in the caller's transaction; a worker tells the gateway.

        Returns:
            Where it stands; ``changed`` is false when it was cancelled already.

        Raises:
            ActionNotFound: when it is not the caller's.
            NotCancellable: when the money is already there.
            Conflict: when somebody else is changing it at this moment.
        """
        with self._at("cancel", tx) as services:
            owned = services.reading.owned(action_id, actor, proof)
            loaded, changed = services.commands.cancel(owned)
            return services.reading.receipt(loaded, changed=changed)

    def get(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """Where an action stands, for its owner; with ``tx`` as that transaction sees it."""
        if tx is None:  # a question, which is no harm while another transaction is open
            return self._reading.receipt(self._reading.owned(action_id, actor, proof))
        with self._at("get", tx) as services:
            return services.reading.receipt(services.reading.owned(action_id, actor, proof))

    def history(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> list[HistoryEntry]:
        """What happened to an action, for its owner; with ``tx`` as that transaction sees it."""
        if tx is None:
            self._reading.owned(action_id, actor, proof)
            return self._reading.history(action_id)
        with self._at("history", tx) as services:
            services.reading.owned(action_id, actor, proof)
            return services.reading.history(action_id)

    def claim(self, action_id: str, *, proof: str, actor: str) -> Receipt:
        """Bring money that is nobody's yet into a purse.

        Args:
            action_id: the action that received it.
            proof: shows that the caller requested the action.
            actor: whose purse gets it.

        Raises:
            ActionNotFound: when the proof is wrong.
            NothingToClaim: when there is no such money, or the action still needs it.
        """
        check_text("an actor", actor)
        with self._at("claim") as services:
            owned = services.reading.owned(action_id, None, proof)
            return services.reading.receipt(services.commands.claim(owned, actor), changed=True)
