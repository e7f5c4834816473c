"""Accounts that somebody spends from, on SQLite; the same as ``sql/ledger_postgres.sql``."""

from __future__ import annotations

from datetime import datetime

from paidflow.errors import InsufficientFunds
from paidflow.ledger.accounts import receivable
from paidflow.ledger.entries import Entry
from paidflow.store.transaction import SqlTransaction


def sweep(tx: SqlTransaction, account: str, currency: str, now: datetime) -> int:
    """See ``SqlTransaction.sweep``."""
    of = {"account": account, "currency": currency}
    tx.query("insert_account", **of)
    row = tx.query("select_account", **of).fetchone()
    if row is None:
        raise AssertionError("an account that was inserted is there")
    balance, incoming = row["balance"], row["incoming"]
    if not incoming:
        return balance
    tx.query("delete_unswept", **of)
    repaid = min(incoming, row["owed"])
    if repaid:
        tx.query(
            "insert_entry",
            source=f"repayment:{currency}:{account}",
            version=row["repayments"] + 1,
            line=1,
            debit=account,
            credit=receivable(account),
            amount=repaid,
            currency=currency,
            now=now,
        )
    balance += incoming - repaid
    tx.query("update_account", balance=balance, repaid=repaid, **of)
    return balance


def debit(tx: SqlTransaction, account: str, currency: str, amount: int, now: datetime) -> None:
    """See ``SqlTransaction.debit``."""
    balance = sweep(tx, account, currency, now)
    if balance < amount:
        raise InsufficientFunds
    tx.query(
        "update_account", balance=balance - amount, repaid=0, account=account, currency=currency
    )


def recover(
    tx: SqlTransaction, entry: Entry, source: str, version: int, line: int, now: datetime
) -> None:
    """See ``SqlTransaction.recover``."""
    account, currency, amount = entry.debit, entry.amount.currency, entry.amount.amount
    balance = sweep(tx, account, currency, now)
    there = min(balance, amount)
    parts = ((line, account, there), (line + 1, receivable(account), amount - there))
    for place, debited, part in parts:
        if part:
            tx.query(
                "insert_entry",
                source=source,
                version=version,
                line=place,
                debit=debited,
                credit=entry.credit,
                amount=part,
                currency=currency,
                now=now,
            )
    left = {"balance": balance - there, "account": account, "currency": currency}
    tx.query("update_account", repaid=there - amount, **left)
