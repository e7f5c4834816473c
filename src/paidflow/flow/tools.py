"""What every part of a flow works with."""

from __future__ import annotations

from dataclasses import dataclass

from paidflow.clock import Clock
from paidflow.flow.gateways import Gateways
from paidflow.flow.recorder import Recorder
from paidflow.flow.registry import Registry
from paidflow.flow.wallets import Wallets
from paidflow.ids import Ids
from paidflow.keyring import Keyring
from paidflow.payments.quotes import Quotes
from paidflow.store.contract import Transactions


@dataclass(frozen=True, slots=True)
class Tools:
    """The store, the gateways, the wallets and the sources of actions, keys, time and ids.

    Args:
        store: opens transactions, or takes part in one of somebody else.
        quotes: where exchange rates come from; ``None`` if nothing is ever converted.
        provisional: whether what is done counts only once somebody else commits.
    """

    store: Transactions
    gateways: Gateways
    registry: Registry
    recorder: Recorder
    keyring: Keyring
    clock: Clock
    ids: Ids
    wallets: Wallets
    quotes: Quotes | None = None
    provisional: bool = False
