"""The flow of a Django project, opened from ``settings.PAIDFLOW``, once in each process."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from paidflow.contrib.django import settings
from paidflow.contrib.django.database import database_url
from paidflow.contrib.django.embedder import Django
from paidflow.flow.paid_flow import PaidFlow
from paidflow.payments.contract import Gateway

_lock = threading.Lock()
_flow: PaidFlow | None = None
_gateways: dict[str, Gateway] | None = None
_inherited: list[Any] = []
"""What was opened before a fork. Closing it here would end the connections of the parent."""


def get_flow() -> PaidFlow:
    """The flow of this process, opened when it is first asked for.

    Raises:
        ImproperlyConfigured: when a setting is missing or not understood.
        InvalidConfiguration: when something does not fit, such as tables that are missing.
    """
    global _flow
    with _lock:
        if _flow is None:
            _flow = PaidFlow.open(
                database_url(),
                actions=settings.actions(),
                gateways=_opened_gateways(),
                secret=settings.secret(),
                create=False,
                embedder=Django(settings.database()),
                **settings.options(),
            )
        return _flow


def gateways() -> Mapping[str, Gateway]:
    """The gateways of this process by name; those that are callable are called once for it."""
    with _lock:
        return _opened_gateways()


def close_flow() -> None:
    """Close the flow of this process; ``get_flow`` opens another one. For tests."""
    global _flow, _gateways
    with _lock:
        if _flow is not None:
            _flow.close()
        _flow = _gateways = None


def _forget() -> None:
    """In a child process: open everything again, and close nothing of the parent."""
    global _lock, _flow, _gateways
    _inherited.append((_flow, _gateways))
    _lock, _flow, _gateways = threading.Lock(), None, None


os.register_at_fork(after_in_child=_forget)


def _opened_gateways() -> dict[str, Gateway]:
    global _gateways
    if _gateways is None:
        _gateways = settings.gateways()
    return _gateways
