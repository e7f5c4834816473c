"""Every mutant can be run: its patch applies, in one place, and the tests that it names exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.run import PATCHES, ROOT, Unusable, read

ALL = sorted(PATCHES.glob("*.patch"))
LINES = "# what: it adds\n# red: tests/test_sum.py::test_sum\n"
PATCH = """--- a/sum.py
+++ b/sum.py
@@ -2,3 +2,3 @@
 def sum(a, b):
-    return a + b
+    return a - b
 # the end
"""
CODE = "# begin\ndef sum(a, b):\n    return a + b\n# the end\n"


@pytest.mark.parametrize("patch", ALL, ids=lambda patch: patch.stem)
def test_it_applies(patch: Path) -> None:
    assert read(patch).patch == patch


def test_the_tests_that_they_name_exist() -> None:
    named = sorted({test for patch in ALL for test in read(patch).red})
    assert len(named) > 1
    assert collected(named) == ""


def test_a_test_that_does_not_exist() -> None:
    assert "test_nowhere" in collected([f"{Path(__file__).relative_to(ROOT)}::test_nowhere"])


def collected(named: list[str]) -> str:
    """What pytest complains about when it looks for tests; all of them in one call."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", ""]
    command += ["-p", "no:cacheprovider", *named]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    ("code", "patch", "complaint"),
    [
        (CODE, LINES + PATCH, None),
        ("\n\n" + CODE, LINES + PATCH, None),
        (CODE.replace("+", "*"), LINES + PATCH, "does not apply"),
        (CODE + CODE.removeprefix("# begin\n"), LINES + PATCH, "fits in 2 places"),
        (CODE, PATCH, "needs the lines"),
        (CODE, "# what: it adds\n" + PATCH, "needs the lines"),
        (CODE, "# red: tests/test_sum.py\n" + PATCH, "needs the lines"),
        (CODE, "# what:\n# red: tests/test_sum.py\n" + PATCH, "needs the lines"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, code: str, patch: str, complaint: str | None) -> None:
    (tmp_path / "sum.py").write_text(code)
    file = tmp_path / "1-adds.patch"
    file.write_text(patch)
    if complaint is None:
        assert read(file, tmp_path).what == "it adds"
        return
    with pytest.raises(Unusable, match=complaint):
        read(file, tmp_path)
