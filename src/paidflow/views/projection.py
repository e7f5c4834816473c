"""What a projection is: a view of what many actions share, folded from the log in batches."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from paidflow.actions.contract import HookTransaction
from paidflow.errors import InvalidConfiguration
from paidflow.states.codec import EVENT_TYPES
from paidflow.states.events import Event
from paidflow.store.queries import filled
from paidflow.views.batch import Batch

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Projection(ABC):
    """A view that is folded from the log: derive from it, or from ``Counter``.

    The same events always have to give the same view: no clock, no chance, and of one's own tables
    only what never changes. Then a rebuild gives the same bytes.

    Class attributes:
        name: the name of the view that people query, for ever.
        version: raise it when the view has to be rebuilt; 1 to 2,147,483,647.
        events: the events that it wants, in all their versions; a parent stands for its children.
        beside: the names of further views that it keeps, and that are rebuilt along with it.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    events: ClassVar[tuple[type[Event], ...]]
    beside: ClassVar[tuple[str, ...]] = ()

    @property
    def table(self) -> str:
        """The table of this version; the view that people query has the plain name."""
        return self.table_of(self.name)

    def table_of(self, view: str) -> str:
        """The table of this version of one of its views."""
        return f"{view}_v{self.version}"

    @property
    def topics(self) -> list[str]:
        """The names of the events that it wants."""
        return sorted(name for name, kind in EVENT_TYPES.items() if issubclass(kind, self.events))

    @abstractmethod
    def create(self, tx: HookTransaction) -> None:
        """Create ``self.table``, empty, and the tables of the views beside it."""

    @abstractmethod
    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        """Fold some events into ``self.table``.

        It runs in the transaction that also records how far the view is, so what it writes there
        takes effect exactly once. It must not do anything outside the database.
        """

    def expose(self, tx: HookTransaction, dialect: str) -> None:
        """Make this version the one that people query, and no other."""
        tx.execute(filled(dialect, "limit_lock_wait"))
        for view in (self.name, *self.beside):
            tx.execute(filled(dialect, "drop_view", view=view))
            tx.execute(filled(dialect, "create_view", view=view, table=self.table_of(view)))

    def drop(self, tx: HookTransaction, dialect: str, version: int) -> None:
        """Drop what an old version has left behind."""
        for view in (self.name, *self.beside):
            tx.execute(filled(dialect, "drop_table", table=f"{view}_v{version}"))


def check_projections(projections: Iterable[Projection]) -> None:
    """Check projections when they are put to work.

    Raises:
        InvalidConfiguration: with a sentence that names what to mend.
    """
    names: set[str] = set()
    for projection in projections:
        kind = type(projection).__name__
        for name in (getattr(projection, "name", None), *projection.beside):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise InvalidConfiguration(f"{kind} needs a name of small letters, digits and _")
            if name in names:
                raise InvalidConfiguration(f"two projections have the name {name}")
            names.add(name)
        if not 1 <= projection.version < 2**31:
            raise InvalidConfiguration(f"{kind}.version must be 1 or more")
        if not getattr(projection, "events", ()) or not projection.topics:
            raise InvalidConfiguration(f"{kind} needs the events that it wants")
