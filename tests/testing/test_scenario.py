"""Given, when, then: what is true passes, and what is not is told in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paidflow import FailureReason, sats
from paidflow.errors import ClaimTaken, NotCancellable, NotRetriable
from paidflow.testing import Harness, Scenario
from tests.wall import NOTES, HeldNote, HookTrouble, Note, create_tables


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    url = f"sqlite:///{tmp_path / 'flow.db'}"
    bank = tmp_path / "harness.db"
    with Harness(url, bank=bank, actions=NOTES, setup=create_tables) as opened:
        yield opened


TRUE: dict[str, Callable[[Harness], Scenario]] = {
    "paid": lambda h: h.when(Note(text="gm")).pays().then_paid(),
    "paid when held": lambda h: h.when(HeldNote(text="gm"), actor=None).pays().then_paid(),
    "free": lambda h: h.when(Note(text="gm", price_sats=0)).then_paid(),
    "expired": lambda h: h.when(Note(text="gm")).expires().then_failed(FailureReason.EXPIRED),
    "waited": lambda h: h.when(Note(text="gm")).waits(3600).then_failed(FailureReason.EXPIRED),
    "too little": lambda h: h.when(Note(text="gm")).pays(sats(1)).then_failed(),
    "late": lambda h: h.when(Note(text="gm")).expires().pays_late().then_paid(),
    "cancelled": lambda h: (
        h.when(Note(text="gm"), actor="bob").cancels().then_failed(FailureReason.USER_CANCELLED)
    ),
    "retried": lambda h: h.when(Note(text="gm")).expires().retries().pays().then_paid(),
    "refused": lambda h: (
        h.when(Note(text="gm", raises={"perform": -1}))
        .then_raises(HookTrouble, "perform of gm")
        .then_nothing()
    ),
    "taken": lambda h: (
        h.given(Note(text="gm", claim="one"), HeldNote(text="gm"))
        .when(Note(text="gm", claim="one"), actor="bob")
        .then_raises(ClaimTaken)
        .then_nothing()
    ),
    "too late to cancel": lambda h: (
        h.when(Note(text="gm")).pays().cancels().then_raises(NotCancellable).then_paid()
    ),
}

FALSE: dict[str, tuple[Callable[[Harness], Scenario], type[Exception], str]] = {
    "not paid": (
        lambda h: h.when(Note(text="gm")).then_paid(),
        AssertionError,
        "the action is PENDING, not PAID",
    ),
    "not failed": (
        lambda h: h.when(Note(text="gm")).pays().then_failed(),
        AssertionError,
        "the action is PAID, not FAILED",
    ),
    "failed": (
        lambda h: h.when(Note(text="gm")).expires().then_paid(),
        AssertionError,
        "the action is FAILED, not PAID because expired",
    ),
    "work raised": (
        lambda h: h.when(HeldNote(text="gm", raises={"perform": -1})).pays().then_paid(),
        AssertionError,
        "perform of gm",
    ),
    "another reason": (
        lambda h: h.when(Note(text="gm")).expires().then_failed(FailureReason.USER_CANCELLED),
        AssertionError,
        "it failed because expired, not because user_cancelled",
    ),
    "something": (
        lambda h: h.when(Note(text="gm")).then_nothing(),
        AssertionError,
        "something was stored: the log went on by 2",
    ),
    "no error": (
        lambda h: h.when(Note(text="gm")).then_raises(ClaimTaken),
        AssertionError,
        "nothing was raised, where ClaimTaken was expected",
    ),
    "another error": (
        lambda h: h.when(Note(text="gm")).retries().then_raises(ClaimTaken),
        NotRetriable,
        "Only a failed payment",
    ),
    "another text": (
        lambda h: h.when(Note(text="gm")).retries().then_raises(NotRetriable, "nonsense"),
        AssertionError,
        "'nonsense' is not in",
    ),
    "an error in the way": (
        lambda h: h.when(Note(text="gm")).retries().then_nothing(),
        NotRetriable,
        "Only a failed",
    ),
    "an error before": (
        lambda h: h.when(Note(text="gm")).retries().pays(),
        NotRetriable,
        "Only a failed",
    ),
    "an error in between": (
        lambda h: h.when(Note(text="gm")).retries().then_paid(),
        NotRetriable,
        "Only a failed",
    ),
    "given cannot be": (
        lambda h: h.given(HeldNote(text="gm", raises={"perform": -1})),
        AssertionError,
        "it is FAILED, not paid",
    ),
    "two actions": (
        lambda h: h.when(Note(text="gm")).when(Note(text="gm")),
        AssertionError,
        "a scenario is about one action",
    ),
    "nothing asked for": (
        lambda h: h.given().then_paid(),
        AssertionError,
        "write when(...) first",
    ),
}


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_passes(harness: Harness, name: str) -> None:
    assert isinstance(TRUE[name](harness), Scenario)


@pytest.mark.parametrize("name", FALSE)
def test_what_is_not_true_is_told(harness: Harness, name: str) -> None:
    scenario, kind, sentence = FALSE[name]
    with pytest.raises(kind) as caught:
        scenario(harness)
    assert sentence in str(caught.value)
    harness._scenarios.clear()


def test_an_error_that_nobody_looked_at_comes_out(tmp_path: Path) -> None:
    bank = tmp_path / "bank.db"
    with (
        pytest.raises(NotRetriable),
        Harness("sqlite:///:memory:", bank=bank, actions=NOTES, setup=create_tables) as harness,
    ):
        harness.when(Note(text="gm")).retries()
