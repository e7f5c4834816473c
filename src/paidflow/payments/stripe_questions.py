"""What Stripe is asked: calls that change nothing."""

from __future__ import annotations

from functools import partial

import stripe
from pydantic import BaseModel
from stripe.params import EventListParams, RefundListParams

from paidflow.money import Money
from paidflow.payments.contract import Lookup, Unreachable, Updates
from paidflow.payments.http import Failure
from paidflow.payments.stripe_amounts import from_stripe, is_counted
from paidflow.payments.stripe_calls import Refused, as_unreachable, call
from paidflow.payments.stripe_events import EVENT_TYPES, Events, hints_of
from paidflow.payments.stripe_objects import (
    KEY,
    Dispute,
    PaymentIntent,
    Refund,
    Refunds,
    shown,
)

PAGE = 100


class _Found(BaseModel):
    """What a search finds."""

    data: tuple[PaymentIntent, ...]


class _Disputes(BaseModel):
    """The disputes of a payment."""

    data: tuple[Dispute, ...]


class _Part(BaseModel):
    """The money of a balance in one currency."""

    amount: int
    currency: str


class _Balance(BaseModel):
    """The money of an account."""

    available: tuple[_Part, ...]
    pending: tuple[_Part, ...]


class StripeQuestions:
    """Asks about one account.

    Args:
        client: the SDK's client of the account.
    """

    def __init__(self, client: stripe.StripeClient) -> None:
        self._api = client.v1

    def payment(self, invoice_id: str) -> PaymentIntent | Refused | Failure:
        """A payment, with its charge and the first refunds of it."""
        return call(
            lambda: self._api.payment_intents.retrieve(
                invoice_id, {"expand": ["latest_charge.refunds"]}
            ),
            PaymentIntent,
        )

    def made_with(self, key: str) -> PaymentIntent | Failure | None:
        """The payment that was made with a key, however long ago.

        What is less than a minute old may not be found yet (docs.stripe.com/search); then Stripe
        still remembers the key. In some countries there is no search.
        """
        quoted = key.replace("\\", "\\\\").replace("'", "\\'")
        query = f"metadata['{KEY}']:'{quoted}'"
        found = call(lambda: self._api.payment_intents.search({"query": query, "limit": 1}), _Found)
        if isinstance(found, Failure):
            return found
        return found.data[0] if isinstance(found, _Found) and found.data else None

    def shown(self, payment: PaymentIntent) -> Lookup:
        """What a payment shows, with all that has gone back of it."""
        refunds: tuple[Refund, ...] | Refused | Failure = ()
        disputes: tuple[Dispute, ...] | Refused | Failure = ()
        charge = payment.charge
        if payment.status == "succeeded" and charge is not None:
            listed = charge.refunds
            complete = listed is not None and not listed.has_more
            refunds = listed.data if listed and complete else self.refunds(payment.id)
            disputes = self._disputes(payment.id) if charge.disputed else ()
        if isinstance(refunds, Refused | Failure):
            return as_unreachable(refunds)
        if isinstance(disputes, Refused | Failure):
            return as_unreachable(disputes)
        try:
            return shown(payment, refunds, disputes)
        except ValueError as error:
            return Unreachable(str(error))

    def refunds(self, invoice_id: str) -> tuple[Refund, ...] | Refused | Failure:
        """All refunds of a payment, page by page."""
        refunds: tuple[Refund, ...] = ()
        while True:
            page: RefundListParams = {"payment_intent": invoice_id, "limit": PAGE}
            if refunds:
                page["starting_after"] = refunds[-1].id
            told = call(partial(self._api.refunds.list, page), Refunds)
            if not isinstance(told, Refunds):
                return told
            refunds += told.data
            if not told.has_more or not told.data:
                return refunds

    def balance(self) -> tuple[Money, ...] | Unreachable:
        """What the account holds, one amount in each currency that is known here."""
        balance = call(self._api.balance.retrieve, _Balance)
        if not isinstance(balance, _Balance):
            return as_unreachable(balance)
        sums: dict[str, Money] = {}
        try:
            for part in (*balance.available, *balance.pending):
                if not is_counted(part.currency.upper()):
                    continue  # such as a stablecoin
                money = from_stripe(part.amount, part.currency)
                sums[money.currency] = sums.get(money.currency, Money(0, money.currency)) + money
        except ValueError as error:
            return Unreachable(str(error))
        return tuple(sums.values())

    def events(self, cursor: str) -> Updates:
        """A page of events: first from the newest one back to the oldest, then the new ones.

        Args:
            cursor: the newest event that was seen and, while there are older ones to read, the
                oldest. Empty at the beginning, and when Stripe has forgotten the event.
        """
        newest, _, oldest = cursor.partition(" ")
        page: EventListParams = {"limit": PAGE, "types": list(EVENT_TYPES)}
        if oldest:
            page["starting_after"] = oldest
        elif newest:
            page["ending_before"] = newest
        told = call(lambda: self._api.events.list(page), Events)
        if isinstance(told, Refused):
            return Updates((), "")
        if isinstance(told, Failure):
            return Updates((), cursor)
        if not told.data:
            return Updates((), newest)
        more = told.has_more and (oldest or not newest)
        newest = newest if oldest else told.data[0].id
        return Updates(hints_of(told.data), f"{newest} {told.data[-1].id}" if more else newest)

    def _disputes(self, invoice_id: str) -> tuple[Dispute, ...] | Refused | Failure:
        told = call(
            lambda: self._api.disputes.list({"payment_intent": invoice_id, "limit": PAGE}),
            _Disputes,
        )
        return told.data if isinstance(told, _Disputes) else told
