"""The site is built without a warning, and loads nothing from other hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import paidflow
from tests.docs.pages import ROOT

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|embed)\b[^>]*\bsrc=["'](?:https?:)?//
    |<link\b[^>]*\bhref=["'](?:https?:)?//
    |url\(["']?(?:https?:)?//
    |@import\s+["'](?:https?:)?//""",
    re.VERBOSE,
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--builder", "html"]
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_it_loads_nothing_from_other_hosts(site: Path) -> None:
    files = [file for kind in ("html", "css", "js") for file in site.rglob(f"*.{kind}")]
    assert len(files) > 20
    loading = [file.name for file in files if LOADED.search(file.read_text(encoding="utf-8"))]
    assert loading == []


def test_what_would_be_loaded_is_found() -> None:
    assert LOADED.search('<script async src="https://cdn.example/x.js">')
    assert LOADED.search('<link rel="stylesheet" href="//fonts.example/x.css">')
    assert LOADED.search("@import 'https://fonts.example/x.css'")
    assert not LOADED.search('<a href="https://semver.org">')


def test_the_interface_is_there(site: Path) -> None:
    html = (site / "api.html").read_text(encoding="utf-8")
    assert [name for name in paidflow.__all__ if f'id="paidflow.{name}"' not in html] == []
    assert 'id="paidflow.PaidFlow.perform"' in html


def test_the_diagram_is_drawn(site: Path) -> None:
    html = (site / "ways.html").read_text(encoding="utf-8")
    (figure,) = re.findall(r'<figure class="diagram">.*?</figure>', html, re.DOTALL)
    assert "<svg" in figure
    assert all(state in figure for state in ("PENDING_HELD", "CAPTURING", "PAID"))
