"""Ten minutes without the gateway while a thousand holds are open; time is simulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from paidflow import PaidFlow, Worker
from paidflow.payments import contract as c
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.decide import MARGIN, MARGIN_BLOCKS
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of
from tests.wall import HeldNote, open_wall

HOLDS = 1_000
APART_S = 2
OUTAGE = timedelta(minutes=10)
CALL_S = 0.4
TIMEOUT_S = 10
BLOCK_S = 25
ROUNDS_MAX = 20_000
UNSEEN = 100
"""The money of so many is locked, and nobody has heard of it when the gateway goes down."""

ONLY_HELD = 100
"""Of so many it is only known that the money is locked; all others are done, or refused."""

CAPTURED = sum(
    number % 3 != 0
    for number in range(HOLDS)
    if not HOLDS - UNSEEN - ONLY_HELD <= number < HOLDS - UNSEEN
)
UNFINISHED = "select count(*) as total from paidflow_actions where state not in ('PAID', 'FAILED')"


class SlowBank(SandboxGateway):
    """A bank whose calls take time, more if it does not answer; its chain grows with time.

    Attributes:
        done: when each hold was captured or released, and at which height.
    """

    def __init__(self, clock: ManualClock, deadline: Literal["instant", "height"]) -> None:
        super().__init__(
            ":memory:",
            sandbox=True,
            clock=clock,
            deadline=deadline,
            invoice_expiry_s=7200,
        )
        self.time = clock
        self.is_down = False
        self.begun = clock.now()
        self.blocks = 0
        self.done: dict[str, tuple[datetime, int]] = {}

    def grow(self) -> None:
        """Mine the blocks that are due."""
        due = int((self.time.now() - self.begun).total_seconds() // BLOCK_S)
        self.mine_blocks(due - self.blocks)
        self.blocks = due

    def lookup(self, invoice_id: str) -> c.Lookup:
        return self._slow(lambda: super(SlowBank, self).lookup(invoice_id))

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        return self._end(command.invoice_id, lambda: super(SlowBank, self).capture(command))

    def cancel(self, command: c.CancelCommand) -> c.CommandOutcome:
        return self._end(command.invoice_id, lambda: super(SlowBank, self).cancel(command))

    def set_down(self, down: bool) -> None:
        """Stop answering, or begin again."""
        self.is_down = down
        self.outage(down)

    def hold(self, invoice_id: str) -> c.Held:
        """Lock the payer's money."""
        assert self.pay(invoice_id)
        held = super().lookup(invoice_id)
        assert isinstance(held, c.Held)
        return held

    def _end(self, invoice_id: str, call: Callable[[], c.CommandOutcome]) -> c.CommandOutcome:
        outcome = self._slow(call)
        if isinstance(outcome, c.Accepted):
            self.done.setdefault(invoice_id, (self.time.now(), self.blocks))
        return outcome

    def _slow(self, call: Callable[[], Any]) -> Any:
        self.time.tick(TIMEOUT_S if self.is_down else CALL_S)
        self.grow()
        return call()


@pytest.mark.parametrize("deadline", ["instant", "height"])
def test_every_hold_ends_in_time(
    clock: ManualClock, deadline: Literal["instant", "height"]
) -> None:
    """The most urgent ones were seen last, so whoever goes by that is late with them."""
    bank = SlowBank(clock, deadline)
    with open_wall("sqlite:///:memory:", {"bank": bank}, clock=clock) as flow:
        holds = open_holds(flow, bank)
        began = clock.now()
        bank.set_down(True)
        for number, (invoice_id, held) in enumerate(reversed(holds.items())):
            for _ in range(0 if number < UNSEEN else 1 if number < UNSEEN + ONLY_HELD else 2):
                flow.apply(c.Answer("bank", invoice_id, held))
        assert not bank.done
        worker = Worker(flow)
        for _ in range(ROUNDS_MAX):
            if bank.is_down and clock.now() >= began + OUTAGE:
                bank.set_down(False)
            if not worker.run_once():
                clock.tick(1)
            if len(bank.done) == HOLDS and not waiting(flow):
                break
    assert not bank.is_down
    assert bank.done.keys() == holds.keys()
    late = [held for invoice_id, held in holds.items() if is_late(held, *bank.done[invoice_id])]
    assert not late
    statuses = Counter(book.status for book in bank.books())
    # Who was only held has waited for longer than a payer has to wait for work.
    assert statuses == {"settled": CAPTURED, "cancelled": HOLDS - CAPTURED}


def open_holds(flow: PaidFlow, bank: SlowBank) -> dict[str, c.Held]:
    """Money that is locked one after the other; whoever asked last was the first to pay.

    One action in three cannot be done.
    """
    invoice_ids: list[str] = []
    for number in range(HOLDS):
        note = HeldNote(text="gm", raises={"perform": -1} if number % 3 == 0 else {})
        invoice_ids.append(invoice_of(flow.perform(note, actor=f"ann-{number}")))
    holds: dict[str, c.Held] = {}
    for invoice_id in reversed(invoice_ids):
        holds[invoice_id] = bank.hold(invoice_id)
        bank.time.tick(APART_S)
        bank.grow()
    return holds


def waiting(flow: PaidFlow) -> int:
    """How many actions are not at their end."""
    with flow.store.reading() as tx:
        (row,) = tx.execute(UNFINISHED).fetchall()
    return row["total"]


def is_late(held: c.Held, at: datetime, height: int) -> bool:
    """Whether it came to its end when the margin had begun."""
    match held.deadline:
        case c.InstantDeadline(moment):
            return at >= moment - MARGIN
        case c.HeightDeadline(end):
            return height >= end - MARGIN_BLOCKS
