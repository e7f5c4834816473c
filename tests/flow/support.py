"""What the tests of the flow do again and again."""

from __future__ import annotations

from typing import Any

from paidflow import Money, PaidAction, PaidFlow, Receipt, State, Worker
from paidflow.payments.contract import Lookup, Unreachable
from paidflow.payments.sandbox import Book, SandboxGateway
from paidflow.testing import ManualClock
from paidflow.views.reader import Attention, Reader

TABLES_OF = {
    "sqlite": "select name from sqlite_master where type = 'table' and name like 'paidflow%'",
    "postgres": "select tablename as name from pg_tables where tablename like 'paidflow%'",
}


def invoice_of(receipt: Receipt) -> str:
    """The id of the invoice that a receipt is about."""
    assert receipt.invoice_id is not None
    return receipt.invoice_id


def sync(flow: PaidFlow, receipt: Receipt) -> Receipt:
    """Look at the invoice of a receipt."""
    found = flow.sync("sandbox", invoice_of(receipt))
    assert found is not None
    return found


def pay(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    receipt: Receipt,
    amount: Money | None = None,
    *,
    late: bool = False,
) -> Receipt:
    """Pay the invoice of a receipt and look at it."""
    assert sandbox.pay(invoice_of(receipt), amount, late=late)
    return sync(flow, receipt)


def expired(
    flow: PaidFlow, sandbox: SandboxGateway, action: PaidAction, actor: str | None = "ann"
) -> Receipt:
    """An action whose invoice has expired: FAILED. The receipt is the one of the request."""
    receipt = flow.perform(action, actor=actor)
    assert sandbox.expire(invoice_of(receipt))
    assert sync(flow, receipt).state is State.FAILED
    return receipt


def again(flow: PaidFlow, receipt: Receipt) -> Receipt:
    """Where the action of a request stands now."""
    return flow.get(receipt.action_id, proof=receipt.proof)


def work(flow: PaidFlow, clock: ManualClock, *, times: int = 1, seconds: float = 6) -> None:
    """Let time pass and a worker work, so many times."""
    for _ in range(times):
        clock.tick(seconds)
        Worker(flow).run_once()


def history(flow: PaidFlow, receipt: Receipt) -> list[str]:
    """The short names of the events of an action."""
    lines = flow.history(receipt.action_id, proof=receipt.proof)
    return [line.event.removeprefix("paid-action.") for line in lines]


def undone(flow: PaidFlow, receipt: Receipt) -> int | None:
    """How often the note was taken back, less how often that was taken back; ``None`` if it is not
    on the wall."""
    with flow.store.reading() as tx:
        row = tx.execute("select undone from wall where id = :id", id=receipt.action_id).fetchone()
    return None if row is None else row["undone"]


def attention(flow: PaidFlow) -> list[Attention]:
    """What waits for a person."""
    return Reader(flow).attention()


def book_of(sandbox: SandboxGateway, receipt: Receipt) -> Book:
    """The truth about the invoice of a receipt."""
    (book,) = (b for b in sandbox.books() if b.invoice_id == invoice_of(receipt))
    return book


def snapshot(flow: PaidFlow) -> dict[str, list[str]]:
    """Everything that is in the tables of paidflow."""
    with flow.store.reading() as tx:
        dialect = "sqlite" if "Sqlite" in type(flow.store).__name__ else "postgres"
        names = [row["name"] for row in tx.execute(TABLES_OF[dialect]).fetchall()]
        rows = {name: tx.execute(f"select * from {name}").fetchall() for name in sorted(names)}
    assert len(rows) > 8
    return {name: sorted(repr(row) for row in found) for name, found in rows.items()}


class Deaf:
    """Makes the lookups of a gateway unreachable from the n-th on.

    Args:
        sandbox: the gateway.
        after: how many lookups are still answered.
    """

    def __init__(self, sandbox: SandboxGateway, *, after: int) -> None:
        self._sandbox: Any = sandbox
        self._ask = sandbox.lookup
        self._left = after
        self._sandbox.lookup = self._lookup

    def _lookup(self, invoice_id: str) -> Lookup:
        self._left -= 1
        return self._ask(invoice_id) if self._left >= 0 else Unreachable("deaf")

    def heal(self) -> None:
        """Have it answer again."""
        self._sandbox.lookup = self._ask


def held(flow: PaidFlow, sandbox: SandboxGateway, action: PaidAction, actor: str) -> Receipt:
    """An action that stands in HELD, because the gateway went silent in the middle."""
    receipt = flow.perform(action, actor=actor)
    assert sandbox.pay(invoice_of(receipt))
    deaf = Deaf(sandbox, after=1)
    assert sync(flow, receipt).state is State.HELD
    deaf.heal()
    return receipt
