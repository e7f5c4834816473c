"""What the processes that are killed were about to do: one script for each way through.

A script is deterministic, so that a second run reaches the same points in the same order.
"""

from __future__ import annotations

from tests.crash import (
    scripts_account,
    scripts_joined,
    scripts_money,
    scripts_owed,
    scripts_plain,
    scripts_priced,
    scripts_refunds,
    scripts_trouble,
    scripts_webhooks,
    scripts_withdrawal,
    scripts_wrapped,
)
from tests.crash.script import SCRIPTS, Script

__all__ = ["OWED", "SCRIPTS", "WAYS", "Script"]

OWED = tuple(n for n, told in SCRIPTS.items() if told.run.__module__ == scripts_owed.__name__)
"""Scripts that end when something is owed."""

_WHOLE = {
    module.__name__
    for module in (
        scripts_account,
        scripts_plain,
        scripts_trouble,
        scripts_joined,
        scripts_money,
        scripts_priced,
        scripts_refunds,
        scripts_webhooks,
        scripts_withdrawal,
        scripts_wrapped,
    )
}

WAYS = tuple(name for name, told in SCRIPTS.items() if told.run.__module__ in _WHOLE)
"""Scripts that go all the way."""
