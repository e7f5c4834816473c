"""A batch of events, and statements that do something for all of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

from paidflow.states.codec import decode
from paidflow.states.events import Event, Requested
from paidflow.store.contract import Transaction
from paidflow.store.queries import filled
from paidflow.store.records import as_time
from paidflow.views.pages import Rows

E = TypeVar("E", bound=Event)

# Events never change, and many have the same few bytes, such as "paid 10 sats by invoice".
_decode = lru_cache(maxsize=4096)(decode)


class Recorded(NamedTuple):
    """One event as the log holds it; it is decoded only when somebody looks.

    Args:
        position: its place in the log.
        action_id: the action that it is about.
        version: its number among the events of the action, from 1.
        topic: its name and version as stored.
        state: its JSON as stored.
        stored_at: when it was recorded, as the database has it.
    """

    position: int
    action_id: str
    version: int
    topic: str
    state: bytes
    stored_at: datetime | str

    @property
    def event(self) -> Event:
        """The event itself, in its current version."""
        return _decode(self.topic, self.state)

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded, UTC."""
        return cast("datetime", as_time(self.stored_at))


class Batch:
    """Events in the order of the log.

    Args:
        tx: the transaction in which they are folded.
        rows: one or more events, as plain rows with what a ``Recorded`` has.
    """

    def __init__(self, tx: Transaction, rows: Rows) -> None:
        self._tx = tx
        self._rows = rows

    def __iter__(self) -> Iterator[Recorded]:
        return map(Recorded._make, self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, kind: type[E]) -> Iterator[tuple[str, E]]:
        """The events of one kind, decoded, each with the id of its action."""
        prefix = f"{kind.name}@"
        for _, action_id, _, topic, state, _ in self._rows:
            if topic.startswith(prefix):
                yield action_id, cast("E", _decode(topic, state))

    def actions(self, kind: type[Event]) -> list[str]:
        """The ids of the actions of the events of one kind, which are not decoded."""
        prefix = f"{kind.name}@"
        return [row[1] for row in self._rows if row[3].startswith(prefix)]

    def actors(self) -> dict[str, str | None]:
        """Whose the actions of the batch are, by their ids; ``None`` is a logged-out person."""
        return dict(self._tx.fetch("select_actors", actions=self._action_ids()))

    def requested(self) -> dict[str, Requested]:
        """What was asked for with the actions of the batch, by their ids."""
        found = self._tx.fetch("select_requested", actions=self._action_ids())
        return {
            action_id: cast("Requested", _decode(topic, bytes(state)))
            for action_id, topic, state in found
        }

    def paid_at(self) -> dict[str, datetime]:
        """When the actions of the batch were paid for the first time, by their ids."""
        found = self._tx.fetch("select_paid_at", actions=self._action_ids())
        return {action_id: cast("datetime", as_time(paid_at)) for action_id, paid_at in found}

    def look_up(self, sql: str, **params: Any) -> dict[str, Mapping[str, Any]]:
        """What is known about the actions of the batch, in one query.

        Read what never changes, or a rebuild gives another view.

        Args:
            sql: a query with ``in (:actions)``, which stands for the ids of the actions. Its first
                column is the id of the action.
            params: the query's own ``:name`` parameters.

        Returns:
            The row of each action that was found, by its id.
        """
        rows = self.select(sql, **params)
        if not rows:
            return {}
        key = next(iter(rows[0]))
        return {row[key]: row for row in rows}

    def select(self, sql: str, **params: Any) -> list[Mapping[str, Any]]:
        """The same, for a query that finds any number of rows about an action.

        Args:
            sql: a query with ``in (:actions)``, which stands for the ids of the actions.
            params: the query's own ``:name`` parameters.
        """
        listed = sql.replace(":actions", self._listed("actions"))
        return self._tx.execute(listed, actions=self._action_ids(), **params).fetchall()

    def rows_of(self, table: str, key: str, values: Sequence[str]) -> list[Mapping[str, Any]]:
        """The rows of a table that are there already, such as one's own.

        Args:
            table: which.
            key: a column with texts.
            values: what it has in the rows that are wanted.
        """
        sql = f"select * from {table} where {key} in ({self._listed('values')})"
        return self._tx.execute(sql, values=json.dumps(values)).fetchall()

    def delete_of(self, table: str, key: str, values: Sequence[str]) -> None:
        """Delete the rows of one's own table that have one of these values in a column."""
        sql = f"delete from {table} where {key} in ({self._listed('values')})"
        self._tx.execute(sql, values=json.dumps(values))

    def arguments(self, kind: str) -> dict[str, dict[str, Any]]:
        """The arguments of the actions of one kind, by their ids; not those that were erased.

        A view that is made of them changes when it is rebuilt after something was erased.
        """
        found = self._tx.fetch("select_arguments", kind=kind, actions=self._action_ids())
        return {action_id: json.loads(arguments) for action_id, arguments in found}

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]], conflict: str = "") -> None:
        """Insert rows in one statement.

        Args:
            table: where.
            rows: plain values by column; all with the same columns.
            conflict: what to do with rows that are there already: ``on conflict ...``.
        """
        if not rows:
            return
        dialect = self._tx.dialect
        values = ", ".join(filled(dialect, "inserted_value", column=column) for column in rows[0])
        columns = ", ".join(rows[0])
        parts = {"table": table, "columns": columns, "values": values, "conflict": conflict}
        text = json.dumps(rows, default=str)
        self._tx.execute(filled(dialect, "insert_rows", **parts), rows=text)

    def _listed(self, parameter: str) -> str:
        return filled(self._tx.dialect, "listed").replace(":actions", f":{parameter}")

    def _action_ids(self) -> str:
        return json.dumps(list({row[1] for row in self._rows}))
