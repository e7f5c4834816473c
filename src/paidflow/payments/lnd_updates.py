"""Which invoices of lnd have moved since the last time, with a cursor that survives everything.

lnd's own stream of invoices says nothing of money that is locked, or that was let go of. So its
list is read: what is new since the last index, and what was not over the last time. The cursor is
the last index, and what is open and what is locked up to there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, NonNegativeInt

from paidflow.payments.contract import Hint, Updates
from paidflow.payments.lnd_client import LndClient
from paidflow.payments.lnd_messages import InvoicePage, NodeInvoice

PAGE = 500
"""How many invoices are read at once; one has about 2 KB."""


class _Cursor(BaseModel):
    """How far it was read.

    Args:
        last: everything up to this index was seen.
        open: those of them that were open the last time.
        locked: those of them with locked money, which was told.
    """

    last: NonNegativeInt = 0
    open: list[NonNegativeInt] = []
    locked: list[NonNegativeInt] = []


class _Lost(Exception):
    """The node does not answer."""


@dataclass(slots=True)
class _Reading:
    """One look at the node.

    Args:
        client: the node.
        before: the cursor of the last look.
        hints: what has moved since.
    """

    client: LndClient
    before: _Cursor
    hints: list[Hint] = field(default_factory=list[Hint])

    def page(self, after: int, **params: int | str) -> InvoicePage:
        """Some invoices behind an index."""
        asked = {"index_offset": after, "num_max_invoices": PAGE, **params}
        page = self.client.ask("/v1/invoices", InvoicePage, asked)
        if not isinstance(page, InvoicePage):
            raise _Lost
        return page

    def unfinished(self) -> dict[int, NodeInvoice]:
        """Those that were not over the last time, and still are not, by their index."""
        watched = {*self.before.open, *self.before.locked}
        found: dict[int, NodeInvoice] = {}
        after = min(watched, default=0) - 1
        while watched and after < max(watched):
            page = self.page(max(after, 0), pending_only="true")
            found |= {one.add_index: one for one in page.invoices if one.add_index in watched}
            if len(page.invoices) < PAGE:
                break
            after = page.last_index_offset
        return found

    def tell(self, invoice: NodeInvoice) -> None:
        self.hints.append(Hint(invoice.r_hash))


def updates(client: LndClient, cursor: str | None) -> Updates:
    """What has moved since a cursor; nothing when the node does not answer.

    Args:
        client: the node.
        cursor: where to go on; a cursor that cannot be read begins again.
    """
    reading = _Reading(client, _read(cursor))
    try:
        after = _look(reading)
    except _Lost:
        return Updates((), cursor or "")
    return Updates(tuple(reading.hints), after.model_dump_json())


def _look(reading: _Reading) -> _Cursor:
    before, unfinished = reading.before, reading.unfinished()
    seen = [*unfinished.values()]
    for index in sorted({*before.open, *before.locked} - unfinished.keys()):
        for invoice in reading.page(index - 1, num_max_invoices=1).invoices:
            if invoice.add_index == index:
                reading.tell(invoice)
    page = reading.page(before.last)
    for invoice in page.invoices:
        if invoice.state in ("SETTLED", "CANCELED"):
            reading.tell(invoice)
        else:
            seen.append(invoice)
    for invoice in seen:
        if invoice.state == "ACCEPTED" and invoice.add_index not in before.locked:
            reading.tell(invoice)
    return _Cursor(
        last=max(page.last_index_offset, before.last),
        open=sorted(one.add_index for one in seen if one.state == "OPEN"),
        locked=sorted(one.add_index for one in seen if one.state == "ACCEPTED"),
    )


def _read(cursor: str | None) -> _Cursor:
    try:
        return _Cursor.model_validate_json(cursor or "{}")
    except ValueError:
        return _Cursor()
