"""Lets many threads do something to one action at the same moment, and judges what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from paidflow import PaidFlow, Receipt, State, Worker, sats
from paidflow.errors import Conflict
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.wall import HeldNote, Note, effects

Result = object
START_S = 60


def together(pool: Executor, calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Call all at once, each in a thread of its own; what is raised is returned."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Result]) -> Result:
        barrier.wait(START_S)
        try:
            return call()
        except Exception as error:
            return error

    return [done.result() for done in [pool.submit(run, call) for call in calls]]


@dataclass
class Arena:
    """One flow on PostgreSQL, its bank and its clock."""

    flow: PaidFlow
    bank: SandboxGateway
    clock: ManualClock
    actor: str = "ann"

    def start(self, sides: frozenset[str], note: type[Note]) -> Receipt:
        """An action on which both sides have something to do."""
        flow, bank = self.flow, self.bank
        self.actor = f"ann-{len(bank.books())}"
        receipt = flow.perform(note(text="gm"), actor=self.actor)
        invoice = invoice_of(receipt)
        if "retry" in sides:
            bank.expire(invoice)
            if "expire" not in sides:
                flow.sync("sandbox", invoice)
        elif sides == {"worker"}:
            bank.pay(invoice)
        return receipt

    def call(self, side: str, receipt: Receipt) -> Callable[[], Result]:
        """What one thread of a side does."""
        flow, bank, invoice = self.flow, self.bank, invoice_of(receipt)

        def pay() -> Result:
            bank.pay(invoice, late=True)
            return flow.sync("sandbox", invoice)

        def expire() -> Result:
            bank.expire(invoice)
            return flow.sync("sandbox", invoice)

        calls: dict[str, Callable[[], Result]] = {
            "pay": pay,
            "expire": expire,
            "cancel": lambda: flow.cancel(receipt.action_id, actor=self.actor),
            "retry": lambda: flow.retry(receipt.action_id, actor=self.actor),
            "worker": lambda: Worker(flow).run_once(),
        }
        return calls[side]

    def settle_down(self, receipt: Receipt) -> Receipt:
        """Let a worker finish what is owed; nobody pays or cancels any more."""
        for _ in range(3):
            self.clock.tick(6)
            Worker(self.flow, batch=200).run_once()
        return self.flow.get(receipt.action_id, actor=self.actor)

    def judge(self, sides: Sequence[str], results: Sequence[Result], receipt: Receipt) -> State:
        """Everything that must be true after the threads have ended; the state it came to."""
        changed = {"cancel": 0, "retry": 0}
        for side, result in zip(sides, results, strict=True):
            if side == "worker":
                assert isinstance(result, int), result
            elif isinstance(result, Conflict) and side in changed:
                assert result.state is not None
            else:
                assert isinstance(result, Receipt), (side, result)
                if side in changed:
                    changed[side] += result.changed
        after = self.settle_down(receipt)
        lines = self.flow.history(receipt.action_id, actor=self.actor)
        assert [line.version for line in lines] == list(range(1, len(lines) + 1))
        events = [line.event.removeprefix("paid-action.") for line in lines]
        self._judge_winners(lines, events, changed)
        self._judge_effects(receipt, events, after)
        self._judge_money(receipt, after)
        return after.state

    def _judge_winners(
        self, lines: Sequence[object], events: list[str], changed: dict[str, int]
    ) -> None:
        cancelled = events.count("cancel-requested") + sum(
            1
            for before, line in zip([None, *events], lines, strict=False)
            if line.event == "paid-action.failed"  # pyright: ignore
            and line.details["reason"] == "user_cancelled"  # pyright: ignore
            and before not in ("attempt-closed", "payment-seen")
        )
        assert changed == {"cancel": cancelled, "retry": events.count("retry-requested")}
        assert events.count("paid") <= 1

    def _judge_effects(self, receipt: Receipt, events: list[str], after: Receipt) -> None:
        done = effects(self.flow, receipt.action_id)
        assert done["perform"] == int(after.performed)
        assert done["on_paid"] == events.count("paid") == int(after.state is State.PAID)
        assert done["on_failed"] + done["on_failed_unperformed"] == events.count("failed")
        undone = done["on_failed"] - done["on_retry"]
        assert undone == int(after.performed and after.state is State.FAILED)

    def _judge_money(self, receipt: Receipt, after: Receipt) -> None:
        own = [b for b in self.bank.books() if receipt.action_id in b.key]
        received = sum((b.received.amount for b in own), 0)
        spent = 10_000 if after.state is State.PAID else 0
        assert sats(received // 1000) == sats(spent // 1000) + self.flow.balance(self.actor)
        assert received in (0, 10_000)
        payable = [b.invoice_id for b in own if b.status == "open"]
        waiting = after.state in (State.PENDING, State.PENDING_HELD)
        assert payable == ([after.invoice_id] if waiting else [])


def kind_of_round(number: int) -> type[Note]:
    """Optimistic and pessimistic in turn."""
    return HeldNote if number % 2 else Note
