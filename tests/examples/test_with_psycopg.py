"""examples/with_psycopg.py does what it says, whatever goes wrong."""

from __future__ import annotations

from typing import ClassVar

import psycopg
import pytest

from tests.examples.cases import Embedded


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
class TestWithPsycopg(Embedded):
    way_name: ClassVar[str] = "with_psycopg"
    own_errors: ClassVar[tuple[type[Exception], ...]] = (psycopg.IntegrityError,)
    notes_are_sent_at_once: ClassVar[bool] = True
