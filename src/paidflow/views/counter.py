"""Sums per key, such as comments and sats per post."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from typing import ClassVar

from paidflow.actions.contract import HookTransaction
from paidflow.views.batch import Batch
from paidflow.views.projection import Projection


class Counter(Projection):
    """A projection of whole numbers that are added up.

    Class attributes:
        key: the column that says what is counted for; text.
        columns: the columns with the sums.
    """

    key: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    @abstractmethod
    def count(self, batch: Batch) -> Iterable[tuple[str, *tuple[int, ...]]]:
        """What the events add: a key, and a number for each column."""

    def create(self, tx: HookTransaction) -> None:
        sums = "".join(f", {column} bigint not null" for column in self.columns)
        tx.execute(f"create table {self.table} ({self.key} text primary key{sums})")

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        add_up(batch, self.table, self.key, self.columns, self.count(batch))


def add_up(
    batch: Batch,
    table: str,
    key: str,
    columns: Sequence[str],
    counted: Iterable[tuple[str, *tuple[int, ...]]],
) -> None:
    """Add whole numbers to the sums in a table.

    Args:
        batch: what is folded.
        table: where.
        key: the column that says what is counted for.
        columns: the columns with the sums.
        counted: keys, each with a number for each column.
    """
    sums: dict[str, list[int]] = {}
    # Many events add the same, so they are tallied first.
    for (of, *numbers), times in Tally(counted).items():
        found = sums.setdefault(of, [0] * len(numbers))
        for index, number in enumerate(numbers):
            found[index] += number * times
    rows = [
        {key: of, **dict(zip(columns, numbers, strict=True))}
        for of, numbers in sorted(sums.items())
    ]
    added = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in columns)
    batch.insert(table, rows, f"on conflict ({key}) do update set {added}")
