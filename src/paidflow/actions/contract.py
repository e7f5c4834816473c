"""The contract of a paid action: what a developer writes to sell something.

An action is a pydantic model; its fields are its arguments. Its hooks run inside the transaction
that records the change of state, so what they write and what the log says stand or fall together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict

from paidflow.errors import InvalidConfiguration, UpcastMissing
from paidflow.money import Money
from paidflow.states.events import LatePolicy
from paidflow.states.postings import Posting
from paidflow.states.receivers import Receiver

S = TypeVar("S")

CREDITS = "credits"
"""Pay from the actor's purse."""

WITHDRAWABLE = "withdrawable"
"""Pay from what the actor could withdraw."""

INVOICE = "invoice"
"""Pay an invoice of a gateway."""

ACCOUNT = "account"
"""Pay from an account of the application, such as the pool, which the action names."""


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
class Tables:
    """Tables that actions bring along; they are created with those of paidflow.

    Args:
        name: what their names begin with, such as ``forum``; small letters.
        package: the package with ``NNNN_what.sql`` files, run once each in their order; a file
            ``NNNN_what_postgres.sql`` or ``NNNN_what_sqlite.sql`` is for that store only.
    """

    name: str
    package: str


def nothing_proven(action_id: str) -> bool:
    """Whether the caller has shown the proof of an action; here none was shown."""
    return False


def _no_accounts(account: str, currency: str) -> Money:
    raise InvalidConfiguration("there are no accounts to look into")


def setting_in(settings: Mapping[type, object], kind: type[S]) -> S:
    """The settings of a type; its defaults if there are none of it."""
    found = settings.get(kind)
    return kind() if found is None else cast("S", found)


@dataclass(frozen=True, slots=True)
class Context:
    """What a hook knows besides the arguments of its action.

    Args:
        action_id: the id of the action, and of the thing that it creates.
        actor: who does it; ``None`` for a logged-out person.
        now: the moment of this step, UTC.
        cost: what it costs itself, without its parts; ``None`` only while that is being asked.
        performed: whether the work was done, so that there is something to undo.
        tx: the transaction; never kept beyond the hook.
        carried_by: for a part, the id of the action that carries it.
        settings: what the flow was opened with, by type.
        balances: what can be spent from an account, by its name and a currency.
        proves: whether the caller has shown the proof of an action; only while something new is
            asked for, so in ``cost``, ``payouts`` and ``validate_request``.
    """

    action_id: str
    actor: str | None
    now: datetime
    cost: Money | None
    performed: bool
    tx: HookTransaction
    carried_by: str | None = None
    settings: Mapping[type, object] = field(default_factory=dict[type, object])
    balances: Callable[[str, str], Money] = field(default=_no_accounts, repr=False)
    proves: Callable[[str], bool] = field(default=nothing_proven, repr=False)

    def balance_of(self, account: str, currency: str = "BTC") -> Money:
        """What can be spent from an account at this moment; it may be gone at the next."""
        return self.balances(account, currency)

    def setting(self, kind: type[S]) -> S:
        """The settings of this type that the flow was opened with; otherwise its defaults."""
        return setting_in(self.settings, kind)


@dataclass(frozen=True, slots=True)
class AfterPaid:
    """What ``after_paid`` knows. There is no transaction: it runs after the commit.

    Args:
        action_id: the id of the action.
        actor: who did it.
        key: the same in every repetition, for idempotent calls elsewhere.
        result: what ``perform`` returned; ``None`` for a part.
        carried_by: for a part, the id of the action that carries it.
    """

    action_id: str
    actor: str | None
    key: str
    result: Any
    carried_by: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that an action sends to somebody outside.

    Args:
        destination: an invoice or an address, as the receiver gave it.
        amount: what the receiver is to get; more than zero.
        fee_max: what it may cost besides; what is not used of it goes back.
    """

    destination: str = field(repr=False)
    amount: Money
    fee_max: Money


class PaidAction(BaseModel):
    """Something that a user pays to do.

    Class attributes:
        kind: its name in the log, for ever.
        version: the version of its arguments; raise it when they change.
        upcasters: version -> function from its arguments to those of the next version.
        funding: ways to pay, most preferred first; purses before an invoice give what they have,
            and the invoice asks for the rest. Without an invoice, too little is refused.
        optimistic: act at once; the actor sees it, everybody else when it is paid.
        pessimistic: pay first, then act, then capture.
        anonymous: whether logged-out people may do it, always pessimistically.
        late_payment: what becomes of money that comes late or in the wrong amount.
        gateway: the name of the gateway to use; ``None`` takes the first that can do it.
        tables: tables that it brings along; ``None`` if the application has made its own.
        forgotten: arguments that are forgotten in the moment in which it is paid, such as what
            somebody voted for; no hash of them is kept. They need ``None`` as their default.
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
    tables: ClassVar[Tables | None] = None
    forgotten: ClassVar[frozenset[str]] = frozenset()

    def cost(self, ctx: Context) -> Money:
        """What it costs; not negative. May read, must not write. Zero is free."""
        raise InvalidConfiguration(f"{type(self).__name__} does not say what it costs")

    def payouts(self, ctx: Context) -> Sequence[Posting]:
        """Who gets the cost when it is paid: accounts and amounts, which sum up to ``ctx.cost``.

        Asked once, when the action is requested. Empty: the operator gets everything. May read.
        """
        return ()

    def parts(self) -> Sequence[PaidAction]:
        """Actions that it carries, such as an upload inside a post; they share its fate.

        All are paid together: their costs and payouts are added to its own, and their hooks run
        after its own in the same transaction, each with an id of its own. They must follow from
        the arguments alone. A part has no parts; how it would be paid by itself does not count.
        """
        return ()

    def receivers(self, ctx: Context) -> Sequence[Receiver]:
        """Whose payout may go out to his own wallet instead, most preferred first. May read.

        One of them is paid directly, with a payer's invoice only; the others, and whoever cannot be
        reached, get their payouts as usual. The pool pays the way there.
        """
        return ()

    def paying_account(self, ctx: Context) -> str:
        """The account that pays, for an action whose funding is ``ACCOUNT``: what it costs and no
        less must be there. Nobody's purse: the pool, or the account of a territory. May read.
        """
        raise InvalidConfiguration(f"{type(self).__name__} does not say which account pays")

    def transfer(self, ctx: Context) -> Transfer:
        """The money that leaves, for an action that is there to pay out; it is all that it costs.

        Such an action is paid from what the actor could withdraw. Asked for each new try.
        """
        raise InvalidConfiguration(f"{type(self).__name__} pays nothing out")

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

    def on_reversed(self, ctx: Context) -> None:
        """In the transaction of REFUNDED or DISPUTED: take back what ``on_paid`` did.

        Nobody else sees the item any more, so an action without counters of its own needs nothing
        here. If the money comes back after all, ``on_paid`` runs again where this has run.
        """

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


HOOKS = (
    "cost",
    "payouts",
    "parts",
    "receivers",
    "paying_account",
    "transfer",
    "validate_request",
    "claims",
    "perform",
    "row",
    "on_paid",
    "on_paid_many",
    "on_failed",
    "on_retry",
    "on_reversed",
    "after_paid",
    "still_valid",
    "describe",
)
"""What an action may write itself, besides its fields."""


def check_action(action: type[PaidAction]) -> None:
    """Check a class when it is registered.

    Raises:
        InvalidConfiguration: with a sentence that names what to mend.
    """
    name = action.__name__
    if not isinstance(getattr(action, "kind", None), str) or not action.kind:
        raise InvalidConfiguration(f"{name} needs a kind, its name in the log")
    fixed = (set(PaidAction.__annotations__) | set(HOOKS)) & set(action.model_fields)
    if fixed:
        raise InvalidConfiguration(
            f"{name}.{min(fixed)} is an argument now; write it without a type, or as a ClassVar"
        )
    for hook in HOOKS:
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
    ways = (CREDITS, WITHDRAWABLE, INVOICE, ACCOUNT)
    if not action.funding or set(action.funding) - set(ways):
        raise InvalidConfiguration(f"{name}.funding may hold {', '.join(map(repr, ways))}")
    if not action.has_own("cost"):
        raise InvalidConfiguration(f"{name} needs a method cost")
    for argument in action.forgotten:
        field = action.model_fields.get(argument)
        if field is None or field.is_required() or field.get_default() is not None:
            raise InvalidConfiguration(
                f"{name}.{argument} is forgotten, so it must be an argument that can be None"
            )
    if action.forgotten and not action.has_own("on_paid"):
        raise InvalidConfiguration(
            f"{name} forgets arguments, so it needs on_paid, which uses them"
        )
    if INVOICE in action.funding and not (action.optimistic or action.pessimistic):
        raise InvalidConfiguration(f"{name} must be optimistic or pessimistic to use invoices")
    if (ACCOUNT in action.funding or action.has_own("paying_account")) and (
        action.funding != (ACCOUNT,) or not action.has_own("paying_account")
    ):
        raise InvalidConfiguration(
            f"{name} is paid from an account, so its funding is ACCOUNT alone, and paying_account"
            " names it"
        )
    if action.has_own("transfer") and (
        action.funding != (WITHDRAWABLE,) or action.has_own("payouts")
    ):
        raise InvalidConfiguration(
            f"{name} pays out, so its funding is WITHDRAWABLE alone, and it has no payouts"
        )
    if action.anonymous and not (action.pessimistic and INVOICE in action.funding):
        raise InvalidConfiguration(f"{name} is anonymous, so it must be pessimistic, by invoice")
