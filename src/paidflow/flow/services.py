"""The services of a flow: each does one task, and they all work with the same store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from paidflow.flow.commands import Commands
from paidflow.flow.intents import Intents
from paidflow.flow.invoice_limit import InvoiceLimit
from paidflow.flow.planned import Planner
from paidflow.flow.reading import Reading
from paidflow.flow.recorder import Recorder
from paidflow.flow.requesting import Requesting
from paidflow.flow.steps import Steps
from paidflow.flow.tools import Tools
from paidflow.store.joined import JoinedStore


@dataclass(frozen=True, slots=True)
class Limits:
    """What a flow allows.

    Args:
        invoices: how many unpaid invoices an actor may have.
        creation_s: how long a missing invoice is tried for.
    """

    invoices: InvoiceLimit
    creation_s: int


@dataclass(frozen=True, slots=True)
class Services:
    """All of them; see the modules."""

    tools: Tools
    limits: Limits
    steps: Steps
    reading: Reading
    requesting: Requesting
    commands: Commands

    @classmethod
    def of(cls, tools: Tools, limits: Limits) -> Self:
        """All services, working with these tools."""
        steps = Intents(tools) if tools.provisional else Steps(tools)
        reading = Reading(tools)
        requesting = Requesting(tools, steps, reading, limits.invoices, limits.creation_s)
        creation = timedelta(seconds=limits.creation_s)
        commands = Commands(tools, steps, limits.invoices, creation)
        return cls(tools, limits, steps, reading, requesting, commands)

    def inside(self, store: JoinedStore, planner: Planner) -> Self:
        """The same services for one call inside a transaction of somebody else."""
        recorder = Recorder(store, planner)
        tools = replace(self.tools, store=store, recorder=recorder, provisional=True)
        return self.of(tools, self.limits)
