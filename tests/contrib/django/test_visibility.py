"""The rule of who sees what on an application's own models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models
from django.db.models import Value
from django.db.models.functions import Concat

from paidflow import PaidFlow, Reader
from paidflow.contrib.django.visibility import Visible, VisiblePart, VisibleQuerySet
from paidflow.errors import InvalidArguments
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import pay
from tests.wall import Note

Configure = Callable[..., PaidFlow]
VIEWERS = ("ann", "bob", "o'hara %s :viewer", None)


class WallNote(models.Model):
    id = models.TextField(primary_key=True)
    text = models.TextField()
    undone = models.IntegerField()
    objects = VisibleQuerySet.as_manager()

    class Meta:
        app_label, db_table = "visibility", "wall"


class Effect(models.Model):
    """What belongs to a note."""

    note = models.ForeignKey(WallNote, models.DO_NOTHING, db_column="id", primary_key=True)
    hook = models.TextField()
    objects = VisibleQuerySet.as_manager()

    class Meta:
        app_label, db_table = "visibility", "effects"


@pytest.fixture
def flow(configure: Configure, sandbox: SandboxGateway) -> PaidFlow:
    flow = configure()
    paid = flow.perform(Note(text="paid one"), actor="ann")
    pay(flow, sandbox, paid)
    flow.perform(Note(text="open one"), actor="ann")
    flow.perform(Note(text="of bob"), actor="bob")
    WallNote.objects.create(id="of nobody", text="no action", undone=0)
    return flow


@pytest.mark.parametrize("viewer", VIEWERS)
def test_it_is_the_rule_of_the_reader(flow: PaidFlow, viewer: str | None) -> None:
    sql = "select text from wall where visible(wall.id) order by text"
    wanted = [row["text"] for row in Reader(flow).select(sql, viewer=viewer)]
    shown = WallNote.objects.visible_to(viewer).order_by("text")
    assert [note.text for note in shown] == wanted
    assert shown.count() == len(wanted)
    hidden = WallNote.objects.filter(~Visible("id", viewer)).values_list("text", flat=True)
    assert {*hidden, *wanted} == {"paid one", "open one", "of bob", "no action"}
    assert len(hidden) + len(wanted) == 4


def test_each_viewer_sees_something_else(flow: PaidFlow) -> None:
    counts = [WallNote.objects.visible_to(viewer).count() for viewer in VIEWERS]
    assert counts == [2, 2, 1, 1]
    chained = WallNote.objects.filter(undone=0).visible_to("ann").exclude(text="paid one")
    assert [note.text for note in chained] == ["open one"]


def test_across_a_relation(flow: PaidFlow) -> None:
    shown = Effect.objects.visible_to("bob", by="note_id").values_list("hook", flat=True)
    assert sorted(shown) == ["on_paid", "perform", "perform"]
    assert Effect.objects.visible_to(None, by="note__id").count() == 2


def test_a_part_is_seen_by_whoever_sees_its_action(flow: PaidFlow) -> None:
    for note in WallNote.objects.exclude(id="of nobody"):
        WallNote.objects.create(id=f"{note.id}.1", text=f"part of {note.text}", undone=0)
    parts = WallNote.objects.filter(text__startswith="part").order_by("text")
    for viewer in VIEWERS:
        wholes = WallNote.objects.visible_to(viewer).order_by("text")
        wanted = [f"part of {note.text}" for note in wholes]
        assert [note.text for note in parts.visible_to(viewer, parts=True)] == wanted
        assert not parts.visible_to(viewer).exists()
        computed = parts.annotate(own=Concat("id", Value("", models.TextField()))).filter(
            VisiblePart("own", viewer)
        )
        assert [note.text for note in computed] == wanted


def test_a_viewer_is_a_text(flow: PaidFlow) -> None:
    user: Any = 7
    with pytest.raises(InvalidArguments, match="actor_of"):
        WallNote.objects.visible_to(user)
