"""examples/with_django.py does what it says, whatever goes wrong."""

from __future__ import annotations

from typing import ClassVar

from django.db import IntegrityError

from tests.examples.cases import Embedded


class TestWithDjango(Embedded):
    way_name: ClassVar[str] = "with_django"
    own_errors: ClassVar[tuple[type[Exception], ...]] = (IntegrityError,)
    notes_are_sent_at_once: ClassVar[bool] = True
