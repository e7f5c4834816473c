"""Brings the tables from one version to the next: expand first, contract later.

A version is a file ``sql/NNNN_expand_*.sql`` or ``sql/NNNN_contract_*.sql``. What expands leaves
everything there that the program before needs; what contracts takes that away, once that program
runs nowhere any more. Functions of the database have no versions of their own: they are created
again with every migration.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, Protocol

from paidflow.actions.contract import Rows
from paidflow.errors import MissingTables, NewerTables, OlderTables
from paidflow.store.names import Names
from paidflow.store.queries import filled, script

Phase = Literal["expand", "contract"]

_FILE = re.compile(r"(\d{4})_(expand|contract)_(\w+)\.sql")
_FUNCTIONS = {
    "postgres": ("sequencer", "archive", "ledger", "write", "home", "role", "read", "row_security"),
    "sqlite": (),
}


class Queried(Protocol):
    """A transaction in which one can ask."""

    def query(self, name: str, **params: object) -> Rows:
        """Run one of the store's named statements."""
        ...


class Scripted(Queried, Protocol):
    """A transaction in which tables are created and changed."""

    def run_script(self, sql: str) -> None:
        """Run statements without parameters, one after the other."""
        ...


@dataclass(frozen=True, slots=True)
class Migration:
    """The step to one version of the tables.

    Args:
        version: the version that it leads to, from 1.
        phase: whether it adds, or takes away what only older programs need.
        sql: its statements.
    """

    version: int
    phase: Phase
    sql: str


@dataclass(frozen=True, slots=True)
class Schema:
    """What is in a database.

    Args:
        version: the version of the tables; 0 when there are none.
        contracted: the last version that took something away; 0 when none did.
        functions: a hash of the functions that were created; empty when none were.
    """

    version: int
    contracted: int
    functions: str


class Migrations:
    """The versions of the tables that this program knows.

    Args:
        dialect: ``sqlite`` or ``postgres``.
        names: under which names everything is in the database.
        steps: the steps; by default those that come with paidflow.
    """

    def __init__(
        self, dialect: str, names: Names, steps: Sequence[Migration] | None = None
    ) -> None:
        self._names = names
        self.steps = tuple(_shipped(dialect, names) if steps is None else steps)
        self.functions = tuple(
            names.fill(script(f"{name}_{dialect}.sql")) for name in _FUNCTIONS[dialect]
        )
        self.functions_hash = hashlib.sha256("".join(self.functions).encode()).hexdigest()[:16]

    @property
    def needed(self) -> int:
        """The version without which this program cannot work: the last one that adds something."""
        return max(step.version for step in self.steps if step.phase == "expand")

    def schema(self, tx: Queried) -> Schema:
        """What is in the database."""
        present = tx.query("select_schema").fetchone()
        if present is None or not present["present"]:
            return Schema(0, 0, "")
        row = tx.query("select_version").fetchone()
        version = row["version"] if row else 0
        row = tx.query("select_contracted").fetchone() if version > 1 else None
        functions = tx.query("select_functions").fetchone()
        return Schema(
            version=version,
            contracted=row["version"] if row else 0,
            functions=(functions["functions"] if functions else None) or "",
        )

    def check(self, schema: Schema) -> None:
        """Refuse to work with tables that this program cannot work with.

        Raises:
            MissingTables: when there are none.
            OlderTables: when something is missing that this program needs.
            NewerTables: when something was taken away that this program may need.
        """
        if schema.version == 0:
            raise MissingTables
        if schema.version < self.needed:
            raise OlderTables(f"they have version {schema.version}, needed is {self.needed}")
        last = self.steps[-1].version
        if schema.contracted > last:
            raise NewerTables(f"they have version {schema.contracted}, known is {last}")

    def pending(self, schema: Schema, *, contract: bool) -> tuple[Migration, ...]:
        """The steps that are still to be done.

        Args:
            schema: what is in the database.
            contract: whether to go on after what this program needs, and take away what only
                older programs need.
        """
        last = self.steps[-1].version if contract else self.needed
        return tuple(step for step in self.steps if schema.version < step.version <= last)

    def script(self, schema: Schema, *, contract: bool) -> str:
        """The statements that are still to be run, for somebody who runs them by hand."""
        pending = [step.sql for step in self.pending(schema, contract=contract)]
        if not pending and not self.is_stale(schema):
            return ""
        return "\n".join([*pending, *self.functions, *self._marks()])

    def is_stale(self, schema: Schema) -> bool:
        """Whether the functions in the database are not those of this program."""
        return bool(self.functions) and schema.functions != self.functions_hash

    def apply(self, tx: Scripted, *, contract: bool) -> tuple[Migration, ...]:
        """Do what is still to be done, inside a transaction; nobody else does so meanwhile.

        Returns:
            The steps that were done.
        """
        tx.query("lock_migration")
        tx.query("limit_migration_wait")
        schema = self.schema(tx)
        pending = self.pending(schema, contract=contract)
        if not pending and not self.is_stale(schema):
            return ()
        if schema.version > self.steps[-1].version:
            return ()  # the functions are those of a newer program, which has more versions
        if self._names.schema is not None:
            tx.run_script(filled("postgres", "create_namespace", schema=self._names.schema))
            tx.query("use_namespace", schema=self._names.schema)
        for sql in (*(step.sql for step in pending), *self.functions, *self._marks()):
            tx.run_script(sql)
        return pending

    def _marks(self) -> tuple[str, ...]:
        if not self.functions:
            return ()
        return (self._names.fill(f"comment on table paidflow_schema is '{self.functions_hash}';"),)


def _shipped(dialect: str, names: Names) -> list[Migration]:
    found: list[Migration] = []
    for file in (files("paidflow.store") / "sql").iterdir():
        match = _FILE.fullmatch(file.name)
        if match is not None and match[3] == dialect:
            phase: Phase = "expand" if match[2] == "expand" else "contract"
            found.append(Migration(int(match[1]), phase, names.fill(script(file.name))))
    return sorted(found, key=lambda step: step.version)
