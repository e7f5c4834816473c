"""Random histories of a forum: several people, all that they do, and all that may become of it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress

from paidflow import PaidflowError, Receipt, sats
from paidflow.testing.payer import invoice_of, pay, sync
from tests.forum import Forum
from tests.moves import MOVES, OWN_MOVES, PEOPLE, RARE_MOVES, SYSTEM, Scene

RARE = 0.4
"""How often somebody does one of the rarer things."""

PAYS = 0.4
"""How often somebody simply pays."""


class History:
    """Plays a random history.

    Args:
        forum: where.
        seed: the same seed plays the same history.
    """

    def __init__(self, forum: Forum, seed: int) -> None:
        self.forum = forum
        self.chance = random.Random(seed)
        self.receipts: list[Receipt] = []
        self.done: defaultdict[str, int] = defaultdict(int)
        """What has happened, and how often."""

    def play(self, steps: int) -> None:
        """Let people act, and their payments end in all ways that there are."""
        for actor in PEOPLE[:2]:
            self.forum.flow.grant(actor, sats(300_000), key=f"start {actor}")
        self._do("territory", self.chance.choice(PEOPLE))
        for _ in range(steps):
            self.forum.clock.tick(self.chance.choice((1, 30, 60, 300)))
            self.step()
        self.forum.worker.run_until_idle()

    def step(self) -> None:
        """One person does something, or something becomes of what was done before."""
        which = self.chance.random()
        if self.receipts and which < 0.45:
            self.outcome(self.chance.choice(self.receipts[-6:]))
        elif which > 0.95:
            self._do(self.chance.choice(tuple(OWN_MOVES)), SYSTEM)
        else:
            self.act(self.chance.choice((*PEOPLE, None)))

    def act(self, actor: str | None) -> Receipt | None:
        """Somebody does something; not all of it is allowed."""
        moves = RARE_MOVES if self.chance.random() < RARE else MOVES
        return self._do(self.chance.choice(tuple(moves)), actor)

    def _do(self, kind: str, actor: str | None) -> Receipt | None:
        scene = Scene(self.forum, self.chance, actor)
        action = ALL_MOVES[kind](scene)
        if action is None:
            return None
        with suppress(PaidflowError):
            receipt = self.forum.flow.perform(action, actor=scene.actor)
            self.receipts.append(receipt)
            self.done[f"{kind}:{receipt.state}"] += 1
            return receipt
        self.done[f"{kind}:refused"] += 1
        return None

    def outcome(self, receipt: Receipt) -> None:
        """What may become of a payment."""
        name = "pays" if self.chance.random() < PAYS else self.chance.choice(tuple(OUTCOMES))
        with suppress(PaidflowError, AssertionError):
            OUTCOMES[name](self, receipt)
            self.done[name] += 1

    # What may become of a payment.

    def _pays(self, receipt: Receipt) -> None:
        pay(self.forum.flow, self.forum.sandbox, receipt)

    def _expires(self, receipt: Receipt) -> None:
        assert self.forum.sandbox.expire(invoice_of(receipt))
        sync(self.forum.flow, receipt)

    def _tries_again(self, receipt: Receipt) -> None:
        retried = self.forum.flow.retry(receipt.action_id, proof=receipt.proof)
        self.receipts.append(retried.model_copy(update={"proof": receipt.proof}))

    def _pays_late(self, receipt: Receipt) -> None:
        pay(self.forum.flow, self.forum.sandbox, receipt, late=True)

    def _is_refunded(self, receipt: Receipt) -> None:
        self.forum.flow.refund(receipt.action_id, operator="op", why="a test")
        self.forum.worker.run_until_idle()

    def _cancels(self, receipt: Receipt) -> None:
        self.forum.flow.cancel(receipt.action_id, proof=receipt.proof)


OUTCOMES: Mapping[str, Callable[[History, Receipt], None]] = {
    "pays": History._pays,  # pyright: ignore[reportPrivateUsage]
    "expires": History._expires,  # pyright: ignore[reportPrivateUsage]
    "tries again": History._tries_again,  # pyright: ignore[reportPrivateUsage]
    "pays late": History._pays_late,  # pyright: ignore[reportPrivateUsage]
    "is refunded": History._is_refunded,  # pyright: ignore[reportPrivateUsage]
    "cancels": History._cancels,  # pyright: ignore[reportPrivateUsage]
}

ALL_MOVES = {**MOVES, **RARE_MOVES, **OWN_MOVES}
