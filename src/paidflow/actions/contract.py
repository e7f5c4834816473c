"""The contract of a paid action: what a developer writes to sell something.

An action is a pydantic model; its fields are its arguments. Its hooks run inside the transaction
that records the change of state, so what they write and what the log says stand or fall together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict

from paidflow.errors import InvalidConfiguration, UpcastMissing
from paidflow.money import Money
from paidflow.states.events import LatePolicy

CREDITS = "credits"
"""Pay from the actor's purse."""

INVOICE = "invoice"
"""Pay an invoice of a gateway."""


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed or found."""
        ...

    def fetchone(self) -> Mapping[str, Any] | None:
        """The next row by column name, or ``None``."""
        ...

    def fetchall(self) -> list[Mapping[str, Any]]:
        """All rows by column name."""
        ...


class HookTransaction(Protocol):
    """The database transaction that a hook takes part in. It commits or rolls back with it."""

    @property
    def raw(self) -> Any:
        """The driver's own connection."""
        ...

    def execute(self, sql: str, **params: Any) -> Rows:
        """Run one statement with ``:name`` parameters, on both stores."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One row for a table of the application.

    Args:
        table: the table, perhaps with its schema before a dot.
        values: column -> value: what JSON can say, or a time, a Decimal, a UUID.
    """

    table: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What a hook knows besides the arguments of its action.

    Args:
        action_id: the id of the action, and of the thing that it creates.
        actor: who does it; ``None`` for a logged-out person.
        now: the moment of this step, UTC.
        cost: what it costs; ``None`` only while that is being asked.
        performed: whether the work was done, so that there is something to undo.
        tx: the transaction; never kept beyond the hook.
    """

    action_id: str
    actor: str | None
    now: datetime
    cost: Money | None
    performed: bool
    tx: HookTransaction


@dataclass(frozen=True, slots=True)
class AfterPaid:
    """What ``after_paid`` knows. There is no transaction: it runs after the commit.

    Args:
        action_id: the id of the action.
        actor: who did it.
        key: the same in every repetition, for idempotent calls elsewhere.
        result: what ``perform`` returned.
    """

    action_id: str
    actor: str | None
    key: str
    result: Any


class PaidAction(BaseModel):
    """Something that a user pays to do.

    Class attributes:
        kind: its name in the log, for ever.
        version: the version of its arguments; raise it when they change.
        upcasters: version -> function from its arguments to those of the next version.
        funding: ways to pay, most preferred first.
        optimistic: act at once; the actor sees it, everybody else when it is paid.
        pessimistic: pay first, then act, then capture.
        anonymous: whether logged-out people may do it, always pessimistically.
        late_payment: what becomes of money that comes late or in the wrong amount.
        gateway: the name of the gateway to use; ``None`` takes the first that can do it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    upcasters: ClassVar[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
    funding: ClassVar[tuple[str, ...]] = (CREDITS, INVOICE)
    optimistic: ClassVar[bool] = False
    pessimistic: ClassVar[bool] = True
    anonymous: ClassVar[bool] = False
    late_payment: ClassVar[LatePolicy] = LatePolicy.ACCEPT
    gateway: ClassVar[str | None] = None

    def cost(self, ctx: Context) -> Money:
        """What it costs; not negative. May read, must not write. Zero is free."""
        raise InvalidConfiguration(f"{type(self).__name__} does not say what it costs")

    def validate_request(self, ctx: Context) -> None:
        """Check, before any money moves, what needs the database; raise ``Refused`` if it fails."""

    def claims(self, ctx: Context) -> Iterable[str]:
        """Names that only one living action may hold, such as one vote per person and poll."""
        return ()

    def perform(self, ctx: Context) -> Any:
        """Do the work, once. What it returns is kept as the result; it must be plain JSON."""

    def row(self, ctx: Context) -> Row:
        """The work as one row instead of ``perform``: it costs no statement of its own.

        It must follow from the arguments and ``ctx`` alone; ``ctx.tx`` cannot be used.
        """
        raise InvalidConfiguration(f"{type(self).__name__} does not offer a row")

    def on_paid(self, ctx: Context) -> None:
        """In the same transaction as PAID; what only paid actions do (counters, payouts)."""

    @classmethod
    def on_paid_many(cls, paid: Sequence[tuple[Self, Context]]) -> None:
        """``on_paid`` of many actions at once, for a backlog; all share one transaction.

        It must have the same effect as ``on_paid`` of each in turn, which still runs when an action
        is paid alone. If it raises, halves are tried, until the culprit stands alone.
        """
        for action, ctx in paid:
            action.on_paid(ctx)

    def on_failed(self, ctx: Context) -> None:
        """In the same transaction as FAILED; ``ctx.performed`` says if there is work to undo."""

    def on_retry(self, ctx: Context) -> None:
        """Take back what ``on_failed`` did; the work itself is not done a second time."""

    def after_paid(self, paid: AfterPaid) -> None:
        """After the commit, at least once; it can never hurt the payment."""

    def still_valid(self, ctx: Context) -> bool:
        """Whether late money may still make this action real."""
        return True

    def describe(self, ctx: Context) -> str:
        """What the payer reads on the invoice."""
        return self.kind

    @classmethod
    def has_own(cls, hook: str) -> bool:
        """Whether this action writes the hook itself."""
        own, inherited = getattr(cls, hook), getattr(PaidAction, hook)
        return getattr(own, "__func__", own) is not getattr(inherited, "__func__", inherited)


_HOOKS = (
    "cost",
    "validate_request",
    "claims",
    "perform",
    "row",
    "on_paid",
    "on_paid_many",
    "on_failed",
    "on_retry",
    "after_paid",
    "still_valid",
    "describe",
)


def check_action(action: type[PaidAction]) -> None:
    """Check a class when it is registered.

    Raises:
        InvalidConfiguration: with a sentence that names what to mend.
    """
    name = action.__name__
    if not isinstance(getattr(action, "kind", None), str) or not action.kind:
        raise InvalidConfiguration(f"{name} needs a kind, its name in the log")
    fixed = (set(PaidAction.__annotations__) | set(_HOOKS)) & set(action.model_fields)
    if fixed:
        raise InvalidConfiguration(
            f"{name}.{min(fixed)} is an argument now; write it without a type, or as a ClassVar"
        )
    for hook in _HOOKS:
        if inspect.iscoroutinefunction(getattr(action, hook)):
            raise InvalidConfiguration(f"{name}.{hook} must not be async: it runs in a transaction")
    if action.has_own("row") and action.has_own("perform"):
        raise InvalidConfiguration(f"{name} has perform and row; only one of them is its work")
    if action.has_own("on_paid_many") and not action.has_own("on_paid"):
        raise InvalidConfiguration(f"{name} has on_paid_many, so it needs on_paid for one alone")
    if action.has_own("on_failed") and not action.has_own("on_retry"):
        raise InvalidConfiguration(f"{name} has on_failed, so it needs on_retry, which undoes it")
    if any(number not in action.upcasters for number in range(1, action.version)):
        raise UpcastMissing(f"{name}.upcasters, versions 1 to {action.version - 1}")
    if not action.funding or set(action.funding) - {CREDITS, INVOICE}:
        raise InvalidConfiguration(f"{name}.funding may hold {CREDITS!r} and {INVOICE!r}")
    if not action.has_own("cost"):
        raise InvalidConfiguration(f"{name} needs a method cost")
    if INVOICE in action.funding and not (action.optimistic or action.pessimistic):
        raise InvalidConfiguration(f"{name} must be optimistic or pessimistic to use invoices")
    if action.anonymous and not (action.pessimistic and INVOICE in action.funding):
        raise InvalidConfiguration(f"{name} is anonymous, so it must be pessimistic, by invoice")
