"""Signatures by which the receiver of a webhook knows its sender: Standard Webhooks, symmetric."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime

from paidflow.errors import InvalidConfiguration

PREFIX = "whsec_"
_SECRET_BYTES_MIN = 24
_SECRET_BYTES_MAX = 64


class Signer:
    """Signs with every secret, so that a receiver can change from one to another.

    Args:
        secrets: each ``whsec_`` and 24 to 64 bytes in base64.

    Raises:
        InvalidConfiguration: when there is none, or one is not like that.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if isinstance(secrets, str) or not secrets:
            raise InvalidConfiguration("a webhook needs a list with at least one secret")
        self._keys = [_key(secret) for secret in secrets]

    def __repr__(self) -> str:
        return f"Signer(secrets={len(self._keys)})"

    def headers(self, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
        """The headers that belong to a body.

        Args:
            message_id: the same in every repetition.
            body: exactly the bytes that are sent.
            now: the moment of this try.
        """
        timestamp = str(int(now.timestamp()))
        signed = b".".join((message_id.encode(), timestamp.encode(), body))
        macs = (hmac.digest(key, signed, "sha256") for key in self._keys)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs),
        }


def _key(secret: str) -> bytes:
    if not isinstance(secret, str) or not secret.startswith(PREFIX):  # pyright: ignore
        raise InvalidConfiguration(f"a webhook secret must begin with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise InvalidConfiguration(f"a webhook secret must be {PREFIX} and base64") from None
    if not _SECRET_BYTES_MIN <= len(key) <= _SECRET_BYTES_MAX:
        raise InvalidConfiguration(
            f"a webhook secret must be {_SECRET_BYTES_MIN} to {_SECRET_BYTES_MAX} bytes"
        )
    return key
