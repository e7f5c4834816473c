"""docs/django.md: every block is a file or a command, and the commands do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from django.core.management import get_commands

from paidflow.contrib.django import checks, signals
from paidflow.contrib.django.settings import SETTINGS
from tests.docs.pages import page

PAGE = page("docs/django.md")
TEXT = PAGE.text


def test_the_project_does_what_it_says(tmp_path: Path) -> None:
    files = PAGE.blocks("python")
    assert len(files) == 7
    for file in files:
        assert file.file is not None
        (tmp_path / file.file).parent.mkdir(exist_ok=True)
        (tmp_path / file.file).write_text(file.code, encoding="utf-8")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "settings",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "PYTHONWARNINGS": "error",
    }
    where = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    commands = [["bash", "-ec", block.code] for block in PAGE.blocks("sh")]
    migrate, check, story = (subprocess.run(command, **where) for command in commands)
    assert (migrate.returncode, migrate.stdout) == (0, "")
    assert migrate.stderr.count("paidflow.") == migrate.stderr.count("paidflow.W004") == 1
    assert check.stdout == "System check identified no issues (0 silenced).\n"
    assert check.stderr == ""
    assert story.stderr == "Payment Required: /pages/news\n"  # Django's own log
    assert [story.stdout] == [block.code for block in PAGE.blocks("text")]


def test_everything_that_is_named_exists() -> None:
    first = [line.split("`")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    of_settings = {name for name in first if name.isupper()}
    assert of_settings == SETTINGS
    commands = {name.split()[0] for name in first if name.startswith("paidflow_")}
    known = {name for name, app in get_commands().items() if app == "paidflow.contrib.django"}
    assert commands == known
    ids = {name for name in first if name.startswith("paidflow.")}
    source = Path(str(checks.__file__)).read_text(encoding="utf-8")
    assert ids == set(re.findall(r'id="(paidflow\.[EW]\d+)"', source))
    for name in ("action_requested", "action_paid", "action_failed", "action_retried"):
        assert f"`{name}`" in TEXT
    assert len(set(re.findall(r"`((?:action|attention)_\w+)`", TEXT))) == len(signals.SIGNALS)
