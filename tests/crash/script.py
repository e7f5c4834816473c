"""What a script is, and the list of all scripts; ``tests.crash.scripts`` fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paidflow import PaidAction
from tests.crash.world import World

Run = Callable[[World, PaidAction], None]
PAID = frozenset({"PAID"})
FAILED = frozenset({"FAILED"})
ANON = None


@dataclass(frozen=True, slots=True)
class Script:
    """One way through.

    Args:
        run: what the process does.
        action: what it requests.
        actor: who requests it; ``None`` for a logged-out person.
        ends: where the action may rest once somebody has paid for it.
        grants: whether it needs credits first.
        earns: whether Ann has to earn something first that she can withdraw.
        grace_s: for a bank that cannot confirm a close, when an expired invoice counts as closed.
        donates: whether somebody has to pay into the pool first.
        receives: whether Bob has an account that the bank can pay, and wallets.
        denies: whether the bank says for some time that it does not know a payment that it made.
    """

    run: Run
    action: PaidAction
    actor: str | None
    ends: frozenset[str]
    grants: bool
    grace_s: int | None
    earns: bool
    donates: bool
    receives: bool
    denies: bool


SCRIPTS: dict[str, Script] = {}


def script(
    action: PaidAction,
    *,
    actor: str | None = "ann",
    ends: frozenset[str] = PAID,
    grants: bool = False,
    grace_s: int | None = None,
    earns: bool = False,
    donates: bool = False,
    receives: bool = False,
    denies: bool = False,
) -> Callable[[Run], Run]:
    """Add a script under the name of its function."""

    def register(run: Run) -> Run:
        told = Script(run, action, actor, ends, grants, grace_s, earns, donates, receives, denies)
        SCRIPTS[run.__name__] = told
        return run

    return register
