"""examples/quickstart.py prints what the README says."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.pages import OUTPUT, ROOT, page


def test_it_prints_what_the_readme_says() -> None:
    command = [sys.executable, str(ROOT / "examples" / "quickstart.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == page("README.md").blocks(OUTPUT)[0].code
