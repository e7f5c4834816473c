"""Applies each mutant to a copy of the project and sees that the test it names turns red.

A mutant is a patch with two lines on top: ``# what:`` says what is broken, ``# red:`` names the
test that must notice it. First every named test has to be green without any mutant. A patch has
only as much context as its place needs to be the only one, so that it lives long.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATCHES = Path(__file__).parent
COPIED = (
    *("src", "tests", "benchmarks", "examples", "docs", "LICENSE", "Makefile"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("constraints.txt", "pyproject.toml"),
)
TIMEOUT_S = 600
TESTS_FAILED = 1  # pytest's exit code; an error in collection would be another one
TIMED_OUT = -1


class Unusable(Exception):
    """A patch that breaks nothing, because it does not say what, or does not fit any more."""


@dataclass(frozen=True)
class Mutant:
    """One patch and the tests that must notice it."""

    patch: Path
    what: str
    red: tuple[str, ...]


def read(patch: Path, root: Path = ROOT) -> Mutant:
    """The mutant in a patch file.

    Args:
        patch: the file.
        root: the project that it is about.

    Raises:
        Unusable: when a line is missing, or when the patch does not apply in exactly one place.
    """
    text = patch.read_text(encoding="utf-8")
    what, red = _said(text, "what"), _said(text, "red")
    if len(what) != 1 or not red:
        raise Unusable("needs the lines '# what:' and '# red:'")
    command = ["git", "apply", "--check", str(patch.resolve())]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f"does not apply: {done.stderr.strip()}")
    for name, part in _replaced(text):
        lines = (root / name).read_text(encoding="utf-8").splitlines()
        places = sum(lines[at : at + len(part)] == part for at in range(len(lines)))
        if places != 1:
            raise Unusable(f"fits in {places} places of {name}; more context is needed")
    return Mutant(patch, what[0], tuple(red))


def _said(text: str, key: str) -> list[str]:
    start = f"# {key}:"
    lines = (line for line in text.splitlines() if line.startswith(start))
    return [said for line in lines if (said := line.removeprefix(start).strip())]


def _replaced(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each file that a patch changes, and the lines in it that a part of the patch replaces."""
    name = ""
    part: list[str] = []
    for line in [*text.splitlines(), "@@"]:
        if line.startswith(("@@", "diff ", "--- a/")):
            if part:
                yield name, part
            part = []
        if line.startswith("--- a/"):
            name = line.removeprefix("--- a/")
        elif name and line.startswith((" ", "-")):
            part.append(line[1:])


def run(tests: Sequence[str], patch: Path | None) -> int:
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
        try:
            done = subprocess.run(
                [*command, *tests],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": f"{folder}/src", "PAIDFLOW_MUTANT": "yes"},
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            return TIMED_OUT
        if patch is None and done.returncode:
            print(done.stdout[-4000:])
        return done.returncode


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether a mutant is caught, and a line that says so."""
    started = time.monotonic()
    code = run(mutant.red, mutant.patch)
    verdict = {TESTS_FAILED: "caught  ", 0: "SURVIVED", TIMED_OUT: "TOO SLOW"}.get(code, "NO TEST ")
    took_s = time.monotonic() - started
    return code == TESTS_FAILED, f"{verdict} {mutant.patch.stem}: {mutant.what} ({took_s:.0f} s)"


def usable(patches: Sequence[Path]) -> list[Mutant]:
    """The mutants that can be run; the others are told."""
    mutants: list[Mutant] = []
    for patch in patches:
        try:
            mutants.append(read(patch, ROOT))
        except Unusable as error:
            print(f"UNUSABLE {patch.stem}: {error}", flush=True)
    return mutants


def main(wanted: Sequence[str]) -> int:
    """Run all mutants, or those with these numbers; returns the exit code."""
    started = time.monotonic()
    patches = sorted(PATCHES.glob("*.patch"))
    unknown = set(wanted) - {patch.name.split("-")[0] for patch in patches}
    if unknown:
        print(f"there is no mutant {', '.join(sorted(unknown))}")
        return 1
    chosen = [patch for patch in patches if not wanted or patch.name.split("-")[0] in wanted]
    mutants = usable(chosen)
    named = sorted({test for mutant in mutants for test in mutant.red})
    if named and run(named, None):
        print("the named tests must be green without any mutant")
        return 1
    caught = 0
    with ThreadPoolExecutor(2) as pool:
        for is_caught, told in pool.map(judge, mutants):
            caught += is_caught
            print(told, flush=True)
    took_s = time.monotonic() - started
    print(f"{caught} of {len(chosen)} mutants caught in {took_s:.0f} s")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
