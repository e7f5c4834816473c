"""paidflow's tables as models to read; only paidflow writes them."""

# The stubs know the types of fields only with a plugin of mypy.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from django.db import models

from paidflow.contrib.django.database import table
from paidflow.states import codec
from paidflow.states.events import Event as PaidEvent


class Action(models.Model):
    """Where a paid action stands and what it owes."""

    action_id = models.TextField(primary_key=True)
    kind = models.TextField()
    actor = models.TextField(null=True)
    state = models.TextField()
    performed = models.BooleanField()
    version = models.BigIntegerField()
    cost = models.BigIntegerField(help_text="In minor units of the currency.")
    currency = models.TextField()
    owed = models.TextField(null=True)
    due_at = models.DateTimeField(null=True)
    attention = models.TextField(null=True)
    failure_reason = models.TextField(null=True)
    created_at = models.DateTimeField()
    state_since = models.DateTimeField()

    class Meta:
        managed = False
        db_table = table("paidflow_actions")
        default_permissions = ("view",)
        permissions = (("resolve_action", "Can resolve what needs a person"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.action_id}"


class Event(models.Model):
    """One event of the log, which nobody changes."""

    position = models.BigIntegerField(primary_key=True, db_column="notification_id")
    action = models.ForeignKey(
        Action,
        models.DO_NOTHING,
        db_column="originator_id",
        db_constraint=False,
        related_name="events",
    )
    version = models.BigIntegerField(db_column="originator_version")
    topic = models.TextField()
    state = models.BinaryField()
    recorded_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = table("paidflow_log")
        default_permissions = ("view",)
        ordering = ("version",)

    def __str__(self) -> str:
        return self.event.name

    @property
    def event(self) -> PaidEvent:
        """The event itself, in its current version."""
        return codec.decode(self.topic, bytes(self.state))
