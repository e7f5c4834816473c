"""Adapters that are broken on purpose, and the checks that have to find it, no others."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paidflow.money import Money
from paidflow.payments import contract as c
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing.conformance.faults import FAULTS
from tests.testing.conformance.http_bank import HttpBank
from tests.testing.conformance.sandbox_world import SECRET


class ForgetsKeys(SandboxGateway):
    """Each call opens another invoice, as where a key is not passed on."""

    def open(self, command: c.OpenCommand) -> c.OpenOutcome:
        return super().open(replace(command, key=self._ids.new_id()))


class RoundsUp(SandboxGateway):
    """Asks for whole dozens of satoshis, and says so."""

    def open(self, command: c.OpenCommand) -> c.OpenOutcome:
        number = -(-command.amount.amount // 10_000) * 10_000
        is_odd = 0 < number < 2**62 and command.amount.currency == "BTC"
        amount = Money(number, "BTC") if is_odd else command.amount
        return super().open(replace(command, amount=amount))


class ShowsWhatWasAsked(SandboxGateway):
    """Takes it for granted that payers send what they were asked for."""

    def lookup(self, invoice_id: str) -> c.Lookup:
        answer = super().lookup(invoice_id)
        if isinstance(answer, c.Settled):
            (book,) = (book for book in self.books() if book.invoice_id == invoice_id)
            return replace(answer, amount=book.amount)
        return answer


class ClosesByItself(SandboxGateway):
    """Says that an invoice is closed when it is only not found."""

    def lookup(self, invoice_id: str) -> c.Lookup:
        answer = super().lookup(invoice_id)
        return c.Cancelled() if answer == c.NotFound() else answer


class ReleasesForNothing(SandboxGateway):
    """Hands locked money over without its preimage."""

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        if isinstance(self.lookup(command.invoice_id), c.Held):
            (book,) = (b for b in self.books() if b.invoice_id == command.invoice_id)
            if command.amount <= book.held:
                self.settle_hold(command.invoice_id)
                return c.Accepted()
        return super().capture(command)


class CancelsAnything(SandboxGateway):
    """Says yes to every close, whatever becomes of it."""

    def cancel(self, command: c.CancelCommand) -> c.CommandOutcome:
        super().cancel(command)
        return c.Accepted()


class RefundsAgain(SandboxGateway):
    """Sends money back with each call, as where a key is not passed on."""

    def refund(self, command: c.RefundCommand) -> c.CommandOutcome:
        return super().refund(replace(command, key=self._ids.new_id()))


class PaysTwice(SandboxGateway):
    """Says that it sends what it has sent before."""

    def pay_out(self, command: c.PayOutCommand) -> c.CommandOutcome:
        outcome = super().pay_out(command)
        return c.Accepted() if "before" in getattr(outcome, "reason", "") else outcome


class NeverTooLate(SandboxGateway):
    """Takes a payment whose time is over."""

    def pay_out(self, command: c.PayOutCommand) -> c.CommandOutcome:
        return super().pay_out(replace(command, give_up_at=self._clock.now()))


class TellsOnce(SandboxGateway):
    """Its stream forgets what it has told, whatever the cursor says."""

    told = 0

    def updates(self, cursor: str | None) -> c.Updates:
        page = super().updates(str(self.told))
        self.told = int(page.cursor)
        return page


class BelievesWebhooks(SandboxGateway):
    """Does not look at the signature."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        return super().parse_webhook({"sandbox-signature": self._signature(body)}, body)


class KnowsOneSpelling(SandboxGateway):
    """Finds its header in small letters only."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        found = {name: headers[name] for name in headers if name == "sandbox-signature"}
        return super().parse_webhook(found, body)


class CountsHolds(SandboxGateway):
    """Counts money that is only locked."""

    def holdings(self) -> tuple[Money, ...] | c.Unreachable:
        held = super().holdings()
        if isinstance(held, c.Unreachable) or not held:
            return held
        return (held[0] + self.total_held(),)


class Talks(SandboxGateway):
    """Shows its secret, and logs what releases money."""

    def __repr__(self) -> str:
        return f"Talks({SECRET!r})"

    def capture(self, command: c.CaptureCommand) -> c.CommandOutcome:
        proof = command.preimage.hex() if command.preimage else "nothing"
        logging.getLogger("talks").info("capturing with %s", proof)
        return super().capture(command)


class DeniesHolds(SandboxGateway):
    """Holds money though its profile does not say so."""

    @property
    def profile(self) -> c.Profile:
        able = super().profile
        return replace(able, capabilities=able.capabilities - {c.Capability.HOLD})


class GivesUpTooEarly(HttpBank):
    """Takes a command that was not answered for one that was never sent."""

    def _command(self, name: str, command: object, kinds: tuple[type, ...]) -> Any:
        outcome = super()._command(name, command, kinds)
        return c.NotSent(outcome.reason) if isinstance(outcome, c.Unknown) else outcome


class TakesSilenceForNo(HttpBank):
    """Takes a question that was not answered for the answer that there is nothing."""

    def _ask(self, name: str, params: Mapping[str, str], kinds: tuple[type, ...]) -> Any:
        answer = super()._ask(name, params, kinds)
        return c.NotFound() if isinstance(answer, c.Unreachable) else answer


class RaisesOnNonsense(HttpBank):
    """Expects that whoever answers makes sense."""

    def _command(self, name: str, command: object, kinds: tuple[type, ...]) -> Any:
        outcome = super()._command(name, command, kinds)
        if "understands" in getattr(outcome, "reason", ""):
            raise ValueError("nonsense")
        return outcome


@dataclass(frozen=True, slots=True)
class Broken:
    """An adapter, and the checks that it fails.

    Args:
        adapter: its class.
        fails: checks by name; with brackets if some of the ways to try them pass.
        may_fail: checks that fail or pass, as one thread or another is the first.
    """

    adapter: type
    fails: frozenset[str]
    may_fail: frozenset[str] = frozenset()


def _broken(adapter: type, *fails: str, may_fail: Sequence[str] = ()) -> tuple[str, Broken]:
    named, perhaps = ({f"test_{check}" for check in some} for some in (fails, may_fail))
    return adapter.__name__, Broken(adapter, frozenset(named), frozenset(perhaps))


NONSENSE = (
    *("a list", "a number", "a page", "a text", "an empty object", "compressed nonsense", "deep"),
    *("echo", "empty body", "long number", "not UTF-8", "null"),
)
PERHAPS_DONE = [name for name, fault in FAULTS.items() if fault.opened == (c.Unknown,)]
NO_ANSWER = [name for name, fault in FAULTS.items() if c.NotFound not in fault.lookups]

BROKEN: Mapping[str, Broken] = dict(
    (
        _broken(
            ForgetsKeys,
            "open_same_key_same_invoice",
            "open_same_key_same_hold",
            "open_same_key_other_amount",
            "open_one_key_in_many_threads",
        ),
        _broken(
            RoundsUp,
            "open_amount_exactly[1-3]",
            "open_amount_exactly[999-1000]",
            "pay_odd_amount",
        ),
        _broken(ShowsWhatWasAsked, "pay_other_amount"),
        _broken(ClosesByItself, "lookup_unknown_id", "lookup_id_that_is_none"),
        _broken(ReleasesForNothing, "capture_wrong_preimage"),
        _broken(
            CancelsAnything,
            "cancel_settled",
            "cancel_captured",
            "cancel_payment_on_its_way",
            "cancel_unknown_id",
            may_fail=["capture_against_cancel"],
        ),
        _broken(
            RefundsAgain,
            "refund_all",
            "refund_in_parts",
            "refund_same_key",
            "refund_one_key_in_many_threads",
        ),
        _broken(
            PaysTwice,
            "pay_out_twice",
            "pay_out_in_many_threads",
            "pay_out_again_after_a_failure",
        ),
        _broken(NeverTooLate, "pay_out_too_late"),
        _broken(TellsOnce, "updates_repeat", "updates_resume", "updates_in_many_threads"),
        _broken(
            BelievesWebhooks,
            "webhook_without_signature",
            "webhook_signature_of_another",
            "webhook_signature_changed",
            "webhook_body_changed",
            "webhook_any_signature",
        ),
        _broken(
            KnowsOneSpelling,
            *(f"webhook_header_names[{case}]" for case in ("capitals", "titles", "mixed")),
        ),
        _broken(CountsHolds, "holdings_without_holds"),
        _broken(Talks, "secrets_not_in_repr", "secrets_preimage_not_logged"),
        _broken(DeniesHolds, "promise_hold"),
        _broken(GivesUpTooEarly, *(f"command_when[{name}]" for name in PERHAPS_DONE)),
        _broken(TakesSilenceForNo, *(f"lookup_when[{name}]" for name in NO_ANSWER)),
        _broken(RaisesOnNonsense, *(f"command_when[{name}]" for name in NONSENSE)),
    )
)
