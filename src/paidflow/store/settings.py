"""Settings of the surroundings with which paidflow refuses to work."""

from __future__ import annotations

from paidflow.errors import InvalidConfiguration

DATABASE_FUNCTIONS = "POSTGRES_ENABLE_DB_FUNCTIONS"
_OFF = frozenset({"", "n", "no", "f", "false", "off", "0"})


def refuse_database_functions(value: str | None) -> None:
    """Refuse a setting of the eventsourcing library that loses events.

    Args:
        value: what the setting is set to, if it is set.

    Raises:
        InvalidConfiguration: when it is on, or is nothing that the library understands.
    """
    if value is not None and value.strip().lower() not in _OFF:
        raise InvalidConfiguration(
            f"{DATABASE_FUNCTIONS} makes the eventsourcing library lose events and tracking, and"
            " write into tables of other applications; unset it"
        )
