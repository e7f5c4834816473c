"""Keeps the credentials of others, such as the keys of their wallets, so that a database alone
does not give them away. Needs cryptography.

AES-256 in Galois/Counter Mode (NIST SP 800-38D) with a key that derives from the keyring; the
nonce is 96 random bits. What is sealed for one name cannot be opened for another.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paidflow.errors import InvalidConfiguration
from paidflow.keyring import Keyring

_NONCE_BYTES = 12


class Seal:
    """Closes texts, and opens them again.

    Args:
        keyring: its current key closes; all of them open. The keyring of the flow will do.
        random: gives so many random bytes.
    """

    def __init__(
        self, keyring: Keyring, random: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._keyring = keyring
        self._random = random

    def close(self, text: str, name: str) -> str:
        """Seal a text.

        Args:
            text: the secret.
            name: whose it is.
        """
        key_id, nonce = self._keyring.current, self._random(_NONCE_BYTES)
        cipher = AESGCM(self._keyring.sealing_key(key_id))
        sealed = nonce + cipher.encrypt(nonce, text.encode(), name.encode())
        return f"{key_id}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, name: str) -> str:
        """The text again.

        Args:
            sealed: what ``close`` has made of it.
            name: whose it is.

        Raises:
            InvalidConfiguration: when it was changed, belongs to another name, or its key is no
                longer in the keyring.
        """
        key_id, _, encoded = sealed.rpartition(".")
        cipher = AESGCM(self._keyring.sealing_key(key_id))
        try:
            raw = base64.urlsafe_b64decode(encoded)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise InvalidConfiguration(f"what is sealed for {name!r} was changed") from None

    def is_current(self, sealed: str) -> bool:
        """Whether it was closed with the current key; if not, it should be sealed again."""
        return sealed.rpartition(".")[0] == self._keyring.current
