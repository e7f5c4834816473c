"""What stands where the time to edit one's own item runs."""

from __future__ import annotations

from datetime import timedelta

from paidflow.forum import Discussion
from paidflow.testing.payer import pay
from paidflow.views.edit_timer import EditTimer, Standing, edit_timer
from tests.forum import Forum

WINDOW = timedelta(minutes=10)


def test_c5_failed_pending_and_the_time_to_edit(forum: Forum) -> None:
    receipt = forum.pending(Discussion(title="Which tea?"), "ann")
    item_id = receipt.action_id
    assert _timer(forum, item_id) == EditTimer(Standing.PENDING)
    forum.flow.cancel(item_id, actor="ann")
    assert _timer(forum, item_id) == EditTimer(Standing.FAILED)
    retried = forum.flow.retry(item_id, actor="ann")
    assert _timer(forum, item_id) == EditTimer(Standing.PENDING)
    forum.clock.tick(300)
    pay(forum.flow, forum.sandbox, retried)
    until = forum.clock.now() + WINDOW
    assert _timer(forum, item_id) == EditTimer(Standing.EDITABLE, until)
    forum.clock.tick(WINDOW.total_seconds())
    assert _timer(forum, item_id) == EditTimer(Standing.EDITABLE, until)
    forum.clock.tick(1)
    assert _timer(forum, item_id) == EditTimer(Standing.FIXED, until)
    assert _timer(forum, item_id, "bob") is _timer(forum, item_id, None) is None
    forum.flow.refund(item_id, operator="olga", why="a mistake")
    forum.work()
    assert _timer(forum, item_id) == EditTimer(Standing.FIXED)


def test_c5_some_kinds_can_always_be_edited(forum: Forum) -> None:
    item_id = forum.done(Discussion(title="Which tea?"), "ann")
    for kind in ("bio", "job"):
        with forum.flow.store.transaction("test") as tx:
            tx.execute("update forum_items set kind = :kind where id = :id", kind=kind, id=item_id)
        forum.clock.tick(3600)
        assert _timer(forum, item_id) == EditTimer(Standing.EDITABLE)


def _timer(forum: Forum, item_id: str, viewer: str | None = "ann") -> EditTimer | None:
    item = forum.item(item_id, viewer)
    assert item is not None
    return edit_timer(item, now=forum.clock.now(), edit_window=WINDOW)
