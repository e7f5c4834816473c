"""Runs a part of the tests on each PostgreSQL that is here: the wheel's and the system's.

It says which versions it has met, and exits with 1 if a version that is named was not found.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from parts import PYTEST

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = Path("/usr/lib/postgresql")
VARIABLE = "PAIDFLOW_TEST_POSTGRES"
WANTED = ("18", "15")


def version_of(folder: Path) -> str:
    """The major version of the programs in a folder."""
    done = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    found = re.search(r"(\d+)\.", done.stdout)
    return found[1] if found else ""


def found() -> dict[str, Path]:
    """Major version -> folder of its programs."""
    sys.path.insert(0, str(ROOT))
    from tests.postgres_programs import folder_of_programs

    folders = [*sorted(SYSTEM.glob("*/bin")), folder_of_programs()]
    return {version_of(each): each for each in folders if (each / "postgres").exists()}


def main(arguments: list[str]) -> int:
    """Test on the versions that are wanted, or named; more arguments go to pytest."""
    named = [each for each in arguments if re.fullmatch(r"\d\d", each)]
    more = [each for each in arguments if each not in named]
    here, verdicts = found(), dict[str, str]()
    for version in named or WANTED:
        if version not in here:
            verdicts[version] = "NOT FOUND, so nothing is known of it"
            continue
        print(f"\n=== PostgreSQL {version}: {here[version]}", flush=True)
        environment = os.environ | {VARIABLE: str(here[version])}
        command = [sys.executable, *PYTEST, "-k", "not sqlite", *more]
        done = subprocess.run(command, cwd=ROOT, env=environment)
        verdicts[version] = "passed" if done.returncode == 0 else "FAILED"
    print()
    for version, verdict in verdicts.items():
        print(f"PostgreSQL {version}: {verdict}")
    return 0 if set(verdicts.values()) == {"passed"} else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
