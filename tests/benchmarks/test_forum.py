"""What the generator writes is what the actions of a forum write, and what folding makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import zip_longest
from typing import Any

import psycopg
import pytest

from benchmarks.cases import SHORT
from benchmarks.forum.ids import Moment, MomentGateway
from benchmarks.forum.plan import ACTIONS, BEGAN, PURSE_SATS, Plan, Shape, shape_of
from benchmarks.forum.rows import COLUMNS, GRANT, Rows
from benchmarks.forum.site import Site
from benchmarks.forum.views import write_views
from benchmarks.forum.writing import write_forum
from paidflow import Folding, PaidFlow, sats
from paidflow.forum import projections
from paidflow.keyring import Keyring
from tests.postgres_server import Server
from tests.wall import SECRET
from tests.zaps import differences

SHAPE = Shape(items=200, acts=4, tree=40, actors=31)
EMPTY = {"forum_calls"}
"""Nobody mentions anybody in a generated forum."""

VIEWS = [view for projection in projections() for view in (projection.name, *projection.beside)]


def _open(dsn: str, moment: Moment) -> PaidFlow:
    return PaidFlow.open(
        dsn,
        actions=ACTIONS,
        gateways={"noop": MomentGateway(moment)},
        secret=SECRET,
        create=True,
        clock=moment,
        ids=moment,
    )


def _performed(dsn: str) -> None:
    """The forum as its actions write it."""
    moment = Moment()
    with _open(dsn, moment) as flow:
        for number in range(SHAPE.actors):
            flow.grant(f"actor-{number}", sats(PURSE_SATS), key=GRANT)
        for step in Plan(SHAPE).steps():
            moment.begin(step.number, step.at)
            receipt = flow.perform(step.action, actor=step.actor)
            assert receipt.state == ("PAID" if step.paid else "PENDING")
        _sweep(flow)
        Folding(flow, projections()).run_until_idle()
        assert differences(flow) == []


def _sweep(flow: PaidFlow) -> None:
    with flow.store.transaction("sweep") as tx:
        for row in tx.execute("select distinct account from paidflow_unswept").fetchall():
            tx.sweep(row["account"], "BTC", BEGAN)


def _generated(dsn: str) -> None:
    with _open(dsn, Moment()) as flow:
        write_forum(dsn, SHAPE, Rows(Keyring.of(SECRET).current, "noop"))
        write_views(dsn, flow)
        assert differences(flow) == []


def _tables(dsn: str) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    """Every row of every table, but for where the database is."""
    with psycopg.connect(dsn) as connection:
        names = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p', 'v') and relname <> 'paidflow_home'"
        ).fetchall()
        return {
            name: sorted(
                connection.execute(f'select * from "{name}"'.encode()).fetchall(), key=repr
            )
            for (name,) in names
        }


def _other(ours: Sequence[Any], theirs: Sequence[Any]) -> list[Any]:
    """The first row that is only on one side, with what stands there on the other one."""
    pairs = zip_longest(ours, theirs)
    return next(([our, their] for our, their in pairs if our != their), [])


def test_a_generated_forum_is_the_one_that_its_actions_write(postgres_server: Server) -> None:
    first, second = postgres_server.create_database(), postgres_server.create_database()
    try:
        _performed(first)
        _generated(second)
        performed, generated = _tables(first), _tables(second)
    finally:
        postgres_server.drop_database(first)
        postgres_server.drop_database(second)
    for table in performed:
        assert _other(generated[table], performed[table]) == [], table
    assert len(performed["paidflow_actions"]) == SHAPE.steps == 1_000
    assert all(performed[table] for table in (*COLUMNS, *VIEWS) if table not in EMPTY)


@pytest.mark.soak
def test_the_views_of_a_larger_forum_are_the_folded_ones(postgres_server: Server) -> None:
    written = postgres_server.create_database()
    with closing(Site(written, shape_of(SHORT))) as site:
        site.create()
    folded = postgres_server.create_database(template=written)
    try:
        with closing(Site(written, shape_of(SHORT))) as site:
            site.write_views()
        with closing(Site(folded, shape_of(SHORT))) as site:
            site.fold()
        ours, theirs = _tables(written), _tables(folded)
    finally:
        postgres_server.drop_database(written)
        postgres_server.drop_database(folded)
    for table in theirs:
        assert _other(ours[table], theirs[table]) == [], table
    assert all(theirs[view] for view in VIEWS if view not in EMPTY)
