"""What all pages are made with: a template, who looks, and what stands at the top."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urljoin

from fastapi import Depends, Query, Request, Response
from fastapi.templating import Jinja2Templates

from examples.forum import words
from examples.forum.forms import HELPERS
from examples.forum.forum import LISTS, PEOPLE, SETTINGS, WRITTEN, Forum
from examples.forum.gateways import STRIPE_SCRIPT, CardForm
from examples.forum.people import member, person
from paidflow.forum import edit_timer

Viewer = Annotated[str | None, Depends(person)]
Member = Annotated[str, Depends(member)]
Cursor = Annotated[str | None, Query(max_length=200)]
PAGE = 20
UNDO_S = 5
"""So long a zap waits in the browser, where it can be taken back."""

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""If what somebody has written should ever become HTML, no script in it would run."""

STRIPE = {
    "script-src": "https://js.stripe.com https://*.js.stripe.com",
    "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
    "connect-src": "https://api.stripe.com",
}
"""What Stripe's script needs (https://docs.stripe.com/security/guide)."""


def headers(card: CardForm | None) -> dict[str, str]:
    """The headers of all pages.

    Args:
        card: how they ask for a card, if they do.
    """
    policy = [POLICY]
    if card is not None:
        place = urljoin(card.script, "/")
        theirs = place == urljoin(STRIPE_SCRIPT, "/")
        policy += [f"{rule} 'self' {hosts if theirs else place}" for rule, hosts in STRIPE.items()]
    return {
        "cache-control": "private",  # the keys of the forms are secrets
        "content-security-policy": "; ".join(policy),
    }


@dataclass(frozen=True)
class Page:
    """Fills templates for a viewer.

    Args:
        forum: what is shown.
        templates: how.
        headers: of all pages.
    """

    forum: Forum
    templates: Jinja2Templates
    headers: Mapping[str, str]

    @classmethod
    def of(cls, forum: Forum) -> Page:
        """The pages of a forum."""
        templates = Jinja2Templates(Path(__file__).parent / "templates")
        templates.env.globals.update(
            people=PEOPLE,
            lists=LISTS,
            kinds=WRITTEN,
            settings=SETTINGS,
            card=forum.payments.card,
            undo_s=UNDO_S,
            can=forum.flow.registry.knows,
            timer=lambda item: edit_timer(
                item, now=forum.flow.clock.now(), edit_window=SETTINGS.edit_window
            ),
            **HELPERS,
        )
        templates.env.filters.update(
            sats=words.in_sats,
            purse=words.purse,
            deed=words.deed,
            told=words.told,
            forwards=lambda rows: json.dumps([dict(row) for row in rows]),
            ago=lambda at: words.ago(at, forum.flow.clock.now()),
        )
        return cls(forum, templates, headers(forum.payments.card))

    def __call__(self, request: Request, name: str, viewer: str | None, **parts: Any) -> Response:
        """A page.

        Args:
            request: what is answered.
            name: of the template.
            viewer: who looks.
            parts: what the template needs.
        """
        unread = self.forum.notifications.unread(viewer) if viewer else 0
        balance = self.forum.flow.balance(viewer) if viewer else None
        parts |= {"viewer": viewer, "unread": unread, "balance": balance}
        return self.templates.TemplateResponse(request, f"{name}.html", parts, headers=self.headers)


def more(items: list[Any]) -> str | None:
    """Where the next page begins, if there may be one."""
    return items[-1]["cursor"] if len(items) == PAGE else None
