"""Given, when, then for one's own actions.

Given actions that were done and paid, when somebody asks for one more and this and that happens,
then it is paid, or failed, or nothing was stored, or an error was raised.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from paidflow.actions.contract import PaidAction
from paidflow.flow.receipt import Receipt
from paidflow.money import Money
from paidflow.states.events import FailureReason
from paidflow.states.machine import State

if TYPE_CHECKING:
    from paidflow.testing.harness import Harness


class Scenario:
    """One scenario; every method returns it, so that they can be written in a row.

    Args:
        harness: where it takes place.
    """

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._receipt: Receipt | None = None
        self._error: Exception | None = None
        self._position = 0

    @property
    def receipt(self) -> Receipt:
        """Where the action stands now."""
        if self._error is not None:
            raise self._error
        assert self._receipt is not None, "nothing was asked for; write when(...) first"
        return self._harness.again(self._receipt)

    def given(self, *actions: PaidAction, actor: str = "ann") -> Self:
        """These were done and paid before.

        Args:
            actions: in this order.
            actor: who did them.
        """
        for action in actions:
            receipt = self._harness.flow.perform(action, actor=actor)
            if receipt.state is not State.PAID:
                self._harness.pay(receipt)
            self._harness.work()
            state = self._harness.again(receipt).state
            assert state is State.PAID, f"given {action!r}: it is {state}, not paid"
        return self

    def when(self, action: PaidAction, *, actor: str | None = "ann") -> Self:
        """Somebody asks for the action that is tested.

        Args:
            action: with its arguments.
            actor: who; ``None`` for a logged-out person.
        """
        assert self._receipt is self._error is None, "a scenario is about one action"
        self._position = self._last_position()

        def request() -> None:
            self._receipt = self._harness.flow.perform(action, actor=actor)

        return self._try(request)

    # What happens next.

    def pays(self, amount: Money | None = None) -> Self:
        """The payer pays: what was asked, or another amount."""
        return self._try(lambda: self._harness.pay(self.receipt, amount))

    def pays_late(self, amount: Money | None = None) -> Self:
        """The payer pays although the invoice is closed."""
        return self._try(lambda: self._harness.pay_late(self.receipt, amount))

    def expires(self) -> Self:
        """The invoice runs out."""
        return self._try(lambda: self._harness.expire(self.receipt))

    def cancels(self) -> Self:
        """Whoever asked for it gives it up."""
        return self._try(lambda: self._do(self._harness.flow.cancel))

    def retries(self) -> Self:
        """Whoever asked for it tries again."""
        return self._try(lambda: self._do(self._harness.flow.retry))

    def waits(self, seconds: float) -> Self:
        """Time passes, and a worker does what is owed."""
        return self._try(lambda: self._harness.work(seconds))

    # What came of it.

    def then_paid(self) -> Self:
        """The action is done and paid, once a worker has done what is owed."""
        return self._then(State.PAID, None)

    def then_failed(self, reason: FailureReason | None = None) -> Self:
        """The action has failed.

        Args:
            reason: why, if that matters.
        """
        return self._then(State.FAILED, reason)

    def then_nothing(self) -> Self:
        """Nothing was stored since ``when``."""
        if self._error is not None:
            raise self._error
        events = self._last_position() - self._position
        assert events == 0, f"something was stored: the log went on by {events}"
        return self

    def then_raises(self, kind: type[Exception], match: str = "") -> Self:
        """The last step raised an error.

        Args:
            kind: its class.
            match: a regular expression that is found in its text.
        """
        error, self._error = self._error, None
        assert error is not None, f"nothing was raised, where {kind.__name__} was expected"
        if not isinstance(error, kind):
            raise error
        assert re.search(match, str(error)), f"{match!r} is not in {str(error)!r}"
        return self

    def end(self) -> None:
        """An error that nobody has looked at comes out."""
        if self._error is not None:
            raise self._error

    def _try(self, step: Callable[[], object]) -> Self:
        if self._error is not None:
            raise self._error
        try:
            step()
        except Exception as error:
            self._error = error
        return self

    def _then(self, state: State, reason: FailureReason | None) -> Self:
        if self._error is not None:
            raise self._error
        self._harness.work()
        now = self.receipt
        told = f" because {now.failure_reason}" if now.failure_reason else ""
        told += f": {now.error}" if now.error else ""
        assert now.state is state, f"the action is {now.state}, not {state}{told}"
        assert reason in (None, now.failure_reason), f"it failed{told}, not because {reason}"
        return self

    def _do(self, command: Callable[..., Receipt]) -> None:
        assert self._receipt is not None, "nothing was asked for; write when(...) first"
        command(self._receipt.action_id, proof=self._receipt.proof)

    def _last_position(self) -> int:
        with self._harness.flow.store.reading() as tx:
            ((last,),) = tx.fetch("select_last_committed")
        return last
