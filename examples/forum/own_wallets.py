"""Wallets of people's own, at the sandbox: whoever has attached his is zapped directly.

At a real gateway a wallet is one of ``paidflow.payments.attached``, and its owner shows its keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from paidflow import Context, Money, PaidFlow
from paidflow.clock import Clock
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_wallet import SandboxWallet

_TABLE = "create table if not exists own_wallets (actor text primary key)"
_ATTACH = "insert into own_wallets (actor) values (:actor) on conflict do nothing"
_DETACH = "delete from own_wallets where actor = :actor"
_ATTACHED = "select actor from own_wallets where actor = :actor"


class Attached:
    """Who wants zaps in his own wallet; the wallet has his name."""

    def names(self, ctx: Context, actor: str, amount: Money) -> Sequence[str]:
        """His wallet, if it is attached."""
        return [row["actor"] for row in ctx.tx.execute(_ATTACHED, actor=actor).fetchall()]


@dataclass(frozen=True)
class OwnWallets:
    """An account for each person, beside the forum's own.

    Args:
        accounts: by person.
    """

    accounts: Mapping[str, SandboxGateway]

    @classmethod
    def open(cls, folder: Path, people: Iterable[str], clock: Clock) -> Self:
        """Open the accounts that are kept in a folder."""
        return cls(
            {
                name: SandboxGateway(
                    folder / f"wallet-of-{name}.db", sandbox=True, clock=clock, account=name
                )
                for name in people
            }
        )

    @property
    def wallets(self) -> dict[str, SandboxWallet]:
        """What a flow takes as its wallets."""
        return {name: SandboxWallet(account) for name, account in self.accounts.items()}

    def received(self, actor: str) -> Money:
        """What has come in at somebody's own wallet."""
        return self.accounts[actor].total_received()

    def close(self) -> None:
        """Let go of the files."""
        for account in self.accounts.values():
            account.close()


def create(flow: PaidFlow) -> None:
    """Make the table of who has attached a wallet."""
    with flow.transaction() as tx:
        tx.execute(_TABLE)


def attach(flow: PaidFlow, actor: str) -> None:
    """From now on somebody is zapped directly, by whoever pays an invoice."""
    with flow.transaction() as tx:
        tx.execute(_ATTACH, actor=actor)


def detach(flow: PaidFlow, actor: str) -> None:
    """From now on somebody gets credits again."""
    with flow.transaction() as tx:
        tx.execute(_DETACH, actor=actor)


def is_attached(flow: PaidFlow, actor: str) -> bool:
    """Whether somebody has attached his wallet."""
    with flow.store.reading() as tx:
        return tx.execute(_ATTACHED, actor=actor).fetchone() is not None
