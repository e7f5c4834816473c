"""An audit finds whatever somebody has changed in the tables; on both stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Never

import pytest

from paidflow import Context, Money, PaidFlow, Quote, Worker, purse, sats, withdrawable
from paidflow.operating import audit as audits
from paidflow.operating.audit import Audited, Rule, audit
from paidflow.payments.contract import Capability, Profile, Settled
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import expired, invoice_of, pay
from tests.wall import CarefulNote, HeldNote, Note, open_wall
from tests.zaps import ZAPS, Bill, Earning, HeldZap, Zap, differences, fund, owe

BOB = purse("bob")


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    """A flow with a bit of everything in its ledger."""
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, actions=ZAPS) as opened:
        fund(opened, purse("ann"), 44_300)
        fund(opened, withdrawable("ann"), 2_950)
        opened.perform(Zap(text="from credits"), actor="ann")
        opened.perform(Zap(text="from credits", price_sats=30), actor="ann")
        pay(opened, sandbox, opened.perform(Zap(text="split"), actor="ann"))
        fund(opened, purse("dan"), 4_000)
        opened.perform(HeldZap(text="waits"), actor="dan")
        pay(opened, sandbox, opened.perform(Earning(text="by invoice"), actor="cat"))
        with opened.store.transaction("sweep") as tx:
            tx.sweep(BOB, "BTC", clock.now())
        opened.perform(Zap(text="unswept", price_sats=1), actor="bob")
        pay(opened, sandbox, opened.perform(CarefulNote(text="too much")), sats(12))
        pay(opened, sandbox, expired(opened, sandbox, CarefulNote(text="late")), late=True)
        owe(opened, purse("fay"), 1_000)
        yield opened


def found(flow: PaidFlow) -> list[Audited]:
    return [one for one in audit(flow) if not one.agrees]


def corrupt(flow: PaidFlow, sql: str, *, unchecked: bool = False) -> None:
    """Change the tables as somebody could who owns them."""
    with flow.store.transaction("corrupt") as tx:
        if tx.dialect == "postgres":
            tx.execute("set local session_replication_role = replica")
            if unchecked:
                tx.execute("alter table paidflow_accounts drop constraint paidflow_no_overdraft")
        else:
            tx.execute("drop trigger if exists paidflow_entries_no_update")
            tx.execute("drop trigger if exists paidflow_entries_no_delete")
            tx.execute(f"pragma ignore_check_constraints = {'on' if unchecked else 'off'}")
        changed = tx.execute(sql)
        assert changed.rowcount == 1
        if tx.dialect != "postgres":
            tx.execute("pragma ignore_check_constraints = off")


def test_when_all_is_well(flow: PaidFlow) -> None:
    looked_at = Counter(one.rule for one in audit(flow))
    assert differences(flow) == []
    assert set(looked_at) == set(Rule)
    assert looked_at[Rule.SUM] == looked_at[Rule.HOLDINGS] == 1
    with flow.store.reading() as tx:
        row = tx.execute("select count(*) as total from paidflow_actions").fetchone()
    assert row is not None
    assert looked_at[Rule.UNCLAIMED] == looked_at[Rule.RESERVED] == row["total"] == 8


def test_an_empty_ledger(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> None:
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock) as flow:
        assert list(audit(flow)) == []


@pytest.mark.parametrize("page", [1, 2, 7])
def test_every_page(flow: PaidFlow, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    whole = Counter(audit(flow))
    monkeypatch.setattr(audits, "PAGE", page)
    assert Counter(audit(flow)) == whole


# What is changed, and which rules say so, about which account.
OF_BOB = "where account = 'purse:bob' and currency = 'BTC'"
FIRST_UNSWEPT = (
    "(select source from paidflow_unswept where account = 'pool' order by source limit 1)"
)
CORRUPTIONS: dict[str, tuple[str, dict[Rule, str]]] = {
    "a balance is higher": (
        f"update paidflow_accounts set balance = balance + 1 {OF_BOB}",
        {Rule.BALANCE: BOB},
    ),
    "a balance is lost": (f"delete from paidflow_accounts {OF_BOB}", {Rule.BALANCE: BOB}),
    "a balance is invented": (
        "insert into paidflow_accounts (account, currency, balance) values ('purse:eve', 'BTC', 5)",
        {Rule.BALANCE: "purse:eve"},
    ),
    "a balance in another currency": (
        "insert into paidflow_accounts (account, currency, balance) values ('purse:bob', 'EUR', 5)",
        {Rule.BALANCE: BOB},
    ),
    "what came in is lost": (
        f"delete from paidflow_unswept where account = 'pool' and source = {FIRST_UNSWEPT}",
        {Rule.BALANCE: "pool"},
    ),
    "what came in is more": (
        "update paidflow_unswept set amount = amount + 1"
        f" where account = 'pool' and source = {FIRST_UNSWEPT}",
        {Rule.BALANCE: "pool", Rule.UNSWEPT: "pool"},
    ),
    "what came in has no entry": (
        "insert into paidflow_unswept (account, currency, amount, source, version, line)"
        " values ('purse:eve', 'BTC', 5, 'nowhere', 1, 1)",
        {Rule.BALANCE: "purse:eve", Rule.UNSWEPT: "purse:eve"},
    ),
    "an owner owes": (
        f"update paidflow_accounts set owed = 5 {OF_BOB}",
        {Rule.DEBT: "receivable:purse:bob"},
    ),
    "a debt nobody has": (
        "insert into paidflow_entries"
        " (source, version, line, debit, credit, amount, currency, recorded_at)"
        " values ('x', 1, 1, 'receivable:purse:eve', 'fees', 5, 'BTC', '2030-01-01T00:00:00Z')",
        {Rule.DEBT: "receivable:purse:eve"},
    ),
    "an entry is more": (
        "update paidflow_entries set amount = amount + 1 where credit = 'withdrawable:bob'",
        {
            Rule.BALANCE: "withdrawable:bob",
            Rule.UNSWEPT: "withdrawable:bob",
            Rule.UNCLAIMED: "unclaimed:",
        },
    ),
    "an entry of somebody else": (
        "update paidflow_entries set credit = 'purse:eve' where credit = 'withdrawable:bob'",
        {Rule.BALANCE: "withdrawable:bob purse:eve", Rule.UNSWEPT: "withdrawable:bob"},
    ),
    "a received payment is gone": (
        "delete from paidflow_entries where debit = 'clearing:sandbox' and amount = 12000",
        {Rule.UNCLAIMED: "unclaimed:", Rule.HOLDINGS: "clearing:sandbox"},
    ),
    "reserved money is gone": (
        "delete from paidflow_entries where debit = 'purse:dan'",
        {Rule.BALANCE: "purse:dan", Rule.RESERVED: "reserved:"},
    ),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_was_changed_is_found(flow: PaidFlow, name: str) -> None:
    sql, expected = CORRUPTIONS[name]
    corrupt(flow, sql)
    told = found(flow)
    accounts = {rule: sorted(one.account for one in told if one.rule is rule) for rule in Rule}
    assert {rule for rule, named in accounts.items() if named} == set(expected)
    for rule, named in expected.items():
        wanted = sorted(named.split())
        assert len(accounts[rule]) == len(wanted)
        for account, beginning in zip(accounts[rule], wanted, strict=True):
            assert account.startswith(beginning)


def test_a_purse_below_zero(flow: PaidFlow) -> None:
    """The database refuses it, unless somebody has taken the rule away."""
    corrupt(flow, f"update paidflow_accounts set balance = -1 {OF_BOB}", unchecked=True)
    assert {(one.rule, one.account) for one in found(flow)} == {
        (Rule.BALANCE, BOB),
        (Rule.OVERDRAFT, BOB),
    }


def test_an_action_that_says_something_else(flow: PaidFlow, clock: ManualClock) -> None:
    """A claim that is in the log and not in the ledger."""
    receipt = flow.perform(HeldNote(text="gm"), actor="dan")
    with flow.store.reading() as tx:
        row = tx.query("select_status", action_id=receipt.action_id).fetchone()
    assert row is not None
    told = found(flow)
    assert told == []
    version = row["version"] + 1
    with flow.store.transaction("test") as tx:
        tx.append(
            [
                {
                    "action_id": receipt.action_id,
                    "version": version,
                    "topic": "paid-action.payment-seen@1",
                    "state": b'{"number":1,"gateway":"sandbox",'
                    b'"amount":{"amount":7,"currency":"BTC"}}',
                    "event_id": "e",
                    "command_id": "c",
                    "correlation_id": "c",
                    "now": clock.now(),
                }
            ]
        )
    assert [(one.rule, one.entries.amount) for one in found(flow)] == [(Rule.UNCLAIMED, 0)]


# Money in another currency than the price.


class Sign(Note):
    """A note that costs dollars and is paid in bitcoin."""

    kind = "sign"

    def cost(self, ctx: Context) -> Money:
        return Money(50, "USD")


class Desk:
    """Fifty cents are five hundred satoshis."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def quote(self, cost: Money, currency: str) -> Quote:
        until = self._clock.now() + timedelta(minutes=15)
        return Quote.at("1/100000", cost, currency, source="desk", valid_until=until)


@pytest.fixture
def signs(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    """A flow with money of nobody in it: too much that was paid, and a payment that was late."""
    with open_wall(
        store_url, {"sandbox": sandbox}, clock=clock, actions=[Sign], quotes=Desk(clock)
    ) as opened:
        pay(opened, sandbox, opened.perform(Sign(text="too much")), sats(501))
        receipt = opened.perform(Sign(text="late"))
        sandbox.expire(invoice_of(receipt))
        opened.sync("sandbox", invoice_of(receipt))
        pay(opened, sandbox, receipt, late=True)
        yield opened


def test_money_of_nobody_is_compared_in_its_currency(signs: PaidFlow) -> None:
    assert found(signs) == []
    unclaimed = [one for one in audit(signs) if one.rule is Rule.UNCLAIMED]
    assert Counter(one.entries for one in unclaimed) == {
        Money(0, "USD"): 2,
        sats(1): 1,
        sats(500): 1,
    }


@pytest.mark.parametrize("amount", [501_000, 500_000])
def test_money_of_nobody_in_another_currency_is_gone(signs: PaidFlow, amount: int) -> None:
    came = f"credit like 'unclaimed:%' and amount = {amount}"
    corrupt(signs, f"update paidflow_entries set amount = amount - 7 where {came}")
    assert Counter(one.rule for one in found(signs)) == {Rule.UNCLAIMED: 1, Rule.HOLDINGS: 1}


def test_money_in_a_currency_that_nobody_asked_for(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in no sum of the action's own money, and in the ledger all the same."""
    receipt = flow.perform(Note(text="gm"), actor="dan")
    euros = Money(700, "EUR")
    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "lookup", lambda _: Settled(euros))
        flow.sync("sandbox", invoice_of(receipt))
    (one,) = found(flow)
    assert (one.rule, one.entries) == (Rule.HOLDINGS, euros)
    assert euros in [one.entries for one in audit(flow) if one.rule is Rule.UNCLAIMED]
    corrupt(flow, "update paidflow_entries set amount = 600 where currency = 'EUR'")
    assert {one.rule for one in found(flow)} == {Rule.UNCLAIMED, Rule.HOLDINGS}


def test_a_refund_that_waits_is_compared_in_its_currency(
    signs: PaidFlow, sandbox: SandboxGateway
) -> None:
    receipt = signs.perform(Sign(text="to be given back"), actor="ann")
    pay(signs, sandbox, receipt)
    sandbox.fault("refund", "time_out_before")
    signs.refund(receipt.action_id, sats(100), operator="olga", why="not as described")
    (waits,) = [one for one in audit(signs) if one.rule is Rule.REFUNDING and one.entries.amount]
    assert waits.entries == sats(100)
    assert found(signs) == []


# Money that went back.


@pytest.mark.parametrize("amount", [None, sats(3)])
def test_a_refund_of_what_a_payee_has_spent(
    flow: PaidFlow, sandbox: SandboxGateway, amount: Money | None
) -> None:
    """What he has not any more he owes, and repays from what comes in; all of it fits."""
    receipt = flow.perform(Zap(text="gm", author="gil"), actor="hal")
    pay(flow, sandbox, receipt)
    flow.perform(Bill(text="spent", price_sats=7), actor="gil")
    flow.refund(receipt.action_id, amount, operator="olga", why="not as described")
    Worker(flow).run_until_idle()
    assert found(flow) == []
    debts = {one.account: one.entries for one in audit(flow) if one.rule is Rule.DEBT}
    assert debts["receivable:purse:gil"] > sats(0)
    fund(flow, purse("gil"), 20_000)
    with flow.store.transaction("sweep") as tx:
        tx.sweep(purse("gil"), "BTC", flow.clock.now())
    assert found(flow) == []
    debts = {one.account: one.entries for one in audit(flow) if one.rule is Rule.DEBT}
    assert debts["receivable:purse:gil"] == sats(0)


# Gateways.


def test_a_payment_that_nobody_has_recorded(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Zap(text="gm"), actor="dan")
    sandbox.pay(invoice_of(receipt))
    (one,) = found(flow)
    assert (one.rule, one.account) == (Rule.HOLDINGS, "clearing:sandbox")
    assert one.other is not None
    assert one.other - one.entries == sats(10)
    flow.sync("sandbox", invoice_of(receipt))
    assert found(flow) == []


def test_a_gateway_that_does_not_answer(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    sandbox.outage(True)
    assert [(one.rule, one.account, one.other) for one in found(flow)] == [
        (Rule.HOLDINGS, "clearing:sandbox", None)
    ]


def test_a_gateway_that_is_gone(flow: PaidFlow, clock: ManualClock, store_url: str) -> None:
    other = SandboxGateway(":memory:", sandbox=True, clock=clock)
    with open_wall(store_url, {"other": other}, clock=clock, create=False, actions=ZAPS) as without:
        assert [(one.rule, one.account, one.other) for one in found(without)] == [
            (Rule.HOLDINGS, "clearing:sandbox", None)
        ]


class Taciturn(SandboxGateway):
    """A bank that does not say what it holds: it is asked about each invoice."""

    @property
    def profile(self) -> Profile:
        known = super().profile
        return replace(known, capabilities=known.capabilities - {Capability.HOLDINGS})

    def holdings(self) -> Never:
        raise AssertionError("it cannot say that")


@pytest.mark.parametrize("page", [2, 500])
def test_a_gateway_that_cannot_say_what_it_holds(
    store_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(audits, "PAGE", page)
    bank = Taciturn(":memory:", sandbox=True, clock=clock)
    with open_wall(store_url, {"sandbox": bank}, clock=clock, actions=ZAPS) as flow:
        for actor in ("ann", "bob", "cat"):
            pay(flow, bank, flow.perform(Note(text="gm"), actor=actor))
        pay(flow, bank, expired(flow, bank, Note(text="late")), late=True)
        receipt = flow.perform(Note(text="gm"), actor="dan")
        (held,) = [one for one in audit(flow) if one.rule is Rule.HOLDINGS]
        assert (held.entries, held.other) == (sats(40), sats(40))
        bank.pay(invoice_of(receipt))
        (one,) = found(flow)
        assert (one.rule, one.entries, one.other) == (Rule.HOLDINGS, sats(40), sats(50))
        bank.outage(True)
        (one,) = found(flow)
        assert (one.rule, one.other) == (Rule.HOLDINGS, None)


def test_what_moves_meanwhile_is_looked_at_again(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An action that is paid after its entries were summed up, and before it is loaded."""
    receipt = flow.perform(CarefulNote(text="gm"), actor="dan")
    load, paid = flow.steps.load, []

    def load_late(action_id: str) -> object:
        if action_id == receipt.action_id and not paid:
            paid.append(pay(flow, sandbox, receipt, sats(11)))
        return load(action_id)

    monkeypatch.setattr(audits, "PAGE", 3)
    monkeypatch.setattr(flow.steps, "load", load_late)
    told = list(audit(flow))
    assert len(paid) == 1
    actions = [one for one in told if one.rule in (Rule.UNCLAIMED, Rule.RESERVED)]
    assert [one for one in actions if not one.agrees] == []
    assert len(actions) == len(set(one.account for one in actions))
