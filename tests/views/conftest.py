from __future__ import annotations

from tests.actions.conftest import forum as forum
