"""A batch of events, and statements that do something for all of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

from paidflow.states.codec import decode
from paidflow.states.events import Event
from paidflow.store.contract import Transaction, as_time
from paidflow.store.queries import filled

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
        events: one or more events.
    """

    def __init__(self, tx: Transaction, events: Sequence[Recorded]) -> None:
        self._tx = tx
        self.events = events

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def of(self, kind: type[E]) -> Iterator[tuple[str, E]]:
        """The events of one kind, decoded, each with the id of its action."""
        for event in self.events:
            decoded = event.event if event.topic.startswith(f"{kind.name}@") else None
            if isinstance(decoded, kind):
                yield event.action_id, decoded

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
        listed = sql.replace(":actions", filled(self._tx.dialect, "listed"))
        rows = self._tx.execute(listed, actions=self._action_ids(), **params).fetchall()
        if not rows:
            return {}
        key = next(iter(rows[0]))
        return {row[key]: row for row in rows}

    def arguments(self, kind: str) -> dict[str, dict[str, Any]]:
        """The arguments of the actions of one kind, by their ids; not those that were erased.

        A view that is made of them changes when it is rebuilt after something was erased.
        """
        found = self.look_up(filled(self._tx.dialect, "select_arguments"), kind=kind)
        return {action_id: json.loads(row["arguments"]) for action_id, row in found.items()}

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

    def _action_ids(self) -> str:
        return json.dumps(list({event.action_id for event in self.events}))
