"""The rule of who sees what, for the models of an application."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models.expressions import F

from paidflow.contrib.django.database import names
from paidflow.errors import InvalidArguments
from paidflow.store import visibility

_COLUMN = "paidflow_column"
"""Stands in the rule for a column that Django spells out."""


class Visible(models.Func):
    """The condition under which a viewer sees a row that an action has created.

    Args:
        column: the field with the action's id.
        viewer: who looks; ``None`` for a logged-out person.
    """

    output_field = models.BooleanField()  # pyright: ignore

    def __init__(self, column: str | F, viewer: str | None) -> None:
        if viewer is not None and type(viewer) is not str:  # pyright: ignore
            raise InvalidArguments("a viewer is a text, as actor_of gives it, or None")
        super().__init__(column)
        self._viewer = viewer

    def _rule(self) -> str:
        # It asks for the viewer before the column.
        return visibility.visible(_COLUMN, names())

    def as_sql(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, compiler: Any, connection: Any, **unused: Any
    ) -> tuple[str, Any]:
        """The rule of ``paidflow.store.visibility``, with the viewer as a parameter."""
        column, params = compiler.compile(self.source_expressions[0])
        rule = self._rule()
        sql = rule.replace(":viewer", "%s").replace(_COLUMN, column)
        return sql, (self._viewer, *tuple(params) * rule.count(_COLUMN))


class VisiblePart(Visible):
    """The same for a row that an action or a part of one has created."""

    def _rule(self) -> str:
        return visibility.visible_part(_COLUMN, names())


class VisibleQuerySet(models.QuerySet[Any]):
    """Gives a model ``visible_to``: ``objects = VisibleQuerySet.as_manager()``."""

    def visible_to(self, viewer: str | None, *, by: str = "pk", parts: bool = False) -> Self:
        """The rows that a viewer sees: real, or mine.

        Args:
            viewer: who looks; ``None`` for a logged-out person.
            by: the field with the id of the action, also across relations.
            parts: whether rows may be created by parts of actions; otherwise nobody sees those.
        """
        return self.filter((VisiblePart if parts else Visible)(by, viewer))
