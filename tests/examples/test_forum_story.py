"""The forum's stories are true, and the program notices when they are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LINES = (
    "ann posts                   PENDING          ●       ·       ·",
    "ann pays 10 sats            PAID             ●       ●       ●",
    "bob is told that his comment failed",
    "her post has one comment",
    "a visitor asks to post      PENDING_HELD     ·       ·       ·",
    "the visitor pays 100 sats   PAID             ●       ●       ●",
    "the payer has the 50 sats back",
    "15 of 25 sats are left",
    "10 sats come all the same   PAID             ●       ●       ●",
    "dave has 50 sats",
    "green has one vote, and nothing says any more whose",
    "bob gets 49 sats, and ann, as he wants it, 21",
    "the audit finds no difference",
)

# Each puts something false between the forum and its reader.
LIES = {
    "everybody sees everything": "views.reader._RULES['visible'] = lambda *_: '1 = 1'",
    "nobody sees anything": "views.reader._RULES['visible'] = lambda *_: '1 = 0'",
    "nobody is told anything": "Notifications.page = lambda lines, actor: []",
    "nobody has credits": "PaidFlow.balance = lambda flow, *_: sats(0)",
    "nothing came back": "payments.sandbox.SandboxGateway.books = no_returns",
    "what is not paid counts": "views.real._SIGNS = {states.events.InvoiceAttached: 1}",
    "nothing is folded": "views.folding.Folding.run_once = lambda folding: 0",
    "votes are not counted": "Polls.one = no_votes",
    "nobody forwards": "Zap._forwards = lambda zap, ctx: {}",
}
LIAR = """
import dataclasses, sys
from paidflow import PaidFlow, payments, sats, states, views
from examples.forum_story import Notifications, Polls, Zap, main
books, poll = payments.sandbox.SandboxGateway.books, Polls.one
def no_returns(bank):
    return [dataclasses.replace(book, returned=sats(0)) for book in books(bank)]
def no_votes(polls, item_id, viewer):
    found = poll(polls, item_id, viewer=viewer)
    options = [dataclasses.replace(option, votes=0) for option in found.options]
    return dataclasses.replace(found, options=options)
exec(sys.argv[1])
sys.exit(main())
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_stories_are_true() -> None:
    told = run("-m", "examples.forum_story")
    assert (told.returncode, told.stderr) == (0, "")
    assert [line for line in LINES if line not in told.stdout] == []
    assert "✗" not in told.stdout
    assert told.stdout.splitlines()[-1].endswith(" checks, all true")


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_noticed(lie: str) -> None:
    told = run("-c", LIAR, lie)
    assert (told.returncode, told.stderr) == (1, "")
    assert "✗" in told.stdout
    assert told.stdout.splitlines()[-1].endswith(" not true")


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run("-m", "examples.forum_story").returncode == 0
    assert list(tmp_path.iterdir()) == []
