"""What a call inside a transaction of the application leaves to the worker."""

from __future__ import annotations

from paidflow.flow.invoices import Opening
from paidflow.flow.loaded import Loaded
from paidflow.flow.steps import Steps


class Intents(Steps):
    """Steps inside a transaction of somebody else: gateways are told later, by a worker.

    Args:
        tools: what the steps work with.
    """

    def drive(self, loaded: Loaded, *, hooks_too: bool) -> tuple[Loaded, bool]:
        """Leave it to the worker, who sees it once it is committed."""
        return loaded, False

    def drop_orphan(self, action_id: str, opening: Opening) -> None:
        """Leave the invoice: it may be closed after the transaction, by ``PaidFlow.discard``."""
