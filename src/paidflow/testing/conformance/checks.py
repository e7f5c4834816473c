"""What all checks have in common."""

from __future__ import annotations

from typing import ClassVar


class Checks:
    """Checks of one part of the contract; each is a method, and its docstring is the demand.

    Class attributes:
        gateway_name: what the gateway is called in reports.
        topic: what the checks are about, for the documentation.
    """

    gateway_name: ClassVar[str] = ""
    topic: ClassVar[str] = ""
