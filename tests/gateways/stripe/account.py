"""An account at Stripe: payments live in localstripe, and here is what it lacks.

localstripe has no holds that can be read, no disputes, no refunds on their way, no `processing` and
no search, it captures what was cancelled and refunds more than there is. What real Stripe shows and
refuses is written down in docs.stripe.com, API version 2026-10-28.endive.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx

from paidflow.clock import Clock
from tests.gateways.stripe.objects import Json, Payment, Refusal, gone, page, said

SECRET_KEY = "sk_test_only_for_tests"
PUBLISHABLE_KEY = "pk_test_only_for_tests"
SCRIPT = Path(__file__).with_name("stripe.js")
CAPTURABLE = timedelta(days=7)
PAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


class Account:
    """An account.

    Args:
        url: where localstripe is.
        clock: where the time comes from.

    Attributes:
        on_event: called with each event.
        slow_refunds: whether refunds are on their way until ``finish_refund``.
        says_until_when: whether charges say until when they can be captured.
        lets_go_by_refund: whether what a partial capture lets go of is listed as a refund.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._local = httpx.Client(base_url=url, auth=(SECRET_KEY, ""), trust_env=False)
        self._clock = clock
        self._numbers = itertools.count(1)
        self.payments: dict[str, Payment] = {}
        self.events: list[Json] = []
        self.on_event: Callable[[Json], None] = lambda event: None
        self.slow_refunds = False
        self.says_until_when = True
        self.lets_go_by_refund = False

    def close(self) -> None:
        """Let go of connections."""
        self._local.close()

    # What the application calls.

    def create(self, form: Json) -> Json:
        """Create a payment."""
        if "payment_method_types" in form:
            raise Refusal(400, "payment_method_types_no_longer_supported")
        amount, currency = form.get("amount", ""), form.get("currency", "")
        if not amount.isascii() or not amount.isdigit() or not 0 < int(amount) < 10**8:
            raise Refusal(400, "parameter_invalid_integer")
        if currency in ("bhd", "jod", "kwd", "omr", "tnd") and int(amount) % 10:
            raise Refusal(400, "invalid_charge_amount")
        if currency in ("isk", "ugx") and int(amount) % 100:
            raise Refusal(400, "invalid_charge_amount_no_decimal_compatible")
        sent = {"amount": amount, "currency": currency, "capture_method": form["capture_method"]}
        made = self._post("/v1/payment_intents", sent)
        self.payments[made["id"]] = Payment(
            created_s=self._now_s,
            hold=form["capture_method"] == "manual",
            metadata=form.get("metadata", {}),
            description=form.get("description"),
        )
        return self.payment(made["id"])

    def payment(self, payment_id: str, *, whole: bool = False) -> Json:
        """A payment as Stripe shows it.

        Args:
            payment_id: which one.
            whole: with its charge and the refunds of it.
        """
        known = self._known(payment_id)
        found = self._get(f"/v1/payment_intents/{payment_id}")
        status = "processing" if known.processing else found["status"]
        held = status == "requires_capture"
        charge = self._charge(payment_id, found, known) if found["latest_charge"] else None
        return {
            "id": payment_id,
            "object": "payment_intent",
            "amount": found["amount"],
            "amount_capturable": found["amount"] if held else 0,
            "amount_received": known.received,
            "cancellation_reason": known.cancellation_reason,
            "capture_method": found["capture_method"],
            "client_secret": found["client_secret"],
            "created": known.created_s,
            "currency": found["currency"],
            "description": known.description,
            "last_payment_error": found["last_payment_error"],
            "latest_charge": charge if whole or charge is None else charge["id"],
            "livemode": False,
            "metadata": known.metadata,
            "next_action": found["next_action"],
            "status": status,
        }

    def search(self, query: str) -> list[Json]:
        """The payments with a value in their metadata; the only query that is understood."""
        name, _, value = query.removeprefix("metadata['").partition("']:'")
        value = value.removesuffix("'").replace("\\'", "'").replace("\\\\", "\\")
        found = [key for key, known in self.payments.items() if known.metadata.get(name) == value]
        return [self.payment(payment_id) for payment_id in found]

    def capture(self, payment_id: str, form: Json) -> Json:
        """Take locked money."""
        payment = self._in(payment_id, "requires_capture")
        amount = int(form.get("amount_to_capture", payment["amount"]))
        if not 0 < amount <= payment["amount"]:
            raise Refusal(400, "amount_too_large")
        known = self._known(payment_id)
        self._post(f"/v1/payment_intents/{payment_id}/capture", {"amount_to_capture": amount})
        known.received = amount
        if amount < payment["amount"] and self.lets_go_by_refund:
            rest = payment["amount"] - amount
            known.refunds.append(self._refund(payment_id, rest, "succeeded", moved=False))
        self._tell("payment_intent.succeeded", payment_id)
        return self.payment(payment_id)

    def cancel(self, payment_id: str, form: Json) -> Json:
        """Close a payment."""
        self._in(payment_id, *PAYABLE, "requires_capture")
        self._post(f"/v1/payment_intents/{payment_id}/cancel", {})
        self._known(payment_id).cancellation_reason = form.get("cancellation_reason")
        self._tell("payment_intent.canceled", payment_id)
        return self.payment(payment_id)

    def refund(self, form: Json) -> Json:
        """Send money back."""
        payment_id, amount = form["payment_intent"], int(form["amount"])
        self._in(payment_id, "succeeded")
        known = self._known(payment_id)
        if not 0 < amount <= known.received - gone(known):
            code = "charge_already_refunded" if gone(known) else "amount_too_large"
            raise Refusal(400, code)
        made = self._post("/v1/refunds", {"payment_intent": payment_id, "amount": amount})
        status = "pending" if self.slow_refunds else "succeeded"
        refund = self._refund(payment_id, amount, status) | {"id": made["id"]}
        refund["metadata"] = form.get("metadata", {})
        known.refunds.append(refund)
        self._tell("refund.created", refund)
        return refund

    def refunds(self, payment_id: str) -> list[Json]:
        """The refunds of a payment, the newest first."""
        return self._known(payment_id).refunds[::-1]

    def disputes(self, payment_id: str) -> list[Json]:
        """The disputes of a payment, the newest first."""
        return self._known(payment_id).disputes[::-1]

    def balance(self) -> Json:
        """All that came in, less what went back; nothing is paid out."""
        sums: dict[str, int] = {}
        for payment_id, known in self.payments.items():
            currency = self.payment(payment_id)["currency"]
            disputed = sum(each["amount"] for each in known.disputes if each["status"] != "won")
            left = known.received - gone(known) - disputed
            sums[currency] = sums.get(currency, 0) + left
        parts = [{"amount": amount, "currency": currency} for currency, amount in sums.items()]
        nothing = [part | {"amount": 0} for part in parts]
        return {"object": "balance", "available": nothing, "pending": parts, "livemode": False}

    # What the payer does, in a browser.

    def script(self) -> bytes:
        """Stripe's script for browsers."""
        theirs = self._local.get("/js.stripe.com/v3/")
        return theirs.content + SCRIPT.read_bytes()

    def payment_method(self, form: Json) -> Json:
        """A card."""
        card = {f"card[{name}]": value for name, value in form["card"].items()}
        return self._post("/v1/payment_methods", {"type": "card", **card})

    def confirm(self, payment_id: str, form: Json) -> Json:
        """Pay with a payment method; who has the client secret may."""
        payment = self._in(payment_id, "requires_payment_method", "requires_confirmation")
        if form.get("client_secret") != payment["client_secret"]:
            raise Refusal(400, "payment_intent_invalid_parameter")
        known = self._known(payment_id)
        # localstripe takes a second card only if it forgets that the first one was declined.
        new = {"payment_method": form["payment_method"], "latest_charge": None}
        _read(self._local.post(f"/v1/payment_intents/{payment_id}", json=new))
        if form.get("slow") == "true":  # a bank that says later whether it pays
            known.processing = True
            self._tell("payment_intent.processing", payment_id)
            return self.payment(payment_id)
        return self._confirmed(payment_id)

    def authenticate(self, payment_id: str, form: Json) -> Json:
        """Finish 3-D Secure, well or not."""
        self._in(payment_id, "requires_action")
        sent = {"client_secret": form["client_secret"], "success": form["success"]}
        return self._charged(payment_id, f"/v1/payment_intents/{payment_id}/_authenticate", sent)

    # What banks and people in the dashboard do.

    def arrive(self, payment_id: str) -> None:
        """Let a payment on its way arrive."""
        self._known(payment_id).processing = False
        self._confirmed(payment_id)

    def bounce(self, payment_id: str) -> None:
        """Let a payment on its way fail."""
        known = self._known(payment_id)
        known.processing = False
        self._tell("payment_intent.payment_failed", payment_id)

    def lapse(self, payment_id: str) -> None:
        """Let a hold end, as Stripe does when nobody has captured it in time."""
        self.cancel(payment_id, {"cancellation_reason": "automatic"})

    def finish_refund(self, payment_id: str, status: str) -> None:
        """Let the newest refund arrive (``succeeded``) or come back (``failed``)."""
        refund = self._known(payment_id).refunds[-1]
        refund["status"] = status
        self._tell("refund.failed" if status == "failed" else "refund.updated", refund)

    def dispute(self, payment_id: str, status: str, amount: int | None = None) -> Json:
        """Contest a payment, or decide the newest dispute of it."""
        known = self._known(payment_id)
        if known.disputes and known.disputes[-1]["status"] not in ("won", "lost"):
            dispute = known.disputes[-1] | {"status": status}
            known.disputes[-1] = dispute
        else:
            payment = self._in(payment_id, "succeeded")
            dispute = {
                "id": f"du_{next(self._numbers)}",
                "object": "dispute",
                "amount": known.received if amount is None else amount,
                "currency": payment["currency"],
                "payment_intent": payment_id,
                "status": status,
            }
            known.disputes.append(dispute)
        self._tell(f"charge.dispute.{said(status)}", dispute)
        return dispute

    # The rest.

    @property
    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())

    def _known(self, payment_id: str) -> Payment:
        if payment_id not in self.payments:
            raise Refusal(404, "resource_missing", param="intent")
        return self.payments[payment_id]

    def _in(self, payment_id: str, *statuses: str) -> Json:
        payment = self.payment(payment_id)
        if payment["status"] not in statuses:
            raise Refusal(400, "payment_intent_unexpected_state", payment_intent=payment)
        return payment

    def _confirmed(self, payment_id: str) -> Json:
        return self._charged(payment_id, f"/v1/payment_intents/{payment_id}/confirm", {})

    def _charged(self, payment_id: str, path: str, form: Json) -> Json:
        known = self._known(payment_id)
        known.charged_at_s = self._now_s
        try:
            self._post(path, form)
        except Refusal as refusal:
            if refusal.status == 402:
                self._tell("payment_intent.payment_failed", payment_id)
            raise
        payment = self.payment(payment_id)
        said = {
            "requires_action": "requires_action",
            "requires_capture": "amount_capturable_updated",
            "succeeded": "succeeded",
        }.get(payment["status"], "payment_failed")
        if payment["status"] == "succeeded":
            known.received = payment["amount"]
        self._tell(f"payment_intent.{said}", payment_id)
        return self.payment(payment_id)

    def _charge(self, payment_id: str, found: Json, known: Payment) -> Json:
        card = {"brand": "visa"}
        if known.hold and self.says_until_when:
            card["capture_before"] = known.charged_at_s + int(CAPTURABLE.total_seconds())
        refunds = self.refunds(payment_id)
        return {
            "id": found["latest_charge"]["id"],
            "object": "charge",
            "amount": found["amount"],
            "amount_captured": known.received,
            "amount_refunded": gone(known),
            "captured": bool(known.received),
            "created": known.charged_at_s,
            "currency": found["currency"],
            "disputed": bool(known.disputes),
            "payment_intent": payment_id,
            "payment_method_details": {"card": card, "type": "card"},
            "refunds": page(refunds, {}),
        }

    def _refund(self, payment_id: str, amount: int, status: str, *, moved: bool = True) -> Json:
        number = next(self._numbers)
        return {
            "id": f"re_{number}",
            "object": "refund",
            "amount": amount,
            "balance_transaction": f"txn_{number}" if moved else None,
            "created": self._now_s,
            "currency": self.payment(payment_id)["currency"],
            "metadata": {},
            "payment_intent": payment_id,
            "status": status,
        }

    def _tell(self, kind: str, about: str | Json) -> None:
        thing = self.payment(about) if isinstance(about, str) else dict(about)
        event = {
            "id": f"evt_{next(self._numbers)}",
            "object": "event",
            "created": self._now_s,
            "data": {"object": thing},
            "livemode": False,
            "type": kind,
        }
        self.events.append(event)
        self.on_event(event)

    def _get(self, path: str) -> Json:
        return _read(self._local.get(path))

    def _post(self, path: str, form: Json) -> Json:
        return _read(self._local.post(path, data=form))


def _read(answer: httpx.Response) -> Json:
    if answer.is_success:
        return answer.json()
    if answer.status_code == 402:
        why = answer.json()["error"]["message"]
        raise Refusal(402, "card_declined", kind="card_error", message=why)
    raise AssertionError(f"localstripe answered {answer.status_code}: {answer.text}")
