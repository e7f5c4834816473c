"""The web application of ``benchmarks.listeners``: lines on a wall, paid from purses."""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import FastAPI, Header

from paidflow import CREDITS, Context, Money, PaidAction, PaidFlow, sats
from paidflow.web import Rate, router


class Line(PaidAction):
    """A line."""

    kind = "line"
    funding = (CREDITS,)
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(1)


def actor(x_actor: Annotated[str | None, Header()] = None) -> str | None:
    """Who calls."""
    return x_actor


def app() -> FastAPI:
    """The application, with fifty people who can pay."""
    secret = "a secret only for this benchmark"
    flow = PaidFlow.open(
        os.environ["DATABASE_URL"], actions=[Line], gateways={}, secret=secret, create=True
    )
    for number in range(50):
        flow.grant(f"actor-{number}", sats(10_000_000), key=f"begin {number}")
    made = FastAPI()
    made.include_router(router(flow, actor=actor, rate=Rate("1000000/second")))
    return made
