"""Ids that are the same in every run."""

from __future__ import annotations

import random
import uuid


class SeededIds:
    """Ids for tests; the same seed gives the same ids.

    Args:
        seed: any whole number.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def new_id(self) -> str:
        """The next id."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_nonce(self) -> str:
        """The next nonce."""
        return f"{self._random.getrandbits(128):032x}"
