"""Ids that follow from which action they are for, so that nobody has to remember them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchmarks.gateway import NoopGateway
from paidflow.payments.contract import Invoice, Lookup, Open, OpenCommand, Opened, OpenOutcome

ACTION, NONCE, INVOICE = 0, 1, 2
"""Which of the ids of an action is which; the nonce and the invoice if it has one."""


def id_of(number: int, at: datetime, nth: int) -> str:
    """A time-ordered UUID, as paidflow makes them.

    Args:
        number: of the action.
        at: when it is done.
        nth: which of the ids that it needs, from 0.
    """
    milliseconds = f"{int(at.timestamp() * 1000):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7{nth:03x}-8000-{number:012x}"


def nonce_of(number: int, at: datetime, nth: int) -> str:
    """The nonce of an action, which is no secret here."""
    return id_of(number, at, nth).replace("-", "")


class Moment:
    """The clock and the ids while one action is done; implements ``Clock`` and ``Ids``."""

    def __init__(self) -> None:
        self.begin(0, datetime(2030, 1, 1, tzinfo=UTC))

    def begin(self, number: int, at: datetime) -> None:
        """Go on with another action."""
        self._number, self._at, self._nth = number, at, -1

    def now(self) -> datetime:
        return self._at

    def new_id(self) -> str:
        self._nth += 1
        return id_of(self._number, self._at, self._nth)

    def new_nonce(self) -> str:
        self._nth += 1
        return nonce_of(self._number, self._at, self._nth)


class MomentGateway(NoopGateway):
    """A gateway whose invoices have such ids, and are never paid.

    Args:
        moment: where they come from.
    """

    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self._moment = moment

    def open(self, command: OpenCommand) -> OpenOutcome:
        invoice_id = self._moment.new_id()
        expires_at = self._moment.now() + timedelta(seconds=command.expires_in_s)
        return Opened(Invoice(invoice_id, command.amount, f"pay:{invoice_id}", expires_at))

    def lookup(self, invoice_id: str) -> Lookup:
        return Open()
