"""What an action costs with everything that it carries, and who gets that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from paidflow.actions.contract import Context, PaidAction
from paidflow.errors import (
    CurrencyMismatch,
    InvalidAmount,
    InvalidArguments,
    NegativeCost,
    UnbalancedPayouts,
)
from paidflow.flow.members import Member
from paidflow.flow.registry import check_text
from paidflow.ledger.accounts import is_beneficiary, revenue
from paidflow.money import Money
from paidflow.states.part import Part
from paidflow.states.postings import Posting, Postings, total


@dataclass(frozen=True, slots=True)
class Price:
    """What an action costs.

    Args:
        cost: of the action and its parts together.
        payouts: who gets the cost when it is paid; empty when it is all the operator's.
        parts: the parts, and what each of them costs.
        context: what the hooks of the action itself are told.
    """

    cost: Money
    payouts: Postings
    parts: tuple[Part, ...]
    context: Context


def price(members: Sequence[Member], ctx: Context) -> Price:
    """Price an action and its parts, and let each of them refuse.

    Args:
        members: the action, and then its parts.
        ctx: what the action is told while it says what it costs.

    Raises:
        InvalidAmount: when a cost is no amount of money.
        NegativeCost: when it is less than zero.
        CurrencyMismatch: when a part costs another currency than the action.
        UnbalancedPayouts: when the payouts of one of them are not exactly what it costs.
    """
    contexts: list[Context] = []
    for member in members:
        own = replace(ctx, action_id=member.action_id, carried_by=member.carried_by)
        contexts.append(replace(own, cost=_cost(member.action, own)))
    costs = [_known(told.cost) for told in contexts]
    for cost in costs[1:]:
        if cost.currency != costs[0].currency:
            raise CurrencyMismatch(f"{costs[0].currency} and {cost.currency}")
    for member, told in zip(members, contexts, strict=True):
        member.action.validate_request(told)
    payouts = tuple(
        line
        for member, told in zip(members, contexts, strict=True)
        for line in _payouts(member.action, told, alone=len(members) == 1)
    )
    parts = tuple(
        Part(type(member.action).kind, cost)
        for member, cost in zip(members[1:], costs[1:], strict=True)
    )
    together = Money(sum(cost.amount for cost in costs), costs[0].currency)
    return Price(together, payouts, parts, contexts[0])


def _cost(action: PaidAction, ctx: Context) -> Money:
    cost = action.cost(ctx)
    if not isinstance(cost, Money):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidAmount(f"{action.kind} costs {type(cost).__name__}, not Money")
    if cost.amount < 0:
        raise NegativeCost(action.kind)
    return cost


def _known(cost: Money | None) -> Money:
    if cost is None:
        raise AssertionError("the cost was asked for")
    return cost


def _payouts(action: PaidAction, ctx: Context, *, alone: bool) -> Iterator[Posting]:
    """Who gets the cost of one action; what is the operator's is said only beside others."""
    cost = _known(ctx.cost)
    if not action.has_own("payouts"):
        if cost.amount and not alone:
            yield Posting(revenue(action.kind), cost)
        return
    payouts = tuple(action.payouts(ctx))
    amounts = [line.amount for line in payouts if isinstance(line, Posting)]  # pyright: ignore
    same = len(amounts) == len(payouts) and all(a.currency == cost.currency for a in amounts)
    if not same or any(a.amount < 0 for a in amounts) or total(payouts) != cost.amount:
        raise UnbalancedPayouts(action.kind)
    for line in payouts:
        check_text("an account", line.account)
        if not is_beneficiary(line.account):
            raise InvalidArguments(f"{action.kind} cannot pay out to {line.account!r}")
        if line.amount.amount:
            yield line
