"""Arguments that are forgotten in the moment in which an action is paid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from paidflow import Context, Money, PaidAction, PaidFlow, Receipt, State, sats
from paidflow.errors import InvalidConfiguration, Refused
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.payer import invoice_of, pay
from tests.database_search import rows_with
from tests.flow.support import expired, work
from tests.wall import SECRET

SECRET_WORD = "strawberry"


class Whisper(PaidAction):
    """Counts how long what was whispered is, and forgets it."""

    kind = "whisper"
    optimistic = True
    forgotten = frozenset({"word"})
    raises: ClassVar[bool] = False
    heard: ClassVar[list[str | None]] = []

    to: str = "bob"
    word: str | None = None

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def on_paid(self, ctx: Context) -> None:
        if Whisper.raises:
            raise Refused("later")
        Whisper.heard.append(self.word)


@pytest.fixture
def whispers(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    Whisper.raises, Whisper.heard = False, []
    opened = PaidFlow.open(
        store_url,
        actions=[Whisper],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
    )
    yield opened
    opened.close()


def whisper(flow: PaidFlow, word: str = SECRET_WORD) -> Receipt:
    return flow.perform(Whisper(word=word), actor="ann")


def test_paid_by_credits(whispers: PaidFlow) -> None:
    whispers.grant("ann", sats(100), key="start")
    receipt = whisper(whispers)
    assert receipt.state is State.PAID
    assert Whisper.heard == [SECRET_WORD]
    assert rows_with(whispers, SECRET_WORD) == []
    assert whispers.get(receipt.action_id, actor="ann").arguments == {"to": "bob"}


def test_it_is_known_until_it_is_paid(whispers: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = whisper(whispers)
    assert len(rows_with(whispers, SECRET_WORD)) == 1
    pay(whispers, sandbox, receipt)
    assert Whisper.heard == [SECRET_WORD]
    assert rows_with(whispers, SECRET_WORD) == []


def test_tried_again_and_paid(whispers: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(whispers, sandbox, Whisper(word=SECRET_WORD))
    pay(whispers, sandbox, whispers.retry(receipt.action_id, actor="ann"))
    assert Whisper.heard == [SECRET_WORD]
    assert rows_with(whispers, SECRET_WORD) == []


def test_a_backlog(whispers: PaidFlow, sandbox: SandboxGateway) -> None:
    receipts = [whisper(whispers) for _ in range(3)]
    for receipt in receipts:
        sandbox.pay(invoice_of(receipt))
    assert whispers.sync_many("sandbox", [invoice_of(receipt) for receipt in receipts]) == []
    assert Whisper.heard == [SECRET_WORD] * 3
    assert rows_with(whispers, SECRET_WORD) == []


def test_not_before_on_paid_has_run(
    whispers: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    Whisper.raises = True
    receipt = whisper(whispers)
    pay(whispers, sandbox, receipt)
    assert len(rows_with(whispers, SECRET_WORD)) == 1
    Whisper.raises = False
    work(whispers, clock, times=3)
    assert Whisper.heard == [SECRET_WORD]
    assert rows_with(whispers, SECRET_WORD) == []
    assert whispers.get(receipt.action_id, actor="ann").state is State.PAID


def test_the_log_has_no_hash_of_it(whispers: PaidFlow) -> None:
    for word in (SECRET_WORD, "raspberry"):
        whisper(whispers, word)
    with whispers.store.reading() as tx:
        rows = tx.execute(
            "select state from paidflow_log where topic like 'paid-action.requested%'"
        ).fetchall()
    first, second = (bytes(row["state"]) for row in rows)
    assert first == second


def test_twice_with_the_same_key_is_once(whispers: PaidFlow) -> None:
    whispers.grant("ann", sats(100), key="start")
    first = whispers.perform(Whisper(word="a"), actor="ann", idempotency_key="form")
    second = whispers.perform(Whisper(word="b"), actor="ann", idempotency_key="form")
    assert first.action_id == second.action_id
    assert Whisper.heard == ["a"]


@pytest.mark.parametrize("wrong", ["required", "unknown", "default", "no on_paid"])
def test_what_cannot_be_forgotten(wrong: str) -> None:
    class Wrong(PaidAction):
        kind = "wrong"
        forgotten = frozenset({"unknown" if wrong == "unknown" else "word"})
        word: str | None = {"default": "x"}.get(wrong)

        def cost(self, ctx: Context) -> Money:
            return sats(1)

    class Required(Wrong):
        word: str  # pyright: ignore

        def on_paid(self, ctx: Context) -> None: ...

    action = Required if wrong == "required" else Wrong
    with pytest.raises(InvalidConfiguration, match=r"forgets? |is forgotten"):
        PaidFlow.open("sqlite:///:memory:", actions=[action], gateways={}, secret=SECRET)
