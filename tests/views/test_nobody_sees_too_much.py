"""Random forums: everybody sees what is real and what is their own, in every view."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.forum import Forum, open_forum
from tests.histories import History
from tests.truth import truth_of
from tests.views.oracle import differences
from tests.zaps import differences as unbalanced

STEPS = 150
NEEDED = {
    "pays", "expires", "tries again", "pays late", "is refunded", "cancels",
    "discussion:PENDING", "discussion:PAID", "discussion:PENDING_HELD", "comment:PENDING",
    "comment:PAID", "zap:PENDING", "zap:PAID", "vote:PENDING", "boost:PENDING", "downzap:PENDING",
    "job:PAID", "bio:PAID", "deletion:PAID", "gift:PAID", "donation:PAID", "credits:PENDING_HELD",
    "territory:PAID", "territory:PENDING_HELD", "link there:PAID", "terms:PAID", "transfer:PAID",
    "rewards:PAID",
}  # fmt: skip


def check(forum: Forum, seed: int) -> History:
    history = History(forum, seed)
    history.play(STEPS)
    forum.folding.catch_up()
    found = differences(forum.flow, forum.reader, truth_of(forum.flow))
    assert found == [], f"seed {seed}: {found[:3]}"
    assert unbalanced(forum.flow) == [], f"seed {seed}"
    return history


def test_random_forums(forum: Forum) -> None:
    seed = int(os.environ.get("PAIDFLOW_SEED") or random.SystemRandom().randrange(2**32))
    check(forum, seed)


@pytest.mark.soak
def test_many_random_forums(tmp_path: Path, clock: ManualClock) -> None:
    """All that can happen does happen."""
    many = 300 if os.environ.get("PAIDFLOW_SOAK") == "long" else 30
    first = int(os.environ.get("PAIDFLOW_SEED") or random.SystemRandom().randrange(2**32))
    print(f"seeds {first} to {first + many - 1}")
    done: set[str] = set()
    for seed in range(first, first + many):
        bank = SandboxGateway(str(tmp_path / f"bank-{seed}.db"), sandbox=True, clock=clock)
        with open_forum(f"sqlite:///{tmp_path / f'{seed}.db'}", bank, clock) as forum:
            done |= set(check(forum, seed).done)
        bank.close()
    assert NEEDED - done == set()
