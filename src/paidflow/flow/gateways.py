"""The gateways of a flow, and the one way to call them: never inside a database transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from paidflow import checkpoints
from paidflow.errors import InvalidConfiguration, NetworkInTransaction, NoFunding
from paidflow.payments.contract import (
    Answer,
    CancelCommand,
    Capability,
    CaptureCommand,
    CommandOutcome,
    Gateway,
    NotSent,
    OpenCommand,
    OpenOutcome,
    Profile,
    Unknown,
    Unreachable,
    Updates,
)

T = TypeVar("T")
logger = logging.getLogger("paidflow.gateways")


class Gateways:
    """The configured gateways by name.

    Every call goes through here: it is refused while a transaction is open, it announces itself
    as a point where the process can die, and an exception becomes ``Unknown`` or ``Unreachable``.

    Args:
        gateways: name -> gateway, the preferred one first.
    """

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        for name, gateway in gateways.items():
            if not isinstance(gateway, Gateway):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidConfiguration(f"{name!r} is not a gateway")
        self._gateways = dict(gateways)

    def __iter__(self) -> Iterator[str]:
        return iter(self._gateways)

    def profile(self, name: str) -> Profile | None:
        """What a gateway supports; ``None`` when it is not configured."""
        gateway = self._gateways.get(name)
        return gateway.profile if gateway is not None else None

    def choose(self, currency: str, *, hold: bool, wanted: str | None) -> str:
        """The name of the first gateway that takes the currency, and holds if it has to.

        Raises:
            NoFunding: when there is none.
        """
        for name, gateway in self._gateways.items():
            able = Capability.HOLD in gateway.profile.capabilities or not hold
            if wanted in (None, name) and able and currency in gateway.profile.currencies:
                return name
        raise NoFunding(f"no gateway {'holds' if hold else 'takes'} {currency}")

    def open(self, name: str, command: OpenCommand) -> OpenOutcome:
        """Ask a gateway for an invoice."""
        return self._call(name, "open", lambda g: g.open(command), Unknown, NotSent)

    def lookup(self, name: str, invoice_id: str) -> Answer:
        """Ask a gateway about an invoice."""
        found = self._call(name, "lookup", lambda g: g.lookup(invoice_id), Unreachable, Unreachable)
        return Answer(name, invoice_id, found)

    def capture(self, name: str, command: CaptureCommand) -> CommandOutcome:
        """Ask a gateway for locked money."""
        return self._call(name, "capture", lambda g: g.capture(command), Unknown, NotSent)

    def cancel(self, name: str, command: CancelCommand) -> CommandOutcome:
        """Ask a gateway to close an invoice."""
        return self._call(name, "cancel", lambda g: g.cancel(command), Unknown, NotSent)

    def updates(self, name: str, cursor: str | None) -> Updates:
        """The next messages of a gateway, or none when it cannot be reached."""
        return self._call(
            name,
            "updates",
            lambda g: g.updates(cursor),
            lambda _: Updates((), cursor or ""),
            lambda _: Updates((), cursor or ""),
        )

    def streaming(self) -> list[str]:
        """The names of the gateways that send messages."""
        return [
            name
            for name, gateway in self._gateways.items()
            if Capability.UPDATES in gateway.profile.capabilities
        ]

    def _call(
        self,
        name: str,
        step: str,
        call: Callable[[Gateway], T],
        raised: Callable[[str], T],
        missing: Callable[[str], T],
    ) -> T:
        checkpoints.refuse_in_transaction(step)
        gateway = self._gateways.get(name)
        if gateway is None:
            return missing(f"gateway {name!r} is not configured")
        checkpoints.reach(step, "before")
        try:
            answer = call(gateway)
        except NetworkInTransaction:
            raise
        except Exception as error:
            # Only the type: the text of a foreign error may hold what must not be logged.
            logger.warning("gateway %s: %s raised %s", name, step, type(error).__name__)
            answer = raised(type(error).__name__)
        checkpoints.reach(step, "after")
        return answer
