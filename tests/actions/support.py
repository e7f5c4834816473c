"""What the tests of actions do again and again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from paidflow import Money, PaidAction, sats
from paidflow.errors import InvalidField
from paidflow.forum import add_upload
from tests.forum import Forum

TERRITORY = """
    insert into forum_territories (name, owner, description, base_cost_msats, reply_cost_msats,
        post_kinds, free_posts, billing, billing_cost_msats, status, billed_at, created_at)
    values (:name, 'dave', 'about it', :base_cost_msats, :reply_cost_msats, :post_kinds,
        :free_posts, 'once', 1, :status, :now, :now)
"""


def add_territory(
    forum: Forum,
    name: str = "tea",
    *,
    base_cost_sats: int = 10,
    reply_cost_sats: int | None = None,
    post_kinds: str = "link discussion poll bounty job",
    free_posts: bool = False,
    status: str = "active",
) -> str:
    """A territory of dave; returns its name."""
    with forum.flow.transaction() as tx:
        tx.execute(
            TERRITORY,
            name=name,
            base_cost_msats=base_cost_sats * 1000,
            reply_cost_msats=None if reply_cost_sats is None else reply_cost_sats * 1000,
            post_kinds=post_kinds,
            free_posts=free_posts,
            status=status,
            now=forum.clock.now(),
        )
    return name


def file_of(forum: Forum, actor: str | None, mebibytes: int) -> str:
    """A file that somebody has stored."""
    return add_upload(forum.flow, actor=actor, size_bytes=mebibytes * 2**20)


def cost_of(forum: Forum, action: PaidAction, actor: str | None = "ann") -> Money:
    """What an action would cost, all in all."""
    prepared = forum.flow.prepare(action, actor=actor)
    forum.flow.discard(prepared)
    return prepared.cost


def rows(forum: Forum, sql: str, **params: object) -> list[tuple[object, ...]]:
    """What a query finds, each row as a tuple."""
    with forum.flow.store.reading() as tx:
        return [tuple(row.values()) for row in tx.execute(sql, **params).fetchall()]


def costs_sats(forum: Forum, *actions: PaidAction, actor: str | None = "ann") -> list[int]:
    """What each costs while they are paid one after the other, a minute apart."""
    costs: list[int] = []
    for action in actions:
        cost = forum.paid(action, actor).cost
        assert cost == sats(cost.amount // 1000)
        costs.append(cost.amount // 1000)
        forum.clock.tick(60)
    return costs


@contextmanager
def refused(field: str, why: str = "", *, case: str = "") -> Generator[None]:
    """What is inside is refused because of this field, and the error says why."""
    raised: InvalidField | None = None
    try:
        yield
    except InvalidField as error:
        raised = error
    assert raised is not None, f"not refused: {case}"
    assert raised.field == field, case
    assert why in str(raised), case
