"""Runs a part of the tests on each version of Python that paidflow supports.

An interpreter is looked for on the PATH and in ~/.pyenv/versions. It exits with 1 if a version was
not found, after all others were tried. Each has an environment of its own, `build/python-3.x`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from parts import PYTEST

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
PYENV = Path.home() / ".pyenv" / "versions"


def candidates(version: str) -> list[str]:
    """Programs that may be this version of Python, the likeliest first."""
    built = sorted(PYENV.glob(f"{version}.*/bin/python"), reverse=True)
    named = shutil.which(f"python{version}")
    return [sys.executable, *map(str, built), *([named] if named else [])]


def find(version: str) -> str | None:
    """A program that is this version of Python and says so."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    for program in candidates(version):
        done = subprocess.run([program, "-c", ask], capture_output=True, text=True)
        if done.stdout.strip() == version:
            return program
    return None


def environment(version: str, program: str) -> str:
    """The Python of an environment with all that the tests need."""
    folder = ROOT / "build" / f"python-{version}"
    python = str(folder / "bin" / "python")
    if not (folder / "bin" / "python").exists():
        subprocess.run([program, "-m", "venv", str(folder)], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [*pip, "--editable", ".[dev]", "--constraint", "constraints.txt"]
    subprocess.run(command, cwd=ROOT, check=True)
    return python


def main(arguments: list[str]) -> int:
    """Test on each version, or on those that are named; more arguments go to pytest."""
    named = [each for each in arguments if re.fullmatch(r"3\.\d+", each)]
    more = [each for each in arguments if each not in named]
    verdicts: dict[str, str] = {}
    for version in named or VERSIONS:
        program = find(version)
        if program is None:
            verdicts[version] = "NOT FOUND, so nothing is known of it"
            continue
        print(f"\n=== Python {version}: {program}", flush=True)
        done = subprocess.run([environment(version, program), *PYTEST, *more], cwd=ROOT)
        verdicts[version] = "passed" if done.returncode == 0 else "FAILED"
    print()
    for version, verdict in verdicts.items():
        print(f"Python {version}: {verdict}")
    return 0 if set(verdicts.values()) == {"passed"} else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
