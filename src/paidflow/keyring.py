"""The keys that make proofs and preimages; a key has an id, so that it can be rotated."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from paidflow.errors import InvalidConfiguration
from paidflow.money import Money

_SECRET_BYTES_MIN = 16


class Keyring:
    """One current key for new proofs and preimages, and the older keys that are still needed.

    Args:
        keys: key id -> secret of at least 16 bytes. The first is the current one.

    Raises:
        InvalidConfiguration: when there is no key, an id holds a dot, or a secret is too short.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise InvalidConfiguration("the keyring needs at least one key")
        if any("." in key_id for key_id in keys):
            raise InvalidConfiguration("a key id must not hold a dot")
        if any(type(secret) is not bytes for secret in keys.values()):
            raise InvalidConfiguration("a secret must be bytes, or a single one a text")
        if any(len(secret) < _SECRET_BYTES_MIN for secret in keys.values()):
            raise InvalidConfiguration(f"a secret needs at least {_SECRET_BYTES_MIN} bytes")
        self._keys = dict(keys)
        self._derived: dict[tuple[str, str], bytes] = {}
        self.current = next(iter(self._keys))

    @classmethod
    def of(cls, secret: str | bytes | Mapping[str, bytes] | Keyring) -> Keyring:
        """A keyring from what an application has: one secret, several by id, or a keyring."""
        if isinstance(secret, Keyring):
            return secret
        if isinstance(secret, Mapping):
            return cls(secret)
        raw = secret.encode() if isinstance(secret, str) else secret
        if type(raw) is not bytes:
            raise InvalidConfiguration("the secret must be a text or bytes")
        return cls({hashlib.sha256(b"paidflow key id" + raw).hexdigest()[:8]: raw})

    def __repr__(self) -> str:
        return f"Keyring(current={self.current!r}, keys={len(self._keys)})"

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    def proof(self, action_id: str) -> str:
        """The token that shows that its holder requested this action."""
        return self._proof(self.current, action_id)

    def proves(self, proof: str, action_id: str) -> bool:
        """Whether the token belongs to this action, compared in constant time (RFC 2104)."""
        key_id, _, _ = proof.partition(".")
        if key_id not in self._keys:
            return False
        return hmac.compare_digest(self._proof(key_id, action_id).encode(), proof.encode())

    def preimage(
        self, key_id: str, *, action_id: str, attempt: int, nonce: str, amount: Money
    ) -> bytes:
        """The 32 secret bytes that release a hold invoice (BOLT 11: its hash is on the invoice).

        Raises:
            InvalidConfiguration: when the key of that time is no longer in the keyring.
        """
        if key_id not in self._keys:
            raise InvalidConfiguration(f"key {key_id!r} is still needed but not in the keyring")
        parts = (action_id, str(attempt), nonce, str(amount.amount), amount.currency)
        return self._mac(key_id, "preimage", *parts)

    def sealing_key(self, key_id: str) -> bytes:
        """The 32 secret bytes that are used to keep others' credentials; see ``payments/seal.py``.

        Raises:
            InvalidConfiguration: when that key is no longer in the keyring.
        """
        if key_id not in self._keys:
            raise InvalidConfiguration(f"key {key_id!r} is still needed but not in the keyring")
        return self._mac(key_id, "seal")

    def _proof(self, key_id: str, action_id: str) -> str:
        return f"{key_id}.{self._mac(key_id, 'proof', action_id).hex()}"

    def _mac(self, key_id: str, label: str, *parts: str) -> bytes:
        derived = self._derived.get((key_id, label))
        if derived is None:
            derived = hmac.digest(self._keys[key_id], b"paidflow " + label.encode(), "sha256")
            self._derived[key_id, label] = derived
        message = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        return hmac.digest(derived, message, "sha256")
