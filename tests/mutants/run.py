"""Applies each mutant to a copy of the project and sees that the test it names turns red.

A mutant is a patch with two lines on top: ``# what:`` says what is broken, ``# red:`` names the
test that must notice it. First every named test has to be green without any mutant.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "benchmarks", "examples", "docs", "README.md", "pyproject.toml")
TIMEOUT_S = 600
TESTS_FAILED = 1  # pytest's exit code; an error in collection would be another one


@dataclass(frozen=True)
class Mutant:
    """One patch and the tests that must notice it."""

    patch: Path
    what: str
    red: tuple[str, ...]


def read(patch: Path) -> Mutant:
    """The mutant in a patch file."""
    what, red = "", []
    for line in patch.read_text(encoding="utf-8").splitlines():
        if line.startswith("# what:"):
            what = line.removeprefix("# what:").strip()
        elif line.startswith("# red:"):
            red.append(line.removeprefix("# red:").strip())
    if not what or not red:
        raise SystemExit(f"{patch.name} needs the lines '# what:' and '# red:'")
    return Mutant(patch, what, tuple(red))


def run(tests: tuple[str, ...], patch: Path | None) -> int:
    """Run tests on a copy of the project, with a patch applied; returns pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix="paidflow-mutant-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, target)
        if patch is not None:
            subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *tests],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{folder}/src"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        if patch is None and done.returncode:
            print(done.stdout[-4000:])
        return done.returncode


def main() -> int:
    patches = sorted(Path(__file__).parent.glob("*.patch"))
    wanted = sys.argv[1:]
    mutants = [read(p) for p in patches if not wanted or p.name.split("-")[0] in wanted]
    named = tuple(sorted({test for mutant in mutants for test in mutant.red}))
    if run(named, None):
        print("the named tests must be green without any mutant")
        return 1
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda mutant: run(mutant.red, mutant.patch), mutants))
    survived = 0
    for mutant, code in zip(mutants, codes, strict=True):
        caught = code == TESTS_FAILED
        survived += not caught
        print(f"{'caught  ' if caught else 'SURVIVED'} {mutant.patch.stem}: {mutant.what}")
    print(f"{len(mutants) - survived} of {len(mutants)} mutants caught")
    return 1 if survived else 0


if __name__ == "__main__":
    raise SystemExit(main())
