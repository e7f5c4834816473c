"""What every part of a flow works with."""

from __future__ import annotations

from dataclasses import dataclass

from paidflow.clock import Clock
from paidflow.flow.gateways import Gateways
from paidflow.flow.recorder import Recorder
from paidflow.flow.registry import Registry
from paidflow.ids import Ids
from paidflow.keyring import Keyring
from paidflow.store.contract import Store


@dataclass(frozen=True, slots=True)
class Tools:
    """The store, the gateways and the sources of actions, keys, time and ids."""

    store: Store
    gateways: Gateways
    registry: Registry
    recorder: Recorder
    keyring: Keyring
    clock: Clock
    ids: Ids
