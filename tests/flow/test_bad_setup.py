"""What can be wrong with a flow: its configuration, its tables, and a log it cannot read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from paidflow import FailureReason, Money, PaidAction, PaidFlow, State, sats
from paidflow import errors as err
from paidflow.actions.contract import WITHDRAWABLE, Context, Transfer
from paidflow.payments.contract import Capability
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import AttentionReason
from paidflow.testing import ManualClock
from paidflow.worker import Worker
from tests.flow.support import again, attention, book_of, invoice_of, pay, snapshot, sync, work
from tests.wall import NOTES, SECRET, HeldNote, Note, RefundedNote


def _open(url: str, sandbox: SandboxGateway | None, **more: Any) -> PaidFlow:
    settings: dict[str, Any] = {
        "actions": NOTES,
        "gateways": {} if sandbox is None else {"sandbox": sandbox},
        "secret": SECRET,
        "create": True,
    }
    return PaidFlow.open(url, **(settings | more))


class Twin(Note):
    """A note with the kind of another."""

    kind = "note"


class Nameless(PaidAction):
    """No kind."""

    def cost(self, ctx: object) -> Money:
        return sats(1)


class Priceless(PaidAction):
    """No cost."""

    kind = "priceless"


class OddlyFunded(Note):
    """No such purse."""

    kind = "oddly-funded"
    funding = ("gold",)


class Neither(Note):
    """By invoice, but neither before nor after."""

    kind = "neither"
    optimistic = False
    pessimistic = False
    anonymous = False


class HastyStranger(Note):
    """Logged-out people could act without paying."""

    kind = "hasty"
    pessimistic = False


class Newer(Note):
    """Version 2 without a way from version 1."""

    kind = "newer"
    version = 2


@pytest.mark.parametrize(
    ("actions", "kind"),
    [
        ([Note, Twin], err.InvalidConfiguration),
        ([Nameless], err.InvalidConfiguration),
        ([Priceless], err.InvalidConfiguration),
        ([OddlyFunded], err.InvalidConfiguration),
        ([Neither], err.InvalidConfiguration),
        ([HastyStranger], err.InvalidConfiguration),
        ([Newer], err.UpcastMissing),
    ],
)
def test_actions(
    tmp_path: Path, sandbox: SandboxGateway, actions: list[type[PaidAction]], kind: Any
) -> None:
    with pytest.raises(kind):
        _open(f"sqlite:///{tmp_path / 'f.db'}", sandbox, actions=actions)


@pytest.mark.parametrize(
    "secret",
    ["", b"", "too short", {}, {"a.b": b"x" * 16}, {"a": b""}, {"a": "x" * 16}, None, 5],
    ids=repr,
)
def test_secrets(tmp_path: Path, sandbox: SandboxGateway, secret: Any) -> None:
    with pytest.raises(err.InvalidConfiguration):
        _open(f"sqlite:///{tmp_path / 'f.db'}", sandbox, secret=secret)


@pytest.mark.parametrize("url", ["", "wall.db", "mysql://wall", "sqlite:wall.db"])
def test_urls(sandbox: SandboxGateway, url: str) -> None:
    with pytest.raises(err.InvalidConfiguration):
        _open(url, sandbox, create=False)


def test_what_is_no_gateway(tmp_path: Path) -> None:
    with pytest.raises(err.InvalidConfiguration):
        _open(f"sqlite:///{tmp_path / 'f.db'}", None, gateways={"sandbox": object()})


@pytest.mark.empty
def test_tables_are_missing(store_url: str, sandbox: SandboxGateway) -> None:
    with pytest.raises(err.MissingTables, match="create them first"):
        _open(store_url, sandbox, create=False)
    _open(store_url, sandbox).close()
    _open(store_url, sandbox, create=False).close()


def test_another_gateway_account(flow: PaidFlow, store_url: str, tmp_path: Path) -> None:
    other = SandboxGateway(tmp_path / "other.db", sandbox=True, account="live")
    before = snapshot(flow)
    with pytest.raises(err.IdentityMismatch):
        _open(store_url, other)
    assert snapshot(flow) == before


class OffTheMarket(PaidAction):
    """It pays out."""

    kind = "off-the-market"
    funding = (WITHDRAWABLE,)

    def cost(self, ctx: Context) -> Money:
        return sats(1)

    def transfer(self, ctx: Context) -> Transfer:
        return Transfer("sandbox-address:ann", sats(1), sats(0))


class Promising:
    """A gateway that promises more than it has methods for."""

    def __init__(self, bank: SandboxGateway, promised: Capability) -> None:
        self.profile = replace(bank.profile, capabilities=frozenset({promised}))
        for method in ("open", "lookup", "capture", "cancel", "updates", "parse_webhook"):
            setattr(self, method, getattr(bank, method))


def test_without_a_gateway_nothing_is_held(store_url: str) -> None:
    opened = _open(store_url, None)
    before = snapshot(opened)
    with pytest.raises(err.NoFunding):
        opened.perform(HeldNote(text="hm"), actor="ann")
    assert snapshot(opened) == before
    opened.close()


@pytest.mark.parametrize("action", [HeldNote, OffTheMarket, RefundedNote])
def test_no_gateway_that_can_do_what_an_action_needs(
    store_url: str, sandbox: SandboxGateway, action: type[PaidAction]
) -> None:
    """It is refused when the flow is opened, not when somebody asks for the action."""
    able = sandbox.profile.capabilities
    needed = {Capability.HOLD, Capability.PAY_OUT, Capability.REFUND}
    found = []
    for missing in sorted(needed):
        sandbox._profile = replace(sandbox.profile, capabilities=able - {missing})
        with suppress(err.InvalidConfiguration):
            _open(store_url, sandbox, actions=[action]).close()
            found.append(missing)
    needs = {HeldNote: "hold", OffTheMarket: "pay_out", RefundedNote: "refund"}
    assert set(found) == needed - {needs[action]}


def test_the_gateway_of_an_action_is_the_one_that_counts(
    store_url: str, tmp_path: Path, sandbox: SandboxGateway
) -> None:
    plain = SandboxGateway(tmp_path / "b.db", sandbox=True, hold=False)
    gateways = {"plain": plain, "sandbox": sandbox}
    _open(store_url, None, gateways=gateways, actions=[HeldNote]).close()
    picky = type("Picky", (HeldNote,), {"gateway": "plain", "__module__": __name__})
    with pytest.raises(err.InvalidConfiguration, match=r"Picky is paid first, .* can hold"):
        _open(store_url, None, gateways=gateways, actions=[picky])


@pytest.mark.parametrize("promised", [Capability.PAY_OUT, Capability.HOLDINGS, Capability.REFUND])
def test_a_gateway_without_the_methods_of_what_it_promises(
    store_url: str, sandbox: SandboxGateway, promised: Capability
) -> None:
    gateways = {"big": Promising(sandbox, promised)}
    with pytest.raises(err.InvalidConfiguration, match=f"'big' promises {promised}"):
        _open(store_url, None, gateways=gateways, actions=[Note])


class Passing(HeldNote):
    """A kind that a later version of the program no longer knows."""

    kind = "passing"
    told: ClassVar[list[str]] = []


def test_an_unregistered_kind_in_the_log(
    store_url: str, flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    old = _open(store_url, sandbox, actions=[*NOTES, Passing], clock=clock)
    receipt = old.perform(Passing(text="hm"))
    old.close()
    sandbox.pay(invoice_of(receipt))
    work(flow, clock)
    after = again(flow, receipt)
    assert (after.state, after.failure_reason) == (State.FAILED, FailureReason.EXECUTION_FAILED)
    assert book_of(sandbox, receipt).returned == sats(10)
    work(flow, clock)
    assert [a.reason for a in attention(flow)] == [AttentionReason.NOT_REGISTERED]
    known = _open(store_url, sandbox, actions=[*NOTES, Passing], clock=clock)
    known.resolve(receipt.action_id, "retry", operator="eve", why="it is back")
    assert attention(known) == []
    known.close()


def test_an_unregistered_kind_that_is_paid(
    store_url: str, flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    class Fleeting(Note):
        """An optimistic kind that is forgotten."""

        kind = "fleeting"

    old = _open(store_url, sandbox, actions=[*NOTES, Fleeting], clock=clock)
    receipt = old.perform(Fleeting(text="gm"), actor="ann")
    assert pay(flow, sandbox, receipt).completing
    assert [a.reason for a in attention(flow)] == [AttentionReason.NOT_REGISTERED]
    assert sandbox.total_received() == sats(10)
    old.resolve(receipt.action_id, "retry", operator="eve", why="it is back")
    assert again(old, receipt).state is State.PAID
    old.close()


def test_an_unknown_event_in_the_log(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    other = flow.perform(Note(text="gn"), actor="bob")
    with flow.store.transaction("test") as tx:
        tx.query(
            "insert_event",
            action_id=receipt.action_id,
            version=3,
            topic="paid-action.dreamt@1",
            state=b"{}",
            event_id="e",
            command_id="c",
            correlation_id="c",
            now=clock.now(),
        )
    before = snapshot(flow)
    for ask in (flow.get, flow.history, flow.retry, flow.cancel):
        with pytest.raises(err.UnknownEvent, match="dreamt"):
            ask(receipt.action_id, actor="ann")
    with pytest.raises(err.UnknownEvent):
        sync(flow, receipt)
    assert snapshot(flow) == before
    sandbox.pay(invoice_of(receipt))
    sandbox.pay(invoice_of(other))
    clock.tick(700)
    Worker(flow).run_once()
    assert again(flow, other).state is State.PAID
