"""Who calls: an actor whom the application knows, or nobody, perhaps with a proof."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Cookie, Header, Request

from paidflow.web.problems import Stopped, problem

FindActor = Callable[..., str | Awaitable[str | None] | None]
"""A dependency of FastAPI that says who is logged in; ``None`` is nobody."""

Proof = Annotated[
    str | None,
    Header(
        alias="Payment-Proof",
        max_length=200,
        description="The proof of the receipt, for whoever is not logged in.",
    ),
]

PROOF_COOKIE = "payment-proof"
KeptProof = Annotated[
    str | None,
    Cookie(
        alias=PROOF_COOKIE,
        max_length=200,
        description="The same, as a browser keeps it after a form; only under the path of the "
        "action.",
    ),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Args:
        actor: who is logged in; ``None`` for nobody.
        proof: of the action that the request is about.
        counted_as: under which name the requests are counted.
    """

    actor: str | None
    proof: str | None = field(repr=False)
    counted_as: str


def nobody() -> str | None:
    """The actor of an application without logins."""
    return None


def caller(request: Request, actor: str | None, proof: str | None) -> Caller:
    """Who calls; somebody who is not logged in is counted by the address that the server sees."""
    host = request.client.host if request.client else "unknown"
    return Caller(actor, proof, f"actor {actor}" if actor is not None else f"address {host}")


def refuse_other_sites(request: Request, origins: Collection[str]) -> None:
    """Refuse what a page of another site has sent with the cookies of its visitor.

    Browsers say where a request comes from (Fetch Standard, ``Origin``; Fetch Metadata,
    ``Sec-Fetch-Site``); programs that say nothing carry no cookies of anybody.

    Args:
        request: what was sent.
        origins: other origins that may do this, such as ``https://app.example``.

    Raises:
        Stopped: when it is from elsewhere.
    """
    origin = request.headers.get("origin")
    if origin in origins:
        return
    foreign = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    if origin is not None:
        foreign = foreign or urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise Stopped(problem(403, "other_site", "This was sent from a page of another site."))
