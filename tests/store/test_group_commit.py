"""Threads that write at the same moment share a transaction, and each gets its own answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paidflow import INVOICE, Context, Money, PaidAction, PaidFlow, Row, State, sats
from paidflow.errors import ClaimTaken, Conflict, InvalidConfiguration
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states import events as e
from paidflow.store.group_commit import MEMBERS_MAX, GroupCommit
from paidflow.store.opening import open_store
from paidflow.store.postgres import PostgresStore
from tests.wall import SECRET

WAIT_S = 60


class Post(PaidAction):
    """A post whose text may be there once."""

    kind = "post"
    funding = (INVOICE,)
    optimistic = True
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def row(self, ctx: Context) -> Row:
        return Row("posts", {"id": ctx.action_id, "text": self.text})


@pytest.fixture
def sizes() -> list[int]:
    return []


@pytest.fixture
def flow(
    postgres_dsn: str,
    sandbox: SandboxGateway,
    sizes: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PaidFlow]:
    alone = PostgresStore._write_alone

    def counted(store: PostgresStore, writes: Sequence[Any]) -> Any:
        sizes.append(len(writes))
        return alone(store, writes)

    monkeypatch.setattr(PostgresStore, "_write_alone", counted)
    flow = PaidFlow.open(
        postgres_dsn,
        actions=[Post],
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        group_commit=True,
    )
    with flow.transaction() as tx:
        tx.execute("create table posts (id text primary key, text text unique)")
    yield flow
    flow.close()


def test_they_share_a_transaction(flow: PaidFlow, sizes: list[int]) -> None:
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda n: flow.perform(Post(text=str(n)), actor="ann"), range(90)))
    assert {receipt.state for receipt in made} == {State.PENDING}
    assert sum(sizes) == 90
    assert max(sizes) > 1
    for receipt in made:
        assert flow.get(receipt.action_id, actor="ann").state is State.PENDING


def test_who_cannot_be_stored_stops_nobody(flow: PaidFlow, sizes: list[int]) -> None:
    """Of all who write the same text one is stored; those with a text of their own all are."""

    def write(n: int) -> str:
        try:
            flow.perform(Post(text="same" if n % 3 == 0 else str(n)), actor="ann")
        except Exception as error:
            return type(error).__name__
        return "stored"

    with ThreadPoolExecutor(12) as pool:
        told = Counter(pool.map(write, range(90)))
    assert told == {"stored": 61, "UniqueViolation": 29}
    assert max(sizes) > 1


def test_the_same_action_twice_in_a_group(flow: PaidFlow) -> None:
    """One of two steps from the same version is stored, the other one is a conflict."""
    receipt = flow.perform(Post(text="x"), actor="ann")
    loaded = flow.steps.load(receipt.action_id)
    assert loaded is not None
    seen = e.PaymentSeen(number=1, gateway="sandbox", amount=sats(1))

    def record(_: int) -> str:
        try:
            flow.steps.tools.recorder.record(receipt.action_id, loaded, [seen], "answer")
        except Conflict:
            return "conflict"
        return "stored"

    with ThreadPoolExecutor(12) as pool:
        assert Counter(pool.map(record, range(24))) == {"stored": 1, "conflict": 23}


def test_it_is_for_postgresql() -> None:
    with pytest.raises(InvalidConfiguration, match="PostgreSQL"):
        open_store("sqlite:///:memory:", group_commit=True)
    with pytest.raises(InvalidConfiguration, match="at least 1"):
        open_store("postgresql:///paidflow", connections_max=0)


class Slow:
    """Writes when it is told to, and remembers what came together."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.go = threading.Semaphore(0)
        self.groups: list[list[Any]] = []
        self._raises = raises

    def write(self, writes: Sequence[Any]) -> Exception | None:
        self.groups.append(list(writes))
        assert self.go.acquire(timeout=WAIT_S)
        if self._raises and "bad" in writes:
            raise self._raises
        return None


def gathered(slow: Slow, names: Sequence[str]) -> list[Any]:
    """Write one, and while it is on its way all others."""
    group = GroupCommit(slow.write)  # pyright: ignore[reportArgumentType]
    with ThreadPoolExecutor(len(names)) as pool:
        told = [pool.submit(group.write, [names[0]])]  # pyright: ignore
        _until(lambda: len(slow.groups) == 1)
        told += [pool.submit(group.write, [name]) for name in names[1:]]  # pyright: ignore
        _until(lambda: len(group._waiting) == len(names) - 1)
        for _ in range(3 * len(names)):
            slow.go.release()
        return [one.exception(WAIT_S) for one in told]


def _until(true: Any) -> None:
    pause = threading.Event()
    for _ in range(WAIT_S * 100):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("it never happens")


def test_nobody_waits_for_company() -> None:
    slow = Slow()
    slow.go.release()
    assert GroupCommit(slow.write).write(["alone"]) is None  # pyright: ignore
    assert slow.groups == [["alone"]]


def test_what_comes_meanwhile_goes_together() -> None:
    slow = Slow()
    assert gathered(slow, ["first", "b", "c", "d"]) == [None] * 4
    assert slow.groups[0] == ["first"]
    assert sorted(slow.groups[1]) == ["b", "c", "d"]
    assert len(slow.groups) == 2


def test_a_group_is_not_too_large() -> None:
    slow = Slow()
    names = [str(n) for n in range(MEMBERS_MAX * 2)]
    assert gathered(slow, names) == [None] * len(names)
    assert [len(group) for group in slow.groups] == [1, MEMBERS_MAX, MEMBERS_MAX - 1]


def test_only_the_culprit_hears_the_error() -> None:
    slow = Slow(ClaimTaken("bad"))
    told = gathered(slow, ["first", "b", "bad", "d"])
    assert [type(error) for error in told] == [type(None), type(None), ClaimTaken, type(None)]
    assert sorted(group[0] for group in slow.groups[2:]) == ["b", "bad", "d"]
