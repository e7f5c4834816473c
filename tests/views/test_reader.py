"""Who sees what: real, or mine; and nothing else, whatever is forgotten."""

from __future__ import annotations

import pytest

from paidflow import FailureReason, Money, PaidFlow, State, sats
from paidflow.errors import InvalidArguments
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import AttentionReason
from paidflow.store.visibility import visible, visible_part
from paidflow.testing import ManualClock
from paidflow.views.reader import Reader
from tests.flow.support import expired, invoice_of, pay, work
from tests.wall import CarefulNote, HeldNote, Note, open_wall

WALL = "select text from wall where visible(wall.id) order by text"
VIEWERS = ("ann", "bob", None)


def seen(flow: PaidFlow) -> dict[str | None, list[str]]:
    rows = {viewer: Reader(flow).select(WALL, viewer=viewer) for viewer in VIEWERS}
    return {viewer: [row["text"] for row in found] for viewer, found in rows.items()}


def test_pending_is_for_the_author(flow: PaidFlow) -> None:
    flow.perform(Note(text="gm"), actor="ann")
    assert seen(flow) == {"ann": ["gm"], "bob": [], None: []}


def test_failed_is_for_the_author(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    expired(flow, sandbox, Note(text="gm"))
    assert seen(flow) == {"ann": ["gm"], "bob": [], None: []}


def test_paid_is_for_everybody(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    pay(flow, sandbox, flow.perform(Note(text="gm"), actor="ann"))
    assert seen(flow) == {"ann": ["gm"], "bob": ["gm"], None: ["gm"]}


def test_a_retry_hides_nothing_from_the_author(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = expired(flow, sandbox, Note(text="gm"))
    retried = flow.retry(receipt.action_id, actor="ann")
    assert seen(flow) == {"ann": ["gm"], "bob": [], None: []}
    pay(flow, sandbox, retried)
    assert seen(flow)["bob"] == ["gm"]


def test_what_nobody_owns_is_not_everybodys(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """A logged-out author must not make a row visible to all logged-out people."""
    receipt = flow.perform(HeldNote(text="hm"))
    sandbox.fault("capture", "time_out_before")
    assert pay(flow, sandbox, receipt).state is State.CAPTURING
    assert seen(flow) == {"ann": [], "bob": [], None: []}


def test_a_row_that_no_action_made_is_not_shown(flow: PaidFlow) -> None:
    with flow.store.transaction("test") as tx:
        tx.execute("insert into wall (id, text, undone) values ('1', 'smuggled', 0)")
    assert seen(flow) == {"ann": [], "bob": [], None: []}


def test_the_rule_can_be_negated(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """It is never null, so ``not`` hides exactly what is shown, for logged-out people too."""
    flow.perform(Note(text="gm"), actor="ann")
    pay(flow, sandbox, flow.perform(Note(text="paid"), actor="ann"))
    sql = "select text from wall where not visible(wall.id)"
    assert [r["text"] for r in Reader(flow).select(sql, viewer=None)] == ["gm"]
    assert Reader(flow).select(sql, viewer="ann") == []


def test_aliases_joins_and_own_parameters(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    pay(flow, sandbox, flow.perform(Note(text="a"), actor="ann"))
    flow.perform(Note(text="b"), actor="ann")
    sql = """
        select x.text as one, y.text as other from wall x join wall y on x.id <> y.id
        where visible(x.id) and visible(y.id) and x.text = :text
    """
    assert Reader(flow).select(sql, viewer="bob", text="a") == []
    assert len(Reader(flow).select(sql, viewer="ann", text="a")) == 1


@pytest.mark.parametrize("sql", ["select * from wall", "select * from wall where visible", ""])
def test_a_query_without_the_rule_is_refused(flow: PaidFlow, sql: str) -> None:
    with pytest.raises(InvalidArguments, match="visible"):
        Reader(flow).select(sql, viewer="ann")


@pytest.mark.parametrize(
    "column",
    [
        "",
        " ",
        "a.b.c.d",
        "1",
        "wall.id or true",
        "a;b",
        "a--",
        'a"',
        "a b",
        "visible(a",
        "é",
    ],
)
def test_what_is_no_column_is_refused(flow: PaidFlow, column: str) -> None:
    for rule in (visible, visible_part):
        with pytest.raises(InvalidArguments):
            rule(column)
        with pytest.raises(InvalidArguments):
            Reader(flow).select(f"select * from wall where {rule.__name__}({column})", viewer="ann")


@pytest.mark.parametrize("column", ["wall.id) or (1=1", "a\n", "\n a"])
def test_a_column_is_a_name_and_nothing_else(column: str) -> None:
    for rule in (visible, visible_part):
        with pytest.raises(InvalidArguments):
            rule(column)


def test_failed_payments_and_the_unread_mark(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    reader = Reader(flow)
    first = expired(flow, sandbox, Note(text="a"))
    assert [(f.action_id, f.reason, f.unread) for f in reader.failed("ann")] == [
        (first.action_id, FailureReason.EXPIRED, True)
    ]
    assert reader.failed("bob") == []
    clock.tick(1)
    reader.mark_read("ann")
    assert [f.unread for f in reader.failed("ann")] == [False]
    clock.tick(1)
    second = expired(flow, sandbox, HeldNote(text="b"))
    found = reader.failed("ann")
    assert [(f.kind, f.unread) for f in found] == [("held-note", True), ("note", False)]
    assert found[0].since == clock.now()
    assert len(reader.failed("ann", limit=1)) == 1
    flow.retry(first.action_id, actor="ann")
    assert [f.action_id for f in reader.failed("ann")] == [second.action_id]


def test_what_the_actor_has_cancelled_is_no_news(flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="a"), actor="ann")
    flow.cancel(receipt.action_id, actor="ann")
    assert [f.unread for f in Reader(flow).failed("ann")] == [False]


def test_what_fails_again_is_unread_again(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    reader = Reader(flow)
    receipt = expired(flow, sandbox, Note(text="a"))
    reader.mark_read("ann")
    clock.tick(1)
    retried = flow.retry(receipt.action_id, actor="ann")
    sandbox.expire(invoice_of(retried))
    flow.sync("sandbox", invoice_of(retried))
    assert [f.unread for f in reader.failed("ann")] == [True]


def test_pending_sums(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    reader = Reader(flow)
    assert reader.pending("ann") == []
    first = flow.perform(Note(text="a"), actor="ann")
    flow.perform(Note(text="b", price_sats=7), actor="ann")
    flow.perform(HeldNote(text="c"), actor="ann")  # not performed: nothing is done yet
    flow.perform(Note(text="d"), actor="bob")
    assert reader.pending("ann") == [sats(17)]
    pay(flow, sandbox, first)
    assert reader.pending("ann") == [Money(7000, "BTC")]


def test_attention(flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock) -> None:
    reader = Reader(flow)
    assert reader.attention() == []
    careful = expired(flow, sandbox, CarefulNote(text="a"))
    pay(flow, sandbox, careful, late=True)
    clock.tick(5)
    broken = flow.perform(Note(text="b", raises={"on_paid": -1}), actor="ann")
    pay(flow, sandbox, broken)
    work(flow, clock, times=15, seconds=400)
    found = reader.attention()
    assert [(a.action_id, a.kind, a.state, a.reason) for a in found] == [
        (careful.action_id, "careful-note", State.FAILED, AttentionReason.LATE_PAYMENT),
        (broken.action_id, "note", State.PENDING, AttentionReason.HOOK_FAILS),
    ]
    assert len(reader.attention(limit=1)) == 1


def test_a_list_of_texts(flow: PaidFlow) -> None:
    for text in ("a", "b", "c"):
        flow.perform(Note(text=text, price_sats=0), actor="ann")
    reader = Reader(flow)
    chosen = "select text from wall where text in (:texts) and visible(wall.id) order by text"
    for texts in (["a", "c", "x"], ["c'", ")"], []):
        rows = reader.select(chosen, viewer=None, texts=texts)
        assert [row["text"] for row in rows] == [t for t in texts if t in "ac"]


def test_tables_of_paidflow_under_other_names(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    names = {"prefix": "b_"} if store_url.startswith("sqlite") else {"schema": "till"}
    with open_wall(store_url, {"sandbox": sandbox}, clock=clock, **names) as flow:
        flow.perform(Note(text="gm", price_sats=0), actor="ann")
        place = "b_actions" if "prefix" in names else "till.paidflow_actions"
        for table in ("paidflow_actions", place):
            sql = f"select s.kind from {table} s where visible(s.action_id)"
            assert Reader(flow).select(sql, viewer=None) == [{"kind": "note"}]


def test_sums_need_no_rule_and_lists_fit(flow: PaidFlow) -> None:
    flow.perform(Note(text="gm", price_sats=0), actor="ann")
    sql = "select count(*) as notes from wall where text in (:texts)"
    assert Reader(flow).sums(sql, texts=["gm"]) == [{"notes": 1}]
