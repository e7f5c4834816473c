"""What a caller can get wrong: each has its own error with a sentence, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from paidflow import CREDITS, Money, PaidAction, PaidFlow, State, sats
from paidflow import errors as err
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, invoice_of, pay, snapshot, work
from tests.wall import NOTES, SECRET, HeldNote, Note, create_tables

STRONG = "0123456789abcdef012345"


class Odd(Note):
    """A note that costs whatever the test says."""

    kind = "odd"
    anonymous = False
    costs: ClassVar[Any] = None

    def cost(self, ctx: object) -> Money:
        return Odd.costs


class FromPurse(Note):
    """A note that only credits pay for."""

    kind = "from-purse"
    funding = (CREDITS,)
    anonymous = False


class Rude(Note):
    """A note that is never allowed."""

    kind = "rude"

    def validate_request(self, ctx: object) -> None:
        raise err.Refused("not on Sundays")


class Stranger(Note):
    """A note that nobody has registered."""

    kind = "stranger"


class Impostor(Note):
    """A note with the kind of another."""

    kind = "note"


@pytest.fixture
def flow(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Generator[PaidFlow]:
    opened = PaidFlow.open(
        store_url,
        actions=[*NOTES, Odd, FromPurse, Rude],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
        open_invoices_max=3,
    )
    create_tables(opened)
    yield opened
    opened.close()


@contextmanager
def refused(flow: PaidFlow, kind: type[err.PaidflowError]) -> Generator[None]:
    """Exactly this error comes, it says something, and everything stays as it is."""
    before = snapshot(flow)
    with pytest.raises(err.PaidflowError) as caught:
        yield
    assert type(caught.value) is kind
    sentence = (kind.__doc__ or "").strip()
    assert sentence.endswith(".")
    assert str(caught.value).startswith(sentence)
    assert snapshot(flow) == before


BAD_CALLS: dict[str, tuple[type[err.PaidflowError], Callable[[PaidFlow], object]]] = {
    "not registered": (err.UnknownAction, lambda f: f.perform(Stranger(text="x"), actor="ann")),
    "same kind, other class": (
        err.UnknownAction,
        lambda f: f.perform(Impostor(text="x"), actor="ann"),
    ),
    "no action at all": (err.UnknownAction, lambda f: f.perform("note", actor="ann")),  # pyright: ignore
    "nobody": (err.LoginRequired, lambda f: f.perform(Odd(text="x"))),
    "empty actor": (err.InvalidArguments, lambda f: f.perform(Note(text="x"), actor="")),
    "actor is a number": (err.InvalidArguments, lambda f: f.perform(Note(text="x"), actor=5)),  # pyright: ignore
    "actor with NUL": (err.InvalidArguments, lambda f: f.perform(Note(text="x"), actor="a\0")),
    "actor with half a character": (
        err.InvalidArguments,
        lambda f: f.perform(Note(text="x"), actor="a\ud800"),
    ),
    "argument with half a character": (
        err.InvalidArguments,
        lambda f: f.perform(Note(text="x\ud800"), actor="ann"),
    ),
    "empty key": (
        err.InvalidArguments,
        lambda f: f.perform(Note(text="x"), actor="ann", idempotency_key=""),
    ),
    "key is a number": (
        err.InvalidArguments,
        lambda f: f.perform(Note(text="x"), actor="ann", idempotency_key=5),  # pyright: ignore
    ),
    "weak key": (
        err.WeakIdempotencyKey,
        lambda f: f.perform(Note(text="x"), idempotency_key="guess me"),
    ),
    "empty purse": (err.InsufficientFunds, lambda f: f.perform(FromPurse(text="x"), actor="ann")),
    "not allowed": (err.Refused, lambda f: f.perform(Rude(text="x"), actor="ann")),
    "get nothing": (err.ActionNotFound, lambda f: f.get("x", actor="ann")),
    "get a number": (err.ActionNotFound, lambda f: f.get(5, actor="ann")),  # pyright: ignore
    "get NUL": (err.ActionNotFound, lambda f: f.get("a\0", actor="ann")),
    "proof is a number": (err.ActionNotFound, lambda f: f.get("x", proof=5)),  # pyright: ignore
    "retry nothing": (err.ActionNotFound, lambda f: f.retry("x", actor="ann")),
    "cancel nothing": (err.ActionNotFound, lambda f: f.cancel("x", actor="ann")),
    "erase nothing": (err.ActionNotFound, lambda f: f.erase("x")),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_bad_call(flow: PaidFlow, sandbox: SandboxGateway, case: str) -> None:
    kind, call = BAD_CALLS[case]
    with refused(flow, kind):
        call(flow)
    assert sandbox.calls() == []


BAD_COSTS = {
    "negative": (err.NegativeCost, lambda: sats(-1)),
    "a float": (err.InvalidAmount, lambda: 1.5),
    "a whole number": (err.InvalidAmount, lambda: 10),
    "nothing": (err.InvalidAmount, lambda: None),
    "money nobody takes": (err.NoFunding, lambda: Money(500, "EUR")),
}


@pytest.mark.parametrize("case", BAD_COSTS)
def test_a_bad_cost(
    flow: PaidFlow, sandbox: SandboxGateway, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    kind, costs = BAD_COSTS[case]
    monkeypatch.setattr(Odd, "costs", costs())
    with refused(flow, kind):
        flow.perform(Odd(text="x"), actor="ann")
    assert sandbox.calls() == []


@pytest.mark.parametrize("amount", [1.0, "1", None, True, 2**63])
def test_money_is_a_whole_number(amount: Any) -> None:
    with pytest.raises(err.InvalidAmount):
        Money(amount, "BTC")


def test_somebody_elses_action_looks_like_none(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    mine = flow.perform(Note(text="gm"), actor="ann")
    other = flow.perform(Note(text="gm"), actor="bob")
    messages: set[str] = set()
    calls: list[dict[str, Any]] = [
        {"actor": "bob"},
        {"actor": None},
        {"proof": "x"},
        {"proof": other.proof},
        {"proof": (mine.proof or "") + "0"},
        {"proof": "é"},
    ]
    for who in calls:
        for ask in (flow.get, flow.history, flow.retry, flow.cancel):
            for action_id in (mine.action_id, "no such action"):
                with refused(flow, err.ActionNotFound):
                    ask(action_id, **who)
                with pytest.raises(err.ActionNotFound) as caught:
                    ask(action_id, **who)
                messages.add(str(caught.value))
    assert len(messages) == 1


def test_the_same_key_with_other_arguments(flow: PaidFlow) -> None:
    flow.perform(Note(text="gm"), idempotency_key=STRONG)
    with refused(flow, err.IdempotencyMismatch):
        flow.perform(Note(text="gn"), idempotency_key=STRONG)


def test_retry_and_cancel_of_what_is_paid(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    pay(flow, sandbox, receipt)
    with refused(flow, err.NotRetriable):
        flow.retry(receipt.action_id, actor="ann")
    with refused(flow, err.NotCancellable):
        flow.cancel(receipt.action_id, actor="ann")


def test_too_many_open_invoices(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    made = [flow.perform(Note(text="gm"), actor="ann") for _ in range(3)]
    calls = len(sandbox.calls())
    with refused(flow, err.TooManyOpenInvoices):
        flow.perform(Note(text="gm"), actor="ann")
    assert (len(sandbox.books()), len(sandbox.calls())) == (3, calls)
    flow.perform(Note(text="gm"), actor="bob")
    flow.perform(Note(text="free", price_sats=0), actor="ann")
    flow.cancel(made[0].action_id, actor="ann")
    flow.perform(Note(text="gm"), actor="ann")


@pytest.mark.parametrize("note", [Note, HeldNote])
def test_the_gateway_refuses(flow: PaidFlow, sandbox: SandboxGateway, note: type[Note]) -> None:
    sandbox.fault("open", "decline")
    with refused(flow, err.GatewayRefused):
        flow.perform(note(text="gm"), actor="ann")


@pytest.mark.parametrize("fault", ["refuse", "time_out_before", "time_out_after", "raise"])
def test_the_gateway_is_away(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, fault: Any
) -> None:
    sandbox.fault("open", fault)
    with refused(flow, err.GatewayUnavailable):
        flow.perform(HeldNote(text="hm"), actor="ann")
    sandbox.fault("open", fault)
    receipt = flow.perform(Note(text="gm"), actor="ann")
    assert (receipt.state, receipt.performed) == (State.RETRYING, True)
    work(flow, clock)
    after = again(flow, receipt)
    assert after.state is State.PENDING
    assert pay(flow, sandbox, after).state is State.PAID


def test_the_gateway_stays_away(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    sandbox.outage(True)
    with refused(flow, err.GatewayUnavailable):
        flow.perform(HeldNote(text="hm"), actor="ann")
    receipt = flow.perform(Note(text="gm"), actor="ann")
    work(flow, clock, times=8, seconds=10)
    assert again(flow, receipt).state is State.FAILED
    assert issubclass(err.GatewayUnavailable, err.PaidflowError)
    assert err.GatewayUnavailable.retryable


def test_an_unregistered_class_is_no_prepared_action(flow: PaidFlow) -> None:
    with refused(flow, err.UnknownAction):
        flow.prepare(Stranger(text="x"), actor="ann")


def test_invoices_of_others_do_not_count(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    for _ in range(5):
        invoice_of(flow.perform(HeldNote(text="hm")))
    assert len(sandbox.books()) == 5


def test_every_error_has_a_code_and_a_sentence() -> None:
    kinds = [k for k in vars(err).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert len({k.code for k in kinds if issubclass(k, err.PaidflowError)}) == len(kinds)
    assert all((k.__doc__ or "").strip().endswith(".") for k in kinds)
    assert PaidAction.__doc__
