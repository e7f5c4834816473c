"""The payment panel: what a person sees who has to pay. HTML that works without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import segno
from markupsafe import Markup

from paidflow.flow.receipt import NextAction, Receipt
from paidflow.states.events import FailureReason
from paidflow.states.machine import State
from paidflow.web.templates import render

_LIGHTNING = ("lnbc", "lntb", "lnbcrt", "lnsb")
_LOCKED = frozenset({State.HELD, State.FORWARDING, State.CAPTURING})


class Phase(StrEnum):
    """What the panel says."""

    WAITING = "waiting"
    CONFIRMING = "confirming"
    PREPARING = "preparing"
    HELD = "held"
    COMPLETING = "completing"
    PAID = "paid"
    EXPIRED = "expired"
    LATE = "late"
    PARTLY = "partly"
    CANCELLED = "cancelled"
    FAILED = "failed"
    RETURNED = "returned"


_PAYABLE = frozenset({Phase.WAITING, Phase.CONFIRMING})
_ON_THE_WAY = _PAYABLE | {Phase.PREPARING, Phase.HELD, Phase.COMPLETING}
_SENTENCES = {
    Phase.WAITING: "Waiting for your payment",
    Phase.CONFIRMING: "Confirm the payment with your card",
    Phase.PREPARING: "The invoice is being prepared",
    Phase.HELD: "Your money is held; it is taken when the work is done",
    Phase.COMPLETING: "Your money has arrived; the rest is being done",
    Phase.PAID: "Paid",
    Phase.EXPIRED: "The invoice has expired",
    Phase.LATE: "Your payment came late; the money is yours",
    Phase.PARTLY: "This was less than the invoice asked for; the money is yours",
    Phase.CANCELLED: "Cancelled",
    Phase.FAILED: "It was not paid",
    Phase.RETURNED: "The money has gone back",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """What a person sees who has to pay.

    Args:
        receipt: the action.
        now: the time of the server, UTC; the countdown goes by it.
    """

    receipt: Receipt
    now: datetime

    @property
    def phase(self) -> Phase:
        """Where the payment stands, for the payer."""
        receipt = self.receipt
        match receipt.state:
            case State.PAID:
                return Phase.PAID
            case State.REFUNDED | State.DISPUTED:
                return Phase.RETURNED
            case State.FAILED:
                return self._failed()
            case _:
                pass
        if receipt.next_action is NextAction.PAY_INVOICE:
            return Phase.WAITING
        if receipt.next_action is NextAction.CONFIRM_CARD:
            return Phase.CONFIRMING
        if receipt.completing:
            return Phase.COMPLETING
        return Phase.HELD if receipt.state in _LOCKED else Phase.PREPARING

    @property
    def sentence(self) -> str:
        """The phase in words."""
        return _SENTENCES[self.phase]

    @property
    def retriable(self) -> bool:
        """Whether a person can try again."""
        return self.receipt.state is State.FAILED

    @property
    def final(self) -> bool:
        """Whether nothing more is waited for."""
        return self.phase not in _ON_THE_WAY

    @property
    def expires_in_s(self) -> int | None:
        """How long it can still be paid, in seconds."""
        if self.receipt.expires_at is None or self.phase not in _PAYABLE:
            return None
        return max(int((self.receipt.expires_at - self.now).total_seconds()), 0)

    @property
    def expires_in(self) -> str:
        """The same in words."""
        minutes, seconds = divmod(self.expires_in_s or 0, 60)
        said = [f"{minutes} minute{'s'[: minutes != 1]}"] if minutes else []
        return " and ".join([*said, f"{seconds} second{'s'[: seconds != 1]}"])

    @property
    def link(self) -> str | None:
        """A link that opens a wallet, where the payment request is one of Lightning."""
        request = self.receipt.payment_request
        if request is None or not request.lower().startswith(_LIGHTNING):
            return None
        return f"lightning:{request}"

    @property
    def qr(self) -> Markup | None:
        """The payment request as a drawing; capital letters make a QR code smaller."""
        request = self.receipt.payment_request
        if request is None or self.phase is not Phase.WAITING:
            return None
        drawn = segno.make(request.upper() if self.link else request, error="l", micro=False)
        return Markup(
            drawn.svg_inline(border=3, light="#fff", svgclass="paidflow-qr", omitsize=True)
        )

    def html(self) -> str:
        """The panel, to be put into a page; everything in it is escaped."""
        return render("panel.html", panel=self, receipt=self.receipt)

    def _failed(self) -> Phase:
        reason = self.receipt.failure_reason
        if reason is FailureReason.UNDERPAID:
            return Phase.PARTLY
        if self.receipt.unclaimed is not None:
            return Phase.LATE
        if reason is FailureReason.EXPIRED:
            return Phase.EXPIRED
        return Phase.CANCELLED if reason is FailureReason.USER_CANCELLED else Phase.FAILED
