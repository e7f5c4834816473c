"""examples/with_sqlalchemy.py does what it says, whatever goes wrong."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy.exc import IntegrityError

from tests.examples.cases import Embedded


class TestWithSqlalchemy(Embedded):
    way_name: ClassVar[str] = "with_sqlalchemy"
    own_errors: ClassVar[tuple[type[Exception], ...]] = (IntegrityError,)
