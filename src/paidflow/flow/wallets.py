"""The wallets of receivers, and the one way to call them: bounded, and never in a transaction."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context

from paidflow import checkpoints
from paidflow.money import Money
from paidflow.payments.contract import Declined
from paidflow.payments.wrapped import WALLET_TIMEOUT_S, Wallet
from paidflow.spans import span

logger = logging.getLogger("paidflow.wallets")


class Wallets:
    """The wallets by name; they may belong to strangers, so nothing that they do is trusted.

    Args:
        wallets: name -> wallet; it is asked for one name at a time, as if it were a wallet itself.
        timeout_s: how long one may take.
    """

    def __init__(self, wallets: Mapping[str, Wallet], timeout_s: float = WALLET_TIMEOUT_S) -> None:
        self._wallets = wallets
        self._timeout_s = timeout_s

    def invoice(
        self, name: str, amount: Money, description: str, expires_in_s: int
    ) -> str | Declined:
        """Ask a wallet for an invoice; an error, or no answer in time, counts as a refusal."""

        def ask() -> str | Declined:
            wallet = self._wallets.get(name)
            if wallet is None:
                return Declined("there is no such wallet")
            return wallet.invoice(amount, description, expires_in_s)

        return self._call(name, "wallet", ask)

    def _call(self, name: str, step: str, ask: Callable[[], str | Declined]) -> str | Declined:
        checkpoints.refuse_in_transaction(step)
        checkpoints.reach(step, "before")
        with span("wallet.invoice", wallet=name) as measured:
            told = self._bounded(ask)
            measured.note(outcome=type(told).__name__)
        checkpoints.reach(step, "after")
        return told

    def _bounded(self, ask: Callable[[], str | Declined]) -> str | Declined:
        answers: queue.SimpleQueue[str | Declined] = queue.SimpleQueue()

        def run() -> None:
            try:
                answers.put(ask())
            except Exception as error:
                # Only the type: the text of a foreign error may hold what must not be logged.
                answers.put(Declined(type(error).__name__))

        threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
        try:
            return answers.get(timeout=self._timeout_s)
        except queue.Empty:
            return Declined("no answer in time")
