"""What ``settings.PAIDFLOW`` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest
from django.utils.module_loading import import_string

from paidflow.actions.contract import PaidAction
from paidflow.outgoing.subscriber import Subscriber
from paidflow.payments.contract import Gateway
from paidflow.views.projection import Projection

SETTINGS = frozenset(
    {
        "ACTIONS",
        "ACTOR",
        "DATABASE",
        "GATEWAYS",
        "OPTIONS",
        "PROJECTIONS",
        "SECRET",
        "SUBSCRIBERS",
    }
)
"""What ``settings.PAIDFLOW`` may hold."""

_TEXTS = frozenset({"DATABASE", "SECRET"})


def setting(name: str, default: Any) -> Any:
    """One of the settings; a text is the path of something to import."""
    value = _all().get(name, default)
    return value if name in _TEXTS else _imported(value)


def actions() -> list[type[PaidAction]]:
    """The classes of actions."""
    return [_imported(action) for action in _made(setting("ACTIONS", ()))]


def gateways() -> dict[str, Gateway]:
    """The gateways by name; each call makes those anew that are callable."""
    return {name: _made(found) for name, found in _made(setting("GATEWAYS", {})).items()}


def secret() -> Any:
    """The secret, or several by key id."""
    found = setting("SECRET", None)
    return found() if callable(found) else found


def projections() -> list[Projection]:
    """The views that the worker keeps up to date."""
    return [_made(one) for one in setting("PROJECTIONS", ())]


def subscribers() -> list[Subscriber]:
    """Who else is told of events, besides the receivers of signals."""
    return [_made(one) for one in setting("SUBSCRIBERS", ())]


def database() -> str:
    """The alias of the database that paidflow is in."""
    return setting("DATABASE", DEFAULT_DB_ALIAS)


def actor_of(request: HttpRequest) -> str | None:
    """Who makes a request: its user's primary key, or what the setting ``ACTOR`` says."""
    ask: Callable[[HttpRequest], str | None] | None = setting("ACTOR", None)
    if ask is not None:
        return ask(request)
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


def options() -> Mapping[str, Any]:
    """What the flow is opened with besides."""
    return setting("OPTIONS", {})


def _imported(thing: Any) -> Any:
    return import_string(thing) if isinstance(thing, str) else thing


def _made(thing: Any) -> Any:
    found = _imported(thing)
    return found() if callable(found) else found


def _all() -> Mapping[str, Any]:
    found = cast("Mapping[str, Any]", getattr(settings, "PAIDFLOW", {}))
    if unknown := set(cast("Iterable[str]", found)) - SETTINGS:
        raise ImproperlyConfigured(f"PAIDFLOW has no setting {min(unknown)}")
    return found
