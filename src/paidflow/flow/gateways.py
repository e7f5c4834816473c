"""The gateways of a flow, and the one way to call them: never inside a database transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TypeVar

from paidflow import checkpoints
from paidflow.actions.contract import INVOICE, PaidAction
from paidflow.clock import Clock, SystemClock
from paidflow.errors import (
    InvalidConfiguration,
    NetworkInTransaction,
    NoFunding,
    RestoredCopy,
)
from paidflow.flow.breaker import Breaker
from paidflow.money import Money
from paidflow.payments.contract import (
    Answer,
    CancelCommand,
    Capability,
    CaptureCommand,
    CommandOutcome,
    Declined,
    Destination,
    Gateway,
    HoldingsGateway,
    NotSent,
    OpenCommand,
    OpenOutcome,
    PayingGateway,
    PaymentAnswer,
    PaymentLookup,
    PayOutCommand,
    Profile,
    RefundCommand,
    RefundingGateway,
    Unknown,
    Unreachable,
    Updates,
)
from paidflow.spans import span
from paidflow.states.events import LatePolicy

T = TypeVar("T")
logger = logging.getLogger("paidflow.gateways")

_ASKING = frozenset({"lookup", "lookup_payment", "holdings"})
_NO_ANSWER = (NotSent, Unknown, Unreachable)

_PROTOCOLS: Mapping[Capability, type] = {
    Capability.PAY_OUT: PayingGateway,
    Capability.HOLDINGS: HoldingsGateway,
    Capability.REFUND: RefundingGateway,
}


class Gateways:
    """The configured gateways by name.

    Every call goes through here: it is refused while a transaction is open, it announces itself
    as a point where the process can die, and an exception becomes ``Unknown`` or ``Unreachable``.
    A gateway that does not answer is left alone for a while; see ``breaker.py``.

    Args:
        gateways: name -> gateway, the preferred one first.
        clock: the time, for those that are left alone.
        maintenance: the names of those that get no new business.

    Attributes:
        locked: whether calls are refused, because the database is a copy; see ``home.py``.
        may_ask: whether lookups are allowed all the same.
        breakers: name -> whether it answers.
    """

    locked = False
    may_ask = False

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        clock: Clock | None = None,
        maintenance: Container[str] = (),
    ) -> None:
        for name, gateway in gateways.items():
            if not isinstance(gateway, Gateway):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidConfiguration(f"{name!r} is not a gateway")
        self._gateways = dict(gateways)
        self._maintenance = maintenance
        clock = clock or SystemClock()
        self.breakers = {name: Breaker(clock) for name in gateways}

    def __iter__(self) -> Iterator[str]:
        return iter(self._gateways)

    def gateway(self, name: str) -> Gateway | None:
        """A gateway itself, to be looked at and not called; ``None`` when it is not configured."""
        return self._gateways.get(name)

    def profile(self, name: str) -> Profile | None:
        """What a gateway supports; ``None`` when it is not configured."""
        gateway = self._gateways.get(name)
        return gateway.profile if gateway is not None else None

    def refuse_copy(self) -> None:
        """Refuse to work on a copy of a log.

        Raises:
            RestoredCopy: when it is one.
        """
        if self.locked:
            raise RestoredCopy

    def choose(
        self, currency: str, *, hold: bool, wanted: str | None, forwards: bool = False
    ) -> str:
        """The name of the first gateway that takes the currency, and can do what it has to.

        Raises:
            NoFunding: when there is none.
        """
        for name, currencies in self.able(hold=hold, wanted=wanted, forwards=forwards):
            if currency in currencies:
                return name
        raise NoFunding(f"no gateway {'holds' if hold else 'takes'} {currency}")

    def able(
        self, *, hold: bool, wanted: str | None, forwards: bool = False
    ) -> Iterator[tuple[str, frozenset[str]]]:
        """The gateways that can do it, and the currencies they take.

        The preferred one comes first, but those that do not work just now come last.
        """
        for name, gateway in sorted(self._gateways.items(), key=lambda one: self.is_down(one[0])):
            profile = gateway.profile
            can = profile.capabilities
            able = Capability.HOLD in can or not hold
            passes_on = profile.forwards and Capability.PAY_OUT in can
            if wanted in (None, name) and able and (passes_on or not forwards):
                yield name, profile.currencies

    def is_down(self, name: str) -> bool:
        """Whether a gateway gets no new business now: it is in maintenance, or does not answer."""
        return name in self._maintenance or self.breakers[name].down_since is not None

    def paying(self, currency: str, *, wanted: str | None) -> list[str]:
        """The names of the gateways that send money of this currency to others, as in ``able``."""
        names = [
            name
            for name, gateway in self._gateways.items()
            if wanted in (None, name)
            and Capability.PAY_OUT in gateway.profile.capabilities
            and currency in gateway.profile.currencies
        ]
        return sorted(names, key=self.is_down)

    def check(self, actions: Iterable[type[PaidAction]]) -> None:
        """Check that gateways have the methods of what they promise, and what actions need.

        Raises:
            InvalidConfiguration: when a method is missing, or none of the gateways of an action can
                do what it needs. A flow without any gateway takes no invoices, so it needs neither
                holds nor outgoing payments.
        """
        for name, gateway in self._gateways.items():
            for capability, protocol in _PROTOCOLS.items():
                if capability in gateway.profile.capabilities and not isinstance(gateway, protocol):
                    raise InvalidConfiguration(
                        f"{name!r} promises {capability} and is no {protocol.__name__}"
                    )
        for action in actions:
            for capability, why in _needs(action):
                if not self._has(capability, action.gateway):
                    raise InvalidConfiguration(
                        f"{action.__name__}{why}, and none of its gateways can {capability}"
                    )

    def _has(self, capability: Capability, wanted: str | None) -> bool:
        """Whether a gateway of an action can do something, or there is nothing to do it with."""
        if not self._gateways:
            return capability is not Capability.REFUND
        return any(
            capability in gateway.profile.capabilities
            for name, gateway in self._gateways.items()
            if wanted in (None, name)
        )

    def open(self, name: str, command: OpenCommand, *, in_maintenance: bool = False) -> OpenOutcome:
        """Ask a gateway for an invoice.

        Args:
            name: the gateway.
            command: what for.
            in_maintenance: whether it is asked although it is in maintenance.
        """
        if name in self._maintenance and not in_maintenance:
            return NotSent("the gateway is in maintenance")
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

    def decode(self, name: str, destination: str) -> Destination | Declined:
        """What a gateway reads in an invoice or an address of a receiver; it asks nobody."""
        gateway = self._gateways.get(name)
        if not isinstance(gateway, PayingGateway):
            return Declined(f"gateway {name!r} does not pay out")
        try:
            return gateway.decode(destination)
        except Exception as error:
            return Declined(type(error).__name__)

    def pay_out(self, name: str, command: PayOutCommand) -> CommandOutcome:
        """Ask a gateway to send money to somebody else.

        In maintenance it only passes on what a payer has locked for it.
        """
        if name in self._maintenance and command.hold_deadline is None:
            return NotSent("the gateway is in maintenance")

        def call(gateway: Gateway) -> CommandOutcome:
            if not isinstance(gateway, PayingGateway):
                return NotSent(f"gateway {name!r} does not pay out")
            return gateway.pay_out(command)

        return self._call(name, "pay_out", call, Unknown, NotSent)

    def lookup_payment(self, name: str, payment_id: str) -> PaymentAnswer:
        """Ask a gateway about an outgoing payment."""

        def call(gateway: Gateway) -> PaymentLookup:
            if not isinstance(gateway, PayingGateway):
                return Unreachable(f"gateway {name!r} does not pay out")
            return gateway.lookup_payment(payment_id)

        found = self._call(name, "lookup_payment", call, Unreachable, Unreachable)
        return PaymentAnswer(name, payment_id, found)

    def holdings(self, name: str) -> tuple[Money, ...] | Unreachable:
        """Ask a gateway how much it holds for us."""
        unable = Unreachable(f"gateway {name!r} does not say what it holds")
        profile = self.profile(name)
        if profile is not None and Capability.HOLDINGS not in profile.capabilities:
            return unable

        def call(gateway: Gateway) -> tuple[Money, ...] | Unreachable:
            return gateway.holdings() if isinstance(gateway, HoldingsGateway) else unable

        return self._call(name, "holdings", call, Unreachable, Unreachable)

    def can_refund(self, name: str) -> bool:
        """Whether a gateway can send money back."""
        profile = self.profile(name)
        return profile is not None and Capability.REFUND in profile.capabilities

    def refund(self, name: str, command: RefundCommand) -> CommandOutcome:
        """Ask a gateway to send money back."""

        def send(gateway: Gateway) -> CommandOutcome:
            if isinstance(gateway, RefundingGateway):
                return gateway.refund(command)
            return Declined("this gateway sends nothing back")

        return self._call(name, "refund", send, Unknown, NotSent)

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
        if not (self.may_ask and step in _ASKING):
            self.refuse_copy()
        gateway = self._gateways.get(name)
        if gateway is None:
            return missing(f"gateway {name!r} is not configured")
        breaker = self.breakers[name]
        if not self._admits(breaker, step):
            return missing("the gateway does not answer, so it is left alone for a while")
        checkpoints.reach(step, "before")
        try:
            with span(f"gateway.{step}", gateway=name) as measured:
                answer = call(gateway)
                measured.note(outcome=type(answer).__name__)
        except NetworkInTransaction:
            raise
        except Exception as error:
            # Only the type: the text of a foreign error may hold what must not be logged.
            logger.warning("gateway %s: %s raised %s", name, step, type(error).__name__)
            answer = raised(type(error).__name__)
            if isinstance(error, OSError):
                breaker.failed(type(error).__name__)
        else:
            _note(breaker, step, answer)
        checkpoints.reach(step, "after")
        return answer

    def _admits(self, breaker: Breaker, step: str) -> bool:
        """Whether a call may be made; the stream is no try, as it does not say whether it works."""
        return breaker.down_since is None if step == "updates" else breaker.admits()


def _note(breaker: Breaker, step: str, answer: object) -> None:
    if isinstance(answer, _NO_ANSWER):
        breaker.failed(answer.reason)
    elif step != "updates":
        breaker.answered()


def _needs(action: type[PaidAction]) -> Iterator[tuple[Capability, str]]:
    """What the gateway of an action has to be able to do, and why."""
    if INVOICE in action.funding and not action.optimistic:
        yield Capability.HOLD, " is paid first"
    if action.has_own("transfer"):
        yield Capability.PAY_OUT, " pays out"
    if action.late_payment is LatePolicy.REFUND:
        yield Capability.REFUND, ".late_payment is REFUND"
