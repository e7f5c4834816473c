"""Proves that the books are right: entries, balances, actions and gateways say the same.

Everything is read in pages. All rules but the one about gateways hold at any moment, also while
others write. What a gateway has received and nobody has recorded yet is a difference, so compare
with the gateways first (``reconcile``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import reduce
from itertools import groupby
from operator import itemgetter
from typing import Any

from paidflow.flow.paid_flow import PaidFlow
from paidflow.ledger.accounts import (
    advanced,
    clearing,
    is_spendable,
    receivable,
    refunding,
    reserved,
    unclaimed,
)
from paidflow.money import Money
from paidflow.payments.contract import Capability, ReversalStatus, Settled, Unreachable
from paidflow.states.aggregate import Aggregate
from paidflow.states.amounts import Amounts, added, amount_in
from paidflow.states.events import Mode
from paidflow.states.machine import FINAL, REAL
from paidflow.states.postings import total
from paidflow.states.reversals import refunding as refunds
from paidflow.store.paging import paged

PAGE = 500
LOOKS_MAX = 5
"""How often something is looked at that moves meanwhile."""

_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


class Rule(StrEnum):
    """What must be equal."""

    SUM = "all entries sum up to zero"
    BALANCE = "balance and unswept"
    OVERDRAFT = "not below zero"
    UNSWEPT = "unswept is an entry"
    DEBT = "what the owner owes"
    UNCLAIMED = "unclaimed by the action"
    RESERVED = "reserved for the action"
    ADVANCED = "paid out before the action was paid"
    REFUNDING = "reserved for its refunds"
    HOLDINGS = "what the gateway holds"


@dataclass(frozen=True, slots=True)
class Audited:
    """One thing that was looked at.

    Args:
        rule: what must be equal.
        account: the account; ``*`` for all of them.
        entries: what the entries of the ledger say.
        other: what else says it; ``None`` when a gateway does not answer.
    """

    rule: Rule
    account: str
    entries: Money
    other: Money | None

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return self.entries == self.other


def audit(flow: PaidFlow) -> Iterator[Audited]:
    """Compare the entries of the ledger with everything that has to follow from them.

    Args:
        flow: whose ledger.
    """
    clearings: dict[str, set[str]] = {name: set() for name in flow.gateways}
    yield from _accounts(flow, clearings)
    yield from _unswept(flow)
    yield from _actions(flow)
    yield from _gateways(flow, clearings)


def _accounts(flow: PaidFlow, clearings: dict[str, set[str]]) -> Iterator[Audited]:
    """All accounts by name, and their sum; the currencies of clearing accounts are noted."""
    sums: Counter[str] = Counter()
    first = {"account": "", "currency": ""}
    for row in paged(flow.store, "audit_balances", after=first, limit=PAGE):
        sums[row["currency"]] += row["entries"]
        if row["account"].startswith(clearing("")):
            gateway = row["account"].removeprefix(clearing(""))
            clearings.setdefault(gateway, set()).add(row["currency"])
        yield from _account(row)
    for currency, amount in sorted(sums.items()):
        yield Audited(Rule.SUM, "*", Money(amount, currency), Money(0, currency))


def _account(row: Mapping[str, Any]) -> Iterator[Audited]:
    account, balance, unswept = row["account"], row["balance"], row["unswept"]

    def money(amount: int) -> Money:
        return Money(amount, row["currency"])

    entries = money(row["entries"])
    if is_spendable(account) or balance is not None or unswept is not None:
        kept = (balance or 0) + (unswept or 0)
        yield Audited(Rule.BALANCE, account, entries, money(kept))
        yield Audited(Rule.OVERDRAFT, account, money(min(balance or 0, 0)), money(0))
    if row["owed"]:
        owed = money(row["owed"])
        yield Audited(Rule.DEBT, receivable(account), money(row["receivable"]), owed)
    elif row["debtor_owes"] == 0:  # with a debt it is compared where the debtor is
        yield Audited(Rule.DEBT, account, entries, money(0))


def _unswept(flow: PaidFlow) -> Iterator[Audited]:
    first = {"account": "", "currency": "", "source": "", "version": 0, "line": 0}
    for row in paged(flow.store, "audit_unswept", after=first, limit=PAGE):
        entry, amount = (Money(row[name] or 0, row["currency"]) for name in ("entry", "amount"))
        yield Audited(Rule.UNSWEPT, row["account"], entry, amount)


def _actions(flow: PaidFlow) -> Iterator[Audited]:
    after, looks = "", 0
    while True:
        with flow.store.reading() as tx:
            rows = tx.query("audit_actions", limit=PAGE, after=after).fetchall()
        page = [(of, list(sums)) for of, sums in groupby(rows, itemgetter("action_id", "version"))]
        for (action_id, version), sums in page:
            a = _aggregate(flow, action_id)
            if a.version != version and looks < LOOKS_MAX:
                looks += 1  # it has moved since: look again, at it and at what comes after it
                break
            yield from _action(action_id, a, sums)
            after, looks = action_id, 0
        else:
            if len(page) < PAGE:
                return


def _action(action_id: str, a: Aggregate, sums: Sequence[Mapping[str, Any]]) -> Iterator[Audited]:
    entries = {(row["account"], row["currency"]): row["entries"] for row in sums}
    for rule, account, known in (
        (Rule.UNCLAIMED, unclaimed(action_id), _unclaimed(a)),
        (Rule.RESERVED, reserved(action_id), (Money(_given(a), a.cost.currency),)),
        (Rule.ADVANCED, advanced(action_id), (Money(-_advanced(a), a.cost.currency),)),
        (Rule.REFUNDING, refunding(action_id), refunds(a)),
    ):
        currencies = {a.cost.currency, *(money.currency for money in known)}
        currencies |= {currency for of, currency in entries if of == account}
        for currency in sorted(currencies):
            said = Money(entries.get((account, currency), 0), currency)
            yield Audited(rule, account, said, Money(amount_in(known, currency), currency))


def _unclaimed(a: Aggregate) -> Amounts:
    """What is nobody's yet, in whatever currency it came."""
    foreign = (attempt.foreign for attempt in a.attempts if attempt.foreign is not None)
    return reduce(added, foreign, a.unclaimed)


def _given(a: Aggregate) -> int:
    """What purses have given for an action that is not over, less what was sent of it."""
    given = 0 if a.state in FINAL else total(a.purses)
    if a.mode is not Mode.PAY_OUT:
        return given
    sent = sum(pay_out.arrived + pay_out.fee for pay_out in a.pay_outs if not pay_out.lost)
    return given - min(sent, given)


def _advanced(a: Aggregate) -> int:
    """What a receiver was paid for an action before its own money came in."""
    return 0 if a.state in REAL else a.advanced


def _aggregate(flow: PaidFlow, action_id: str) -> Aggregate:
    loaded = flow.steps.load(action_id)
    if loaded is None:
        raise AssertionError("an action does not vanish")
    return loaded.aggregate


def _gateways(flow: PaidFlow, clearings: Mapping[str, set[str]]) -> Iterator[Audited]:
    """What gateways hold for us; where one cannot say it, what came in."""
    asked = _Asked(flow)
    for gateway, currencies in sorted(clearings.items()):
        known = asked.holdings(gateway)
        for currency in sorted(currencies | set(known or ())):
            came, went = _sides(flow, clearing(gateway), currency)
            entries = Money(came - went if asked.can_say(gateway) else came, currency)
            other = None if known is None else Money(known[currency], currency)
            yield Audited(Rule.HOLDINGS, clearing(gateway), entries, other)


def _sides(flow: PaidFlow, account: str, currency: str) -> tuple[int, int]:
    """What an account has given, and what it has got, in minor units."""
    with flow.store.reading() as tx:
        row = tx.query("sum_account", account=account, currency=currency).fetchone()
    return (0, 0) if row is None else (row["debits"], row["credits"])


class _Asked:
    """What gateways say when they are asked.

    Args:
        flow: whose gateways.
    """

    def __init__(self, flow: PaidFlow) -> None:
        self._flow = flow
        self._received: dict[str, Counter[str] | None] | None = None

    def can_say(self, gateway: str) -> bool:
        """Whether a gateway can say what it holds."""
        profile = self._flow.gateways.profile(gateway)
        return profile is not None and Capability.HOLDINGS in profile.capabilities

    def holdings(self, gateway: str) -> Counter[str] | None:
        """Minor units by currency: what it holds, or else what came in; ``None`` without answer."""
        if not self.can_say(gateway):
            if self._received is None:
                self._received = self._look_up()
            return self._received.get(gateway, Counter())
        held = self._flow.gateways.holdings(gateway)
        if isinstance(held, Unreachable):
            return None
        return Counter({money.currency: money.amount for money in held})

    def _look_up(self) -> dict[str, Counter[str] | None]:
        """Ask every gateway that cannot say what it holds about each of its invoices."""
        received: dict[str, Counter[str] | None] = {}
        for gateway, invoice_id in self._invoices():
            known = received.setdefault(gateway, Counter())
            if known is None or self.can_say(gateway):
                continue
            match self._flow.gateways.lookup(gateway, invoice_id).lookup:
                case Settled(amount, reversals):
                    known[amount.currency] += amount.amount
                    for reversal in reversals:
                        if reversal.status is not ReversalStatus.FAILED:
                            known[amount.currency] -= reversal.amount.amount
                case Unreachable():
                    received[gateway] = None
                case _:
                    pass
        return received

    def _invoices(self) -> Iterator[tuple[str, str]]:
        first, store = {"action_id": "", "number": 0}, self._flow.store
        for row in paged(store, "select_invoices", after=first, limit=PAGE, since=_ALWAYS):
            yield row["gateway"], row["invoice_id"]
