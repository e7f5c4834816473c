"""What a wallet of LNbits keeps: the payments that came in and went out."""

from __future__ import annotations

import re
from datetime import datetime

from paidflow.payments.contract import Unreachable
from paidflow.payments.lnbits_api import LnbitsApi, Row

PAGE_ROWS = 1000
"""LNbits gives no more at once."""

PAGES_MAX = 10
"""How many pages of changes are read at once; what is older is found by the schedule."""

_HASH = re.compile(r"[0-9a-f]{64}")


class LnbitsRows:
    """The payments of one wallet.

    Args:
        api: the wallet.
    """

    def __init__(self, api: LnbitsApi) -> None:
        self._api = api

    def find(self, payment_hash: str, *, incoming: bool) -> Row | Unreachable | None:
        """The payment with this hash, that came in or that went out."""
        if not _HASH.fullmatch(payment_hash):
            return None
        rows = self._api.rows({"payment_hash": payment_hash})
        if isinstance(rows, Unreachable):
            return rows
        fit = (row for row in rows if row.payment_hash == payment_hash and row.incoming is incoming)
        return next(fit, None)

    def made_with(self, key: str) -> Row | Unreachable | None:
        """The first invoice that was made with a key."""
        rows = self._api.rows({"external_id": key})
        if isinstance(rows, Unreachable):
            return rows
        fit = [row for row in rows if row.external_id == key and row.incoming]
        return min(fit, key=lambda row: (row.created_at, row.payment_hash), default=None)

    def changed_since(self, since: datetime | None) -> list[Row] | Unreachable:
        """What has changed, the oldest first; ``None`` asks from the beginning.

        The newest is read first: rows that change meanwhile move to the front, so that a row may
        be read twice, and none is left out.
        """
        changed: list[Row] = []
        newest_first = {"sortby": "updated_at", "direction": "desc", "limit": PAGE_ROWS}
        for page in range(PAGES_MAX):
            rows = self._api.rows(newest_first | {"offset": page * PAGE_ROWS})
            if isinstance(rows, Unreachable):
                return rows
            newer = [row for row in rows if since is None or row.updated_at > since]
            changed += newer
            if len(newer) < PAGE_ROWS:
                break
        return changed[::-1]

    def on_their_way_out(self) -> list[Row] | Unreachable:
        """The outgoing payments that have neither arrived nor failed."""
        found: list[Row] = []
        asked = {"status": "pending", "amount[lt]": 0, "sortby": "created_at", "limit": PAGE_ROWS}
        while True:
            rows = self._api.rows(asked | {"offset": len(found)})
            if isinstance(rows, Unreachable):
                return rows
            found += rows
            if len(rows) < PAGE_ROWS:
                return found
