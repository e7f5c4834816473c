"""The names of accounts. What somebody may spend from is never below zero; the rest only counts.

Each account exists once in each currency. Money changes its currency only by way of ``exchange``:
two entries, one in each currency.
"""

from __future__ import annotations

ISSUED = "issued"
"""Where credits come from that an operator gives to an actor."""

POOL = "pool"
"""What is to be given back to the users, such as rewards."""

FEES = "fees"
"""What gateways and routes have cost."""

LOSSES = "losses"
"""Money that is gone: paid out for a payment that did not come, or a debt that was given up."""

EXCHANGE = "exchange"
"""Where money changes its currency: above zero in one that came, below zero in one that went."""

_PURSE, _WITHDRAWABLE, _TERRITORY = "purse:", "withdrawable:", "territory:"
_REVENUE = "revenue:"
_NAMED = (_PURSE, _WITHDRAWABLE, _TERRITORY)


def purse(actor: str) -> str:
    """The account of an actor's credits, which can only be spent inside."""
    return f"{_PURSE}{actor}"


def withdrawable(actor: str) -> str:
    """The account of an actor's money that can be withdrawn."""
    return f"{_WITHDRAWABLE}{actor}"


def territory(name: str) -> str:
    """The account of what a part of the application has earned for its owner."""
    return f"{_TERRITORY}{name}"


def revenue(kind: str) -> str:
    """The account of what actions of this kind have earned for the operator."""
    return f"{_REVENUE}{kind}"


def clearing(gateway: str) -> str:
    """The account of the money that a gateway holds for us; below zero by that much."""
    return f"clearing:{gateway}"


def unclaimed(action_id: str) -> str:
    """The account of money that an action received and that is nobody's yet."""
    return f"unclaimed:{action_id}"


def reserved(action_id: str) -> str:
    """The account of what purses have given for an action that is not paid yet."""
    return f"reserved:{action_id}"


def advanced(action_id: str) -> str:
    """The account of what was paid out for an action whose own payment is only locked yet."""
    return f"advanced:{action_id}"


def refunding(action_id: str) -> str:
    """The account of what is reserved for refunds of an action that a gateway was asked for."""
    return f"refunding:{action_id}"


def receivable(account: str) -> str:
    """The account of what the owner of an account owes to us; below zero by that much."""
    return f"receivable:{account}"


def is_named(account: str) -> bool:
    """Whether this account belongs to an actor, or to a part of the application."""
    return account.startswith(_NAMED)


def person_of(account: str) -> str | None:
    """Whose purse or withdrawable money this account is; ``None`` if it is no person's."""
    for prefix in (_PURSE, _WITHDRAWABLE):
        if account.startswith(prefix):
            return account.removeprefix(prefix)
    return None


def is_spendable(account: str) -> bool:
    """Whether somebody spends from this account, so that it must never be overdrawn."""
    return account == POOL or is_named(account)


def is_common(account: str) -> bool:
    """Whether the application spends from this account, and nobody's purse is touched."""
    return account == POOL or account.startswith(_TERRITORY)


def is_beneficiary(account: str) -> bool:
    """Whether an action may pay out to this account."""
    return is_spendable(account) or account == FEES or account.startswith(_REVENUE)
