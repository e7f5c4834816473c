"""Sends money to somebody else, at most once: intent, call, outcome.

Only whoever has recorded the intent makes the call, right after it and never again. Whatever was
not answered is looked up; what the gateway does not know once it has given up was never sent. A
gateway can be wrong about that, so it is asked once more before the next payment is sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from paidflow.actions.contract import Context, PaidAction, Transfer
from paidflow.errors import (
    ActionNotFound,
    CurrencyMismatch,
    GatewayUnavailable,
    InvalidArguments,
    InvalidDestination,
    NoFunding,
)
from paidflow.flow.invoices import command_key
from paidflow.flow.loaded import Loaded, Moved
from paidflow.flow.tools import Tools
from paidflow.payments.contract import (
    Destination,
    HoldDeadline,
    NotFound,
    PayFailed,
    PayOutCommand,
    Unreachable,
)
from paidflow.states import events as e
from paidflow.states.decide import advance, decide_pay_out
from paidflow.states.pay_out import PayOut, earlier_pay_outs
from paidflow.store.records import NewPayment

Planned = tuple[e.PayOutPlanned, NewPayment]
"""A payment that is planned, and its row."""


class PayOuts:
    """Plans payments to somebody else, sends them, and finds out what became of them.

    Args:
        tools: what it works with.
    """

    def __init__(self, tools: Tools) -> None:
        self._t = tools

    def plan(
        self, action: PaidAction, ctx: Context, number: int, until: datetime | None = None
    ) -> Planned:
        """The payment that an action is there for; nobody is asked.

        Args:
            action: the action.
            ctx: what its hook is told.
            number: the number of the payment.
            until: for a new action, how long it is tried.

        Raises:
            InvalidArguments: when the transfer makes no sense.
            InvalidDestination: when no gateway can pay there.
            NoFunding: when no gateway pays out at all.
            RestoredCopy: when the database is a copy, from which nothing can be sent.
        """
        self._t.gateways.refuse_copy()
        transfer = _checked(action, action.transfer(ctx), ctx)
        gateway, destination = self.decode(
            transfer.destination, transfer.amount.currency, action.gateway
        )
        if destination.amount not in (None, transfer.amount):
            raise InvalidDestination(f"it asks for {destination.amount}")
        if destination.expires_at is not None and destination.expires_at <= ctx.now:
            raise InvalidDestination("it has expired")
        own_id = command_key(ctx.action_id, number, "pay-out")
        payment_id = destination.payment_id or own_id
        planned = e.PayOutPlanned(
            number=number,
            gateway=gateway,
            payment_id=payment_id,
            amount=transfer.amount,
            fee_max=transfer.fee_max,
            until=until,
        )
        return planned, NewPayment(number, gateway, payment_id, transfer.destination)

    def decode(self, text: str, currency: str, wanted: str | None) -> tuple[str, Destination]:
        """What the first gateway that can pay there reads in a text; nobody is asked."""
        reason = ""
        for gateway in self._t.gateways.paying(currency, wanted=wanted):
            decoded = self._t.gateways.decode(gateway, text)
            if isinstance(decoded, Destination):
                return gateway, decoded
            reason = reason or decoded.reason
        raise InvalidDestination(reason) if reason else NoFunding(f"no gateway pays out {currency}")

    def send(self, loaded: Loaded) -> Moved:
        """Record that it is sent, and send it; whoever is slower with the first does neither."""
        now = self._t.clock.now()
        expired, pay_out = advance(loaded.aggregate, now), loaded.aggregate.pay_out
        if expired or pay_out is None:
            return self._record(loaded, expired, "complete")
        profile = self._t.gateways.profile(pay_out.gateway)
        if profile is None:
            return loaded, False
        self._t.gateways.refuse_copy()
        if (found := self.look_back(loaded)) is not None:
            return found
        destination = self.destination(loaded.action_id, pay_out)
        give_up_at = now + timedelta(seconds=profile.pay_out_s)
        intent = e.PayOutRequested(number=pay_out.number, give_up_at=give_up_at)
        loaded = self._t.recorder.record(loaded.action_id, loaded, [intent], "pay_out_intent")
        return self.call(loaded, destination)

    def look_back(self, loaded: Loaded) -> Moved | None:
        """Ask about the earlier payments of an action, right before the next one is sent.

        Returns:
            ``None`` if all of them have certainly not arrived; otherwise where the action stands,
            and the next one must not be sent now.
        """
        for pay_out in earlier_pay_outs(loaded.aggregate.pay_outs):
            answer = self._t.gateways.lookup_payment(pay_out.gateway, pay_out.payment_id)
            events = decide_pay_out(loaded.aggregate, answer, self._t.clock.now())
            if events or not isinstance(answer.lookup, NotFound | PayFailed):
                return self._record(loaded, events, "pay_out_outcome")
        return None

    def call(
        self, loaded: Loaded, destination: str, hold_deadline: HoldDeadline | None = None
    ) -> Moved:
        """Send what was just recorded to be sent: whoever has recorded it calls this, once.

        Args:
            loaded: the action after that.
            destination: where to.
            hold_deadline: when it must be over, if it passes on money that is locked until then.
        """
        pay_out = loaded.aggregate.pay_out
        if pay_out is None or pay_out.give_up_at is None:
            raise AssertionError("a payment is sent that was not asked for")
        command = PayOutCommand(
            key=command_key(loaded.action_id, pay_out.number, "pay-out"),
            destination=destination,
            payment_id=pay_out.payment_id,
            amount=pay_out.amount,
            fee_max=pay_out.fee_max,
            give_up_at=pay_out.give_up_at,
            hold_deadline=hold_deadline,
        )
        outcome = self._t.gateways.pay_out(pay_out.gateway, command)
        answer = self._t.gateways.lookup_payment(pay_out.gateway, pay_out.payment_id)
        events = decide_pay_out(loaded.aggregate, answer, self._t.clock.now(), outcome)
        return self._record(loaded, events, "pay_out_sent")

    def look(self, loaded: Loaded) -> Moved:
        """Ask the gateway what became of it."""
        pay_out = loaded.aggregate.pay_out
        if pay_out is None:
            return loaded, False
        answer = self._t.gateways.lookup_payment(pay_out.gateway, pay_out.payment_id)
        events = decide_pay_out(loaded.aggregate, answer, self._t.clock.now())
        return self._record(loaded, events, "pay_out_outcome")

    def look_at(self, loaded: Loaded, number: int | None) -> Loaded:
        """Ask the gateway about one of the payments, whatever is known of it."""
        pay_outs = loaded.aggregate.pay_outs
        number = len(pay_outs) if number is None else number
        if not 1 <= number <= len(pay_outs):
            raise ActionNotFound
        pay_out = pay_outs[number - 1]
        answer = self._t.gateways.lookup_payment(pay_out.gateway, pay_out.payment_id)
        if isinstance(answer.lookup, Unreachable):
            raise GatewayUnavailable(pay_out.gateway)
        events = decide_pay_out(loaded.aggregate, answer, self._t.clock.now())
        return self._record(loaded, events, "pay_out_outcome")[0]

    def _record(self, loaded: Loaded, events: tuple[e.Event, ...], step: str) -> Moved:
        if not events:
            return loaded, False
        return self._t.recorder.record_or_fall_back(loaded.action_id, loaded, events, step)

    def destination(self, action_id: str, pay_out: PayOut) -> str:
        """Where a payment goes, as the receiver gave it."""
        with self._t.store.reading() as tx:
            row = tx.query("select_payment", action_id=action_id, number=pay_out.number).fetchone()
        if row is None or row["destination"] is None:
            raise AssertionError("a payment that is not over has a destination")
        return row["destination"]


def _checked(action: PaidAction, transfer: Transfer, ctx: Context) -> Transfer:
    amount, fee_max = transfer.amount, transfer.fee_max
    if amount.amount <= 0 or fee_max.amount < 0:
        raise InvalidArguments("a transfer is more than zero, and may not cost less than nothing")
    try:
        balanced = amount + fee_max == ctx.cost
    except CurrencyMismatch:
        balanced = False
    if not balanced:
        raise InvalidArguments(f"{action.kind} costs what it sends and what that may cost")
    return transfer
