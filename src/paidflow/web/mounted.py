"""What the endpoints of one router share."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request

from paidflow.flow.paid_flow import PaidFlow
from paidflow.web.caller import Caller, FindActor, KeptProof, Proof, caller, refuse_other_sites
from paidflow.web.changes import Changes
from paidflow.web.rate import Rate


@dataclass(frozen=True)
class Mounted:
    """A flow, and how the outside reaches it.

    Args:
        flow: what is served.
        changes: wakes those who wait for something.
        actor: says who is logged in.
        rate: how many actions one caller may request.
        origins: other origins whose pages may call.
    """

    flow: PaidFlow
    changes: Changes
    actor: FindActor
    rate: Rate
    origins: frozenset[str]

    @cached_property
    def reads(self) -> Callable[..., Caller]:
        """The dependency of endpoints that only read."""
        who = Annotated[str | None, Depends(self.actor)]

        def reads(
            request: Request, actor: Any, proof: Proof = None, kept: KeptProof = None
        ) -> Caller:
            return caller(request, actor, proof or kept)

        reads.__annotations__.update(request=Request, actor=who, proof=Proof, kept=KeptProof)
        return reads

    @cached_property
    def writes(self) -> Callable[..., Caller]:
        """The dependency of endpoints that change something."""
        reads = Annotated[Caller, Depends(self.reads)]

        def writes(request: Request, calls: Any) -> Caller:
            refuse_other_sites(request, self.origins)
            return calls

        writes.__annotations__.update(request=Request, calls=reads)
        return writes

    @cached_property
    def requests(self) -> Callable[..., Coroutine[Any, Any, Caller]]:
        """The dependency of endpoints that may ask a gateway for an invoice."""
        writes = Annotated[Caller, Depends(self.writes)]

        async def requests(calls: Any) -> Caller:
            self.rate.count(calls.counted_as)
            return calls

        requests.__annotations__.update(calls=writes)
        return requests
