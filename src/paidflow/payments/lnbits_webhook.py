"""The webhooks of LNbits: unsigned, sent twice, and JSON within JSON."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field

from pydantic import BaseModel, Field, ValidationError

from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.payments.contract import Hint

TOKEN = "paidflow"
BODY_BYTES_MAX = 64 * 1024
_SECRET_BYTES_MIN = 16


class _Extra(BaseModel):
    paidflow: str


class _Body(BaseModel):
    payment_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    external_id: str
    extra: _Extra


@dataclass(frozen=True, slots=True)
class LnbitsWebhook:
    """Where LNbits is to send webhooks, and how they are told from noise.

    LNbits signs nothing. But it sends along what was written into an invoice when it was made: a
    token that only the owner of the wallet can see. Whoever knows it can do no harm, because a
    webhook only says where to look.

    Args:
        url: where to; LNbits has to be able to reach it.
        secret: what the tokens are made with, at least 16 bytes.

    Raises:
        InvalidConfiguration: when the secret is too short.
    """

    url: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < _SECRET_BYTES_MIN:
            raise InvalidConfiguration(f"webhook secret: at least {_SECRET_BYTES_MIN} bytes")

    def asked_for(self, key: str) -> dict[str, object]:
        """What is written into the invoice with this key."""
        return {"webhook": self.url, "extra": {TOKEN: self._token(key)}}

    def parse(self, body: bytes) -> tuple[Hint, ...]:
        """The invoice that a webhook is about.

        Raises:
            WebhookRefused: when it has no token that fits, or cannot be read.
        """
        if len(body) > BODY_BYTES_MAX:
            raise WebhookRefused("it is too long")
        try:
            said = json.loads(body)
            read = _Body.model_validate(json.loads(said) if isinstance(said, str) else said)
        except (ValueError, RecursionError, ValidationError):
            raise WebhookRefused("it is no payment of LNbits") from None
        right = self._token(read.external_id)
        if not hmac.compare_digest(read.extra.paidflow.encode(errors="replace"), right.encode()):
            raise WebhookRefused("the token does not fit")
        return (Hint(read.payment_hash),)

    def _token(self, key: str) -> str:
        message = b"paidflow lnbits webhook " + key.encode(errors="replace")
        return hmac.digest(self.secret, message, "sha256").hex()
