"""The page about the catalogue says what the classes do, and every mark has its test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from paidflow import ACCOUNT, CREDITS, INVOICE, PaidAction
from paidflow.automatic_retry import AutomaticRetry
from paidflow.forum import ACTIONS, tasks
from tests.docs.catalogue import CATALOGUE, refreshed
from tests.docs.test_texts import NAMED, collected

KINDS = {kind.kind: kind for kind in ACTIONS}
FLAGS = ("credits", "optimistic", "pessimistic", "logged-out", "invoice", "peer-to-peer")


def table(name: str) -> list[list[str]]:
    """The rows of a table on the page, without its head."""
    found = re.search(f"<!-- {name}:begin -->(.*)<!-- {name}:end -->", CATALOGUE.text, re.DOTALL)
    assert found
    lines = found[1].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


CELLS = {row[0].strip("`"): dict(zip(FLAGS, row[1:], strict=False)) for row in table("actions")}
SIDE_EFFECTS = {row[0].strip("`"): row[7] for row in table("actions")}
PROOFS = {row[0]: row[1].strip("`") for row in table("proofs")}


def flags(kind: type[PaidAction]) -> Iterator[str]:
    """The ways in which an action can be paid."""
    if kind.funding != (INVOICE,):
        yield "credits"
    if kind.anonymous:
        yield "logged-out"
    if kind.has_own("receivers"):
        yield "peer-to-peer"
    if INVOICE in kind.funding:
        yield "invoice"
        if kind.optimistic:
            yield "optimistic"
        if kind.pessimistic:
            yield "pessimistic"


def proofs(kind: type[PaidAction], flag: str) -> list[str]:
    """The tests that prove a way of paying for an action."""
    column = flag
    if flag == "peer-to-peer":
        return [PROOFS[f"{flag}, `{kind.kind}`"]]
    if flag == "credits" and not {CREDITS, ACCOUNT} & set(kind.funding):
        return NAMED_IN[kind.kind]
    if flag == "credits" and kind.funding == (ACCOUNT,):
        column = "credits, of the pool or an account"
    if flag == "pessimistic" and kind.optimistic:
        column = "pessimistic, of what is optimistic as well"
    return [f"{PROOFS[column]}[{store}-{kind.kind}]" for store in ("sqlite", "postgres")]


def named(text: str) -> list[str]:
    """The tests that are named in a cell."""
    return [f"{path}::{test}" if test else path for path, test in NAMED.findall(text)]


NAMED_IN = {kind: named(text) for kind, text in SIDE_EFFECTS.items()}


def test_every_action_is_in_the_table() -> None:
    assert sorted(CELLS) == sorted(KINDS)


@pytest.mark.parametrize("kind", ACTIONS, ids=lambda kind: kind.kind)
def test_a0_how_it_can_be_paid(kind: type[PaidAction]) -> None:
    assert {flag for flag, cell in CELLS[kind.kind].items() if cell} == set(flags(kind))


def test_every_mark_has_its_test() -> None:
    """Pytest itself says which tests there are, and for which actions."""
    wanted = {test for tests in NAMED_IN.values() for test in tests}
    for kind, marks in CELLS.items():
        wanted.update(*(proofs(KINDS[kind], flag) for flag in FLAGS if marks[flag]))
    done = collected(sorted({test.partition("::")[0] for test in wanted}))
    assert done.returncode == 0, done.stdout
    there = done.stdout.splitlines()
    there += [test.partition("[")[0] for test in there]
    assert sorted(wanted - set(there)) == []


def test_only_what_has_no_side_effects_names_no_test() -> None:
    silent = {kind for kind, tests in NAMED_IN.items() if not tests}
    assert silent == {"buy-credits", "donate", "upload"}


def test_the_settings_are_those_of_the_class() -> None:
    assert refreshed(CATALOGUE.text) == CATALOGUE.text, "run `python -m tests.docs.catalogue`"
    assert CATALOGUE.text.count("\n| `comment_cost_sats` | 1 |") == 1


def test_the_tasks_are_those_of_a_forum() -> None:
    told = re.findall(r"^\| `([a-z ]+)` \| (minute|hour) \|", CATALOGUE.text, re.MULTILINE)
    every = {timedelta(minutes=1): "minute", timedelta(hours=1): "hour"}
    there = tasks(AutomaticRetry(kinds=["zap"]))
    assert sorted(told) == sorted((task.name, every[task.every]) for task in there)
