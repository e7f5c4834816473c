"""Whole pages for people: how they are answered, and where a page may lead back to."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Response
from fastapi.responses import HTMLResponse

from paidflow.web.problems import Problem, ProblemRoute, retry_headers
from paidflow.web.templates import render

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}

Then = Annotated[
    str | None,
    Query(
        max_length=2_000,
        pattern=r"^/([!-.0-\[\]-~][!-\[\]-~]*)?$",
        description="A path of this site, to go on to. `{action_id}` in the one of a form stands "
        "for the id of the action.",
    ),
]
"""No address of another site: browsers read ``//x`` and ``/\\x`` as hosts, and skip tabs and line
ends (URL Standard of the WHATWG, "basic URL parser")."""


def page(name: str, status: int = 200, *, headers: dict[str, str], **parts: Any) -> HTMLResponse:
    """A template as a page that is kept nowhere and shown in no frame.

    Args:
        name: its file in ``templates``.
        status: of the answer.
        headers: further ones.
        parts: what it shows.
    """
    return HTMLResponse(render(name, **parts), status, headers=HEADERS | headers)


def query(**parts: str | None) -> str:
    """What follows the path of an address, with its question mark; empty if there is nothing."""
    given = {name: value for name, value in parts.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


class PageRoute(ProblemRoute):
    """A route for people: its errors are pages."""

    @staticmethod
    def say(said: Problem) -> Response:
        return page("problem.html", said.status, headers=retry_headers(said), said=said)
