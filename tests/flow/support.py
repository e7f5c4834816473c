"""What the tests of the flow do again and again."""

from __future__ import annotations

from collections import Counter
from typing import Any

from paidflow import PaidAction, PaidFlow, Receipt, State, Worker
from paidflow.operating.audit import audit
from paidflow.payments.contract import Lookup, Unreachable
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_books import Book
from paidflow.testing import ManualClock
from paidflow.testing.payer import again as again
from paidflow.testing.payer import invoice_of as invoice_of
from paidflow.testing.payer import pay as pay
from paidflow.testing.payer import sync as sync
from paidflow.views.reader import Attention, Reader

TABLES_OF = {
    "sqlite": "select name from sqlite_master where type = 'table' and name like 'paidflow%'",
    "postgres": "select tablename as name from pg_tables where tablename like 'paidflow%'",
}


def expired(
    flow: PaidFlow, sandbox: SandboxGateway, action: PaidAction, actor: str | None = "ann"
) -> Receipt:
    """An action whose invoice has expired: FAILED. The receipt is the one of the request."""
    receipt = flow.perform(action, actor=actor)
    assert sandbox.expire(invoice_of(receipt))
    assert sync(flow, receipt).state is State.FAILED
    return receipt


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


def paid(
    flow: PaidFlow, sandbox: SandboxGateway, action: PaidAction, actor: str | None = "ann"
) -> Receipt:
    """An action that was paid by invoice. The receipt is the one of the request."""
    receipt = flow.perform(action, actor=actor)
    assert pay(flow, sandbox, receipt).state is State.PAID
    return receipt


def sums(flow: PaidFlow, currency: str = "BTC") -> Counter[str]:
    """What the entries say of each account: credits less debits, in minor units."""
    found: Counter[str] = Counter()
    with flow.store.reading() as tx:
        for entry in tx.execute("select * from paidflow_entries").fetchall():
            if entry["currency"] == currency:
                found[entry["credit"]] += entry["amount"]
                found[entry["debit"]] -= entry["amount"]
    return Counter({account: amount for account, amount in found.items() if amount})


def check_books(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The audit finds nothing, and the bank holds what the ledger says."""
    assert [one for one in audit(flow) if not one.agrees] == []
    found = sums(flow)
    assert sum(found.values()) == 0
    held = sandbox.total_received() - sandbox.total_reversed()
    assert -found["clearing:sandbox"] == held.amount
    assert not [account for account in found if account.startswith("reserved:")]
