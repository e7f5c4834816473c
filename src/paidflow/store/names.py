"""Under which names paidflow's tables and functions are in the database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from paidflow.errors import InvalidConfiguration

_WRITTEN = re.compile(r"(?P<bare>(?:create |unique )index |\b(?:trigger|constraint) )?\bpaidflow_")
"""The names in the ``.sql`` files; those of indexes, triggers and constraints are in no schema."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PREFIX_MAX = 20
_SCHEMA_MAX = 30


@dataclass(frozen=True, slots=True)
class Names:
    """The prefix of everything that paidflow creates, and the schema that it is in.

    Args:
        prefix: what every name begins with, at most 20 small letters, digits and ``_``.
        schema: a schema of PostgreSQL, at most 30 of them; ``None`` is what the connection finds.

    Raises:
        InvalidConfiguration: when one of them is no such name.
    """

    prefix: str = "paidflow_"
    schema: str | None = None

    def __post_init__(self) -> None:
        for what, name, most in (
            ("prefix", self.prefix, _PREFIX_MAX),
            ("schema", "public" if self.schema is None else self.schema, _SCHEMA_MAX),
        ):
            if not _NAME.fullmatch(name) or len(name) > most:
                raise InvalidConfiguration(
                    f"the {what} must be small letters, digits and _, at most {most}: {name!r}"
                )

    def fill(self, sql: str) -> str:
        """SQL with these names in it, where the ``.sql`` files say ``paidflow_``."""
        bare = self.prefix
        full = bare if self.schema is None else f"{self.schema}.{bare}"
        return _WRITTEN.sub(lambda found: f"{found['bare']}{bare}" if found["bare"] else full, sql)


PLAIN = Names()
"""``paidflow_`` without a schema."""
