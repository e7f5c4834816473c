"""What templates write into a form, so that it is a paid action with and without JavaScript."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

PLACE_CHARACTERS_MAX = 2_000


@pass_context
def paid(context: Context, kind: str, then: str | None = None) -> Markup:
    """The attributes of a form: the script reads ``data-kind``, a browser without it ``action``.

    Args:
        context: of the template.
        kind: the kind of the action.
        then: the path to go on to, in which ``{action_id}`` stands for that of the action; this
            page by default.
    """
    onward = Markup(' data-then="{}"').format(then) if then else ""
    path = _to("form", kind, then or _here(context))
    return Markup('data-kind="{}" method="post" action="{}"{}').format(kind, path, onward)


def key() -> Markup:
    """The hidden field because of which a double click pays once."""
    field = '<input type="hidden" name="idempotency-key" value="{}">'
    return Markup(field).format(secrets.token_urlsafe(32))


@pass_context
def retry(context: Context, action_id: str) -> Markup:
    """The attributes of a button that tries an action again, anywhere on a page."""
    told = 'data-retry="{}" form="retry" formaction="{}" name="do" value="retry"'
    return Markup(told).format(action_id, _to("checkout", action_id, _here(context)))


@pass_context
def pay(context: Context, action_id: str) -> Markup:
    """The attributes of a link to what is not paid yet."""
    told = 'data-pay="{}" href="{}"'
    return Markup(told).format(action_id, _to("checkout", action_id, _here(context)))


HELPERS: dict[str, Any] = {"paid": paid, "key": key, "retry": retry, "pay": pay}


def _to(what: str, of: str, then: str) -> str:
    return f"/pay/actions/{of}/{what}?{urlencode({'then': then})}"


def _here(context: Context) -> str:
    """This page, as the browser has asked for it."""
    request: Request = context["request"]
    scope = request.scope
    path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii")
    here = f"{path}?{query}" if query else path
    return here if len(here) <= PLACE_CHARACTERS_MAX and not here.startswith("//") else "/"
