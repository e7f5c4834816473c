"""On PostgreSQL the database itself keeps the rule, for queries that forget it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paidflow import PaidFlow, Reader
from paidflow.errors import InvalidConfiguration
from paidflow.forum import (
    PROTECTED,
    READ,
    Discussion,
    Territories,
    TerritoryCreate,
    projections,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.store.row_security import protect
from paidflow.testing import ManualClock
from paidflow.testing.payer import pay
from tests.forum import Forum, open_forum
from tests.histories import History
from tests.truth import truth_of
from tests.views.oracle import differences
from tests.wall import SECRET

ROLE = "forum_reader"
RULE = re.compile(r"\bvisible(?:_part)?\([^)]*\)")


class Forgetful(Reader):
    """A reader whose queries have all forgotten the rule."""

    def _ruled(self, sql: str) -> str:
        return super()._ruled(RULE.sub(lambda found: f"(true or {found[0]})", sql))


@pytest.fixture
def reader_role(direct_dsn: str) -> Iterator[str]:
    """A role that owns nothing, for this test alone."""
    role = f"{ROLE}_{random.SystemRandom().randrange(10**9)}"
    with psycopg.connect(direct_dsn, autocommit=True) as connection:
        connection.execute(f"create role {role}")
        connection.execute(f"grant {role} to current_user")
        yield role
        connection.execute(f"drop owned by {role}")
        connection.execute(f"drop role {role}")


@pytest.fixture
def protected(
    direct_dsn: str, reader_role: str, sandbox: SandboxGateway, clock: ManualClock
) -> Iterator[Forum]:
    with open_forum(direct_dsn, sandbox, clock) as forum:
        shield(forum.flow, reader_role)
        yield forum


def shield(flow: PaidFlow, role: str) -> None:
    names = [name for view in projections() for name in (view.name, *view.beside)]
    protect(flow.store, role, PROTECTED, views=[*READ, *names])


def test_random_forums_without_the_rule(protected: Forum, reader_role: str) -> None:
    seed = random.SystemRandom().randrange(2**32)
    History(protected, seed).play(60)
    protected.folding.catch_up()
    truth = truth_of(protected.flow)
    forgetful = Forgetful(protected.flow, role=reader_role)
    assert differences(protected.flow, forgetful, truth) == [], f"seed {seed}"
    assert differences(protected.flow, Forgetful(protected.flow), truth) != [], f"seed {seed}"


def test_a_plain_query_shows_only_what_may_be_seen(protected: Forum, reader_role: str) -> None:
    mine = protected.pending(Discussion(title="Which tea?"), "ann").action_id
    paid = protected.done(Discussion(title="Which coffee?"), "bob")
    reader = Forgetful(protected.flow, role=reader_role)
    for viewer, true in (("ann", {mine, paid}), ("bob", {paid}), (None, {paid}), ("", {paid})):
        rows = reader.select("select id from forum_items where visible(id)", viewer=viewer)
        assert {row["id"] for row in rows} == true
        states = reader.select(
            "select action_id from paidflow_actions where visible(action_id)", viewer=viewer
        )
        assert {row["action_id"] for row in states} == true


def test_territories_read_as_the_role_count_what_everybody_sees(
    protected: Forum, reader_role: str
) -> None:
    protected.done(TerritoryCreate(name="tea", description="about tea"), "dave")
    protected.done(Discussion(title="Which tea?", territory="tea"), "ann")
    protected.pending(Discussion(title="Which cup?", territory="tea"), "ann")
    protected.folding.catch_up()
    reader = Forgetful(protected.flow, role=reader_role)
    (line,) = Territories(protected.flow, reader).by_posts()
    assert (line.name, line.posts) == ("tea", 1)


def test_nothing_changes_for_those_who_write(
    protected: Forum, reader_role: str, direct_dsn: str
) -> None:
    receipt = protected.pending(Discussion(title="Which tea?"), "ann")
    with psycopg.connect(direct_dsn) as connection:
        connection.execute(f"set role {reader_role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update forum_items set title = 'Mine'")
    assert pay(protected.flow, protected.sandbox, receipt).state == "PAID"


def test_the_next_reader_is_somebody_else(protected: Forum, reader_role: str) -> None:
    protected.pending(Discussion(title="Which tea?"), "ann")
    reader = Forgetful(protected.flow, role=reader_role)
    sql = (
        "select current_user as who, current_setting('paidflow.viewer') as viewer"
        " from forum_items where visible(id)"
    )
    (row,) = reader.select(sql, viewer="ann")
    assert (row["who"], row["viewer"]) == (reader_role, "ann")
    with protected.flow.store.reading() as tx:
        found = tx.execute("select current_user as who").fetchone()
    assert found is not None
    assert found["who"] != reader_role
    assert (
        len(
            Forgetful(protected.flow).select(
                "select id from forum_items where visible(id)", viewer=None
            )
        )
        == 1
    )


def test_sqlite_has_no_roles(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'flow.db'}"
    with PaidFlow.open(url, actions=[], gateways={}, secret=SECRET) as flow:
        with pytest.raises(InvalidConfiguration, match="no roles"):
            Reader(flow, role=ROLE)
        with pytest.raises(InvalidConfiguration, match="no roles"):
            protect(flow.store, ROLE, {})


@pytest.mark.parametrize("tables", [{"forum items": "id"}, {"forum_items": "id; drop"}])
def test_only_names_are_taken(
    protected: Forum, reader_role: str, tables: Mapping[str, Any]
) -> None:
    with pytest.raises(InvalidConfiguration, match="is not the name"):
        protect(protected.flow.store, reader_role, tables)
    with pytest.raises(InvalidConfiguration, match="is not the name"):
        protect(protected.flow.store, "a b", {})
