"""The interface of LNbits over HTTP, as far as it is needed here; needs httpx.

The rules are those of LNbits 1.6.2 (lnbits/lnbits, core/views/payment_api.py and
core/services/payments.py).
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Literal, Self, TypeVar

import httpx
from pydantic import BaseModel, Field

from paidflow.payments.contract import Declined, NotSent, Unknown, Unreachable
from paidflow.payments.http import GatewayHttp, Reply, SettingNames

PAYMENTS = "/api/v1/payments"
BRIEF_S = 3.0
"""How long to wait for what the node of LNbits says of a payment that is on its way."""

MEMO_BYTES_MAX = 600
"""LNbits takes 640 characters, and BOLT 11 has room for 639 bytes."""
_SAYS_NO = 520
"""The status with which LNbits refuses a payment or an invoice."""

_Model = TypeVar("_Model", bound=BaseModel)
_HAS_FAILED = "Payment failed: "
_NO_WALLET = "Wallet not found."
_KNOWN = {
    "Hold invoices are not supported by this wallet.": "its funding source holds no money",
    "Hold invoices are not supported by the funding source.": "its funding source holds no money",
    "Insufficient balance.": "the wallet has not enough",
    "Internal invoice already paid.": "it is paid already",
    "Payment already paid.": "it is paid already",
    "Payment is still pending.": "it is being paid already",
}


class Row(BaseModel):
    """A payment as LNbits keeps it: incoming if the amount is positive, else outgoing.

    Args:
        amount: millisatoshis, without the fee.
        fee: millisatoshis; its sign means nothing.
        preimage: of an incoming payment it is there before anybody has paid.
        updated_at: when LNbits changed it last.
        extra: what whoever made it has written into it, and what LNbits adds.
        external_id: the key of whoever made it.
    """

    payment_hash: str
    wallet_id: str
    amount: int
    fee: int
    bolt11: str = Field(repr=False)
    status: Literal["pending", "success", "failed"]
    preimage: str | None = Field(default=None, repr=False)
    created_at: datetime
    updated_at: datetime
    extra: dict[str, object] = Field(default={}, repr=False)
    external_id: str | None = None

    @property
    def incoming(self) -> bool:
        """Whether somebody pays this wallet."""
        return self.amount > 0

    @property
    def proof(self) -> bytes | None:
        """The preimage, if it is the one of the hash; with play money it may be none."""
        try:
            preimage = bytes.fromhex(self.preimage or "")
        except ValueError:
            return None
        return preimage if hashlib.sha256(preimage).hexdigest() == self.payment_hash else None

    @property
    def hold(self) -> bool:
        """Whether it is a hold invoice."""
        return self.extra.get("hold_invoice") is True


class _Rows(BaseModel):
    data: list[Row]


class _Shown(BaseModel):
    details: Row | None = None
    status: str | None = None


class _Balance(BaseModel):
    balance: int


class _FeeReserve(BaseModel):
    fee_reserve: int


class _Refusal(BaseModel):
    detail: str = ""
    status: str = ""


class _Paid(BaseModel):
    status: str


class LnbitsApi:
    """One wallet of an LNbits, as its keys show it.

    Args:
        url: the address of the server.
        wallet_id: the id of the wallet; ``None`` if it does not matter which one the keys are of.
        invoice_key: the key to make and to see invoices; the admin key does both, too.
        admin_key: the key to pay with.
        timeout_s: how long to wait for a connection, and for an answer. LNbits itself waits 5
            seconds for a payment, and answers nobody meanwhile.
        certificate: what the server's certificate is checked with; the public ones if ``None``.

    Raises:
        InvalidConfiguration: when the address does not fit.
    """

    def __init__(
        self,
        url: str,
        *,
        wallet_id: str | None,
        invoice_key: str,
        admin_key: str | None,
        timeout_s: float,
        certificate: ssl.SSLContext | None = None,
    ) -> None:
        def http(name: str, key: str | None, limit_s: float = timeout_s) -> GatewayHttp:
            return GatewayHttp(
                url,
                headers={"X-Api-Key": key} if key else {},
                settings=SettingNames(credentials=name),
                timeout_s=limit_s,
                certificate=certificate or _public_authorities(),
                statuses=frozenset({_SAYS_NO}),
            )

        self._wallet_id = wallet_id
        self._invoices = http("invoice_key", invoice_key)
        self._brief = http("invoice_key", invoice_key, min(timeout_s, BRIEF_S))
        self._admin = http("admin_key", admin_key)
        self._public = http("url", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        for http in (self._invoices, self._brief, self._admin, self._public):
            http.close()

    # What changes nothing.

    def rows(self, filters: Mapping[str, str | int]) -> list[Row] | Unreachable:
        """The payments of the wallet, as they are kept; nobody else is asked.

        Args:
            filters: the query. LNbits ignores filters that it does not know.
        """
        found = self._read(f"{PAYMENTS}/paginated", _Rows, filters)
        if isinstance(found, Unreachable):
            return found
        if any(self._wallet_id not in (None, row.wallet_id) for row in found.data):
            return Unreachable("wallet_id is not the wallet that invoice_key is of")
        return found.data

    def rechecked(self, row: Row) -> Row | Unreachable:
        """The same payment, after LNbits has asked its funding source about it."""
        http = self._invoices if row.incoming else self._brief
        shown = self._read(f"{PAYMENTS}/{row.payment_hash}", _Shown, http=http)
        if isinstance(shown, Unreachable):
            return shown
        if shown.details is None or shown.details.incoming is not row.incoming:
            return Unreachable("LNbits shows another payment")
        if shown.status is None and shown.details.status == "pending":
            return Unreachable("the funding source of LNbits gives it no answer")
        return shown.details

    def is_here(self, payment_hash: str) -> bool | Unreachable:
        """Whether any wallet of this server has a payment with that hash; needs no key."""
        reply = self._public.ask(f"{PAYMENTS}/{payment_hash}")
        if isinstance(reply, Unreachable):
            return reply
        if reply.ok or reply.status == 404:
            return reply.ok
        return Unreachable(f"status {reply.status}")

    def balance_msats(self) -> int | Unreachable:
        """What the wallet can spend."""
        found = self._read("/api/v1/wallet", _Balance)
        return found if isinstance(found, Unreachable) else found.balance

    def fee_reserve_msats(self, payment_request: str) -> int | Unreachable:
        """What a payment may cost at most; a payer cannot choose it."""
        found = self._read(f"{PAYMENTS}/fee-reserve", _FeeReserve, {"invoice": payment_request})
        return found if isinstance(found, Unreachable) else found.fee_reserve

    # What changes something.

    def create(self, body: Mapping[str, object]) -> Row | Declined | NotSent | Unknown:
        """Make an invoice."""
        reply = self._invoices.command("POST", PAYMENTS, {"out": False} | dict(body))
        if not isinstance(reply, Reply):
            return reply
        if reply.status == _SAYS_NO:
            refusal = reply.read(_Refusal)
            # "Pending" says that its funding source may have made one.
            if refusal is None or refusal.status != "failed":
                return Unknown("LNbits does not know whether there is an invoice")
        if not reply.ok:
            return _refusal(reply, "invoice_key")
        return reply.read(Row) or Unknown("an answer that nobody understands")

    def pay(self, payment_request: str, key: str) -> Declined | NotSent | Unknown | None:
        """Pay an invoice; ``None`` if it was begun, whatever became of it.

        Whatever else LNbits refuses was not begun by this command; its status "success" there only
        says that it was paid before.
        """
        body = {"out": True, "bolt11": payment_request, "external_id": key}
        reply = self._admin.command("POST", PAYMENTS, body)
        if not isinstance(reply, Reply):
            return reply
        if not reply.ok:
            refusal = reply.read(_Refusal)
            failed = refusal is not None and refusal.detail.startswith(_HAS_FAILED)
            return None if failed else _refusal(reply, "admin_key")
        paid = reply.read(_Paid)
        if paid is None:
            return Unknown("an answer that nobody understands")
        return Declined("it has failed") if paid.status == "failed" else None

    def settle(self, preimage: bytes) -> NotSent | Unknown | None:
        """Have the money of a hold invoice handed over; ``None`` if LNbits says so."""
        return self._hold_command("settle", {"preimage": preimage.hex()})

    def cancel(self, payment_hash: str) -> NotSent | Unknown | None:
        """Have an invoice closed; ``None`` if LNbits says so."""
        return self._hold_command("cancel", {"payment_hash": payment_hash})

    def _hold_command(self, name: str, body: Mapping[str, str]) -> NotSent | Unknown | None:
        reply = self._admin.command("POST", f"{PAYMENTS}/{name}", body)
        if not isinstance(reply, Reply):
            return reply
        if reply.ok:
            return None
        refused = _refusal(reply, "admin_key")
        # LNbits also says "failed" when its funding source did not answer in time.
        return refused if isinstance(refused, NotSent) else Unknown(refused.reason)

    def _read(
        self,
        path: str,
        model: type[_Model],
        params: Mapping[str, str | int] | None = None,
        http: GatewayHttp | None = None,
    ) -> _Model | Unreachable:
        reply = (http or self._invoices).ask(path, params)
        if isinstance(reply, Unreachable):
            return reply
        if not reply.ok:
            refused = _refusal(reply, "invoice_key")
            return Unreachable(refused.reason)
        found = reply.read(model)
        return Unreachable("an answer that nobody understands") if found is None else found


@cache
def _public_authorities() -> ssl.SSLContext:
    """Reading all of them takes longer than a request, and wallets are used one time each."""
    return httpx.create_ssl_context()


def memo(description: str) -> str:
    """A description as LNbits takes it."""
    return description.encode(errors="replace")[:MEMO_BYTES_MAX].decode(errors="ignore")


def _refusal(reply: Reply, key_name: str) -> Declined | NotSent:
    refusal = reply.read(_Refusal) or _Refusal()
    if reply.status == 404 and refusal.detail == _NO_WALLET:
        return NotSent(f"{key_name} is not accepted (status 404)")
    # Any other text may hold what must not be logged.
    return Declined(_KNOWN.get(refusal.detail, f"LNbits refuses it (status {reply.status})"))
