"""A flow to test one's own actions with: a bank that does as it is told, and a clock that stands.

The fixture ``paidflow`` gives one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from os import PathLike
from typing import Any, Self

from paidflow.actions.contract import PaidAction
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import Receipt
from paidflow.money import Money
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_controls import Operation
from paidflow.testing import crash, payer
from paidflow.testing.clock import ManualClock
from paidflow.testing.scenario import Scenario
from paidflow.worker import Worker

SECRET = "a secret only for tests"


class Harness:
    """A flow, the sandbox gateway behind it, and the time.

    Args:
        url: the database, as ``PaidFlow.open`` understands it.
        bank: the file of the sandbox bank.
        actions: the classes of actions.
        setup: called once with the open flow, to create one's own tables.
        settings: what else ``PaidFlow.open`` takes.

    Attributes:
        flow: the open flow.
        sandbox: the bank, for what has no method here.
        clock: it moves only when it is told to.
    """

    def __init__(
        self,
        url: str,
        *,
        bank: str | PathLike[str],
        actions: Iterable[type[PaidAction]],
        setup: Callable[[PaidFlow], object] | None = None,
        **settings: Any,
    ) -> None:
        self.clock = ManualClock()
        self.sandbox = SandboxGateway(bank, sandbox=True, clock=self.clock)
        self._scenarios: list[Scenario] = []
        self._open = partial(
            PaidFlow.open,
            url,
            actions=tuple(actions),
            gateways={"sandbox": self.sandbox},
            secret=SECRET,
            clock=self.clock,
            **settings,
        )
        self.flow = self._open(create=True)
        if setup is not None:
            setup(self.flow)

    # Time and the process.

    def tick(self, seconds: float = 0, **more: float) -> None:
        """Let time pass; ``more`` is what ``timedelta`` takes."""
        self.clock.tick(seconds, **more)

    def work(self, after_s: float = 0) -> None:
        """Let time pass, and then let a worker do everything that is owed."""
        self.clock.tick(after_s)
        Worker(self.flow).run_until_idle()

    def reopen(self) -> None:
        """Close the flow and open it again, as after a restart."""
        self.flow.close()
        self.flow = self._open(create=False)

    @contextmanager
    def crash_at(self, point: str, *, nth: int = 1) -> Generator[None]:
        """Let the block die at a point; after the block the flow has been opened again.

        What the dead process had leased is free after a minute: ``work(61)``.

        Args:
            point: its name, such as ``perform.request.after``.
            nth: the how-manieth time it is reached, from 1.
        """
        try:
            with crash.crash_at(point, nth=nth):
                yield
        finally:
            self.reopen()

    # The payer, and bad luck.

    def pay(self, receipt: Receipt, amount: Money | None = None) -> Receipt:
        """The payer pays, perhaps too little or too much, and the flow looks at it."""
        return payer.pay(self.flow, self.sandbox, receipt, amount)

    def pay_late(self, receipt: Receipt, amount: Money | None = None) -> Receipt:
        """The payer pays an invoice that is closed, and the flow looks at it."""
        return payer.pay(self.flow, self.sandbox, receipt, amount, late=True)

    def hold(self, receipt: Receipt) -> None:
        """The payer's money is locked at the bank, and the flow has not seen it yet."""
        assert self.sandbox.pay(payer.invoice_of(receipt)), "the bank did not take the payment"

    def expire(self, receipt: Receipt) -> Receipt:
        """The invoice runs out unpaid, and the flow looks at it."""
        assert self.sandbox.expire(payer.invoice_of(receipt)), "the invoice was not open any more"
        return payer.sync(self.flow, receipt)

    def drop_next_answer(self, operation: Operation) -> None:
        """The bank does what it is asked the next time, and its answer is lost.

        Args:
            operation: ``open``, ``lookup``, ``capture``, ``cancel``, ``updates``, ``pay_out``,
                ``lookup_payment`` or ``holdings``.
        """
        self.sandbox.fault(operation, "time_out_after")

    def again(self, receipt: Receipt) -> Receipt:
        """Where the action of a receipt stands now; the receipt needs its proof."""
        return payer.again(self.flow, receipt)

    # Given, when, then.

    def given(self, *actions: PaidAction, actor: str = "ann") -> Scenario:
        """Actions that were done and paid before; see ``Scenario``."""
        return self._scenario().given(*actions, actor=actor)

    def when(self, action: PaidAction, *, actor: str | None = "ann") -> Scenario:
        """The action that is tested; see ``Scenario``."""
        return self._scenario().when(action, actor=actor)

    def _scenario(self) -> Scenario:
        self._scenarios.append(Scenario(self))
        return self._scenarios[-1]

    # The end.

    def close(self) -> None:
        """Close everything."""
        self.flow.close()
        self.sandbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
        if raised[0] is None:
            for scenario in self._scenarios:
                scenario.end()
