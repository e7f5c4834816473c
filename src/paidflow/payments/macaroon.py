"""Adds a time limit to a macaroon of lnd, without asking the node.

A macaroon is a chain of HMACs, so whoever has one can make one that may do less. The encoding is
version 2 of gopkg.in/macaroon.v2 (marshal-v2.go), which lnd 0.20 asks for; the
condition is one of gopkg.in/macaroon-bakery.v2 (bakery/checkers, ``time-before``).
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from paidflow.errors import InvalidConfiguration

_VERSION = b"\x02"
_IDENTIFIER = 2
_END = b"\x00"
_SIGNATURE = b"\x06\x20"
_TAIL = len(_END + _SIGNATURE) + hashlib.sha256().digest_size


def checked(macaroon: bytes) -> bytes:
    """A macaroon, if it is one.

    Raises:
        InvalidConfiguration: when it is not one of version 2 in binary form.
    """
    if not macaroon.startswith(_VERSION) or macaroon[-_TAIL:-32] != _END + _SIGNATURE:
        raise InvalidConfiguration("macaroon is not a macaroon of lnd")
    return macaroon


def valid_until(macaroon: bytes, moment: datetime) -> bytes:
    """The same macaroon, but the node refuses it from a moment on.

    Args:
        macaroon: binary, version 2.
        moment: from when on; the clock of the node counts.
    """
    told = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    condition = f"time-before {told}".encode()
    caveat = bytes((_IDENTIFIER, len(condition))) + condition + _END
    signature = hmac.digest(macaroon[-32:], condition, "sha256")
    return macaroon[:-_TAIL] + caveat + _END + _SIGNATURE + signature
