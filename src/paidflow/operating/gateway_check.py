"""Tries a gateway with the settings that it has: opens tiny invoices and closes them again.

Nobody is shown them and nothing is stored, so it does no harm, also on a live account.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.flow.paid_flow import PaidFlow
from paidflow.money import Money, invoice_unit
from paidflow.operating.health import Finding, Level
from paidflow.payments.contract import (
    CancelCommand,
    Cancelled,
    Capability,
    Declined,
    Expired,
    Lookup,
    Open,
    OpenCommand,
    Opened,
    OpenOutcome,
    Profile,
    Unreachable,
)

DESCRIPTION = "a test of the connection; please do not pay"
EXPIRES_IN_S = 120


def check_gateway(flow: PaidFlow, name: str, amount: Money | None = None) -> Iterator[Finding]:
    """Try one gateway, also if it is in maintenance.

    Args:
        flow: whose gateway it is.
        name: its name.
        amount: of the invoices; by default the smallest that there is in its first currency.

    Returns:
        What each step has shown; those after a failure may be missing.

    Raises:
        InvalidConfiguration: when there is no gateway of this name.
        InvalidArguments: when it does not take this currency.
        RestoredCopy: when the database is a copy that nobody has adopted.
    """
    profile = flow.gateways.profile(name)
    if profile is None:
        raise InvalidConfiguration(f"there is no gateway {name!r}")
    if amount is None:
        currency = min(profile.currencies)
        amount = Money(invoice_unit(currency), currency)
    if amount.currency not in profile.currencies:
        raise InvalidArguments(f"{name} does not take {amount.currency}")
    return _check(flow, name, profile, amount)


def _check(flow: PaidFlow, name: str, profile: Profile, amount: Money) -> Iterator[Finding]:
    able = ", ".join(sorted(profile.capabilities)) or "nothing but invoices"
    takes = ", ".join(sorted(profile.currencies))
    yield Finding("supports", Level.GOOD, f"{able}; takes {takes}; account {profile.account}")
    for hold in (False, True):
        if not hold or Capability.HOLD in profile.capabilities:
            yield from _try_invoice(flow, name, profile, amount, hold)


def _try_invoice(
    flow: PaidFlow, name: str, profile: Profile, amount: Money, hold: bool
) -> Iterator[Finding]:
    what = "hold invoice" if hold else "invoice"
    nonce = flow.ids.new_nonce()
    command = OpenCommand(
        key=f"pf-check-{flow.ids.new_id()}",
        amount=amount,
        hold=hold,
        payment_hash=hashlib.sha256(bytes.fromhex(nonce)).hexdigest() if hold else None,
        description=DESCRIPTION,
        expires_in_s=EXPIRES_IN_S,
    )
    opened = flow.gateways.open(name, command, in_maintenance=True)
    if not isinstance(opened, Opened):
        yield Finding(what, Level.CRITICAL, _not_opened(amount, opened))
        return
    yield Finding(what, Level.GOOD, f"one of {amount} was opened")
    invoice_id = opened.invoice.invoice_id
    shown = flow.gateways.lookup(name, invoice_id).lookup
    yield _shown(what, shown, wanted=(Open,))
    if Capability.CANCEL not in profile.capabilities:
        sentence = "this gateway closes none; it can be paid until it expires, and nobody knows it"
        yield Finding(what, Level.GOOD, sentence)
        return
    cancelled = flow.gateways.cancel(name, CancelCommand(invoice_id, f"{command.key}-cancel"))
    shown = flow.gateways.lookup(name, invoice_id).lookup
    if not isinstance(shown, Cancelled | Expired) and not isinstance(shown, Unreachable):
        reason = getattr(cancelled, "reason", "") or type(cancelled).__name__
        yield Finding(what, Level.CRITICAL, f"it was not closed: {reason}")
        return
    yield _shown(what, shown, wanted=(Cancelled, Expired))


def _not_opened(amount: Money, outcome: OpenOutcome) -> str:
    reason = getattr(outcome, "reason", "") or "no reason was given"
    if isinstance(outcome, Declined):
        return f"the gateway answers, and declines one of {amount}: {reason}"
    return f"it could not be asked for one: {reason}"


def _shown(what: str, shown: Lookup, wanted: tuple[type[Lookup], ...]) -> Finding:
    if isinstance(shown, wanted):
        return Finding(what, Level.GOOD, f"a lookup shows it: {type(shown).__name__.lower()}")
    if isinstance(shown, Unreachable):
        return Finding(what, Level.CRITICAL, f"it cannot be looked up: {shown.reason}")
    told = type(shown).__name__.lower()
    return Finding(what, Level.CRITICAL, f"a lookup shows something else: {told}")
