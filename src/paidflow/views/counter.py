"""Sums per key, such as comments and sats per post."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
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
        sums: dict[str, list[int]] = {}
        for key, *numbers in self.count(batch):
            found = sums.setdefault(key, numbers)
            if found is not numbers:
                for index, number in enumerate(numbers):
                    found[index] += number
        rows = [
            {self.key: key, **dict(zip(self.columns, numbers, strict=True))}
            for key, numbers in sorted(sums.items())
        ]
        added = ", ".join(
            f"{column} = {self.table}.{column} + excluded.{column}" for column in self.columns
        )
        batch.insert(self.table, rows, f"on conflict ({self.key}) do update set {added}")
