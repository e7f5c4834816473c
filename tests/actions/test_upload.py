"""Files: what they cost, who may use them, and what becomes of those that nobody pays."""

from __future__ import annotations

import pytest

from paidflow import PaidAction, State, sats
from paidflow.errors import InvalidField
from paidflow.forum import (
    Comment,
    Discussion,
    ForumSettings,
    UpdatePost,
    Upload,
    add_upload,
    collect_uploads,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.payer import pay
from tests.actions.support import cost_of, file_of, refused, rows
from tests.forum import Forum, open_forum

DAY_S = 86_400
PAID = "select id from forum_uploads where paid_at is not null"


def post_with(*upload_ids: str, title: str = "A teapot") -> PaidAction:
    """A post that shows files."""
    return Discussion(title=title, upload_ids=upload_ids)


def collected(forum: Forum) -> list[str]:
    """What is collected now."""
    return collect_uploads(forum.flow, forum.clock.now())


# A.1, what they cost


def test_a1_image_fees_by_what_was_paid_within_a_day(forum: Forum) -> None:
    """So much for each of those that are not paid: all of them are in the same tier."""
    free = file_of(forum, "ann", 50)
    assert cost_of(forum, Upload(upload_ids=(free,))) == sats(0)
    forum.done(Upload(upload_ids=(free,)))
    costs: list[int] = []
    for mebibytes in (25, 25, 1):
        receipt = forum.paid(Upload(upload_ids=(file_of(forum, "ann", mebibytes),)))
        costs.append(receipt.cost.amount // 1_000)
    assert costs == [10, 100, 1_000]
    two = tuple(file_of(forum, "ann", 1) for _ in range(2))
    assert cost_of(forum, Upload(upload_ids=(*two, free))) == sats(2_000)
    assert cost_of(forum, Upload(upload_ids=(file_of(forum, "bob", 1),)), "bob") == sats(0)
    forum.clock.tick(DAY_S)
    assert cost_of(forum, Upload(upload_ids=two)) == sats(0)


def test_a1_image_fee_of_a_logged_out_person(forum: Forum) -> None:
    files = (file_of(forum, None, 1), file_of(forum, None, 1))
    assert cost_of(forum, Upload(upload_ids=files), None) == sats(200)


def test_a1_files_are_paid_with_what_shows_them(forum: Forum) -> None:
    file = file_of(forum, "ann", 60)
    receipt = forum.pending(post_with(file))
    assert receipt.cost == sats(11)
    assert rows(forum, PAID) == []
    assert rows(forum, "select * from forum_item_uploads") == [(receipt.action_id, file)]
    pay(forum.flow, forum.sandbox, receipt)
    assert rows(forum, PAID) == [(file,)]
    comment = Comment(parent_id=receipt.action_id, text="Look again.", upload_ids=(file,))
    assert cost_of(forum, comment) == sats(1)


# Who may use them


def test_only_ones_own_files_can_be_used(forum: Forum) -> None:
    file, of_nobody = file_of(forum, "ann", 1), file_of(forum, None, 1)
    for actor in ("bob", None):
        with refused("upload_ids", "no such file of yours"):
            forum.flow.perform(Upload(upload_ids=(file,)), actor=actor)
    forum.done(Upload(upload_ids=(of_nobody, file)))
    assert rows(forum, "select owner from forum_uploads") == [("ann",), ("ann",)]


def test_a8_files_are_limited(forum: Forum) -> None:
    file = file_of(forum, "ann", 1)
    for upload_ids in ((), (file, file), tuple(str(number) for number in range(51))):
        with refused("upload_ids"):
            forum.flow.perform(Upload(upload_ids=upload_ids), actor="ann")
    with pytest.raises(InvalidField, match="size_bytes"):
        add_upload(forum.flow, actor="ann", size_bytes=0)


# A.9, what becomes of those that nobody pays


def test_a9_unpaid_files_are_collected_after_seven_days(forum: Forum) -> None:
    unpaid, paid = file_of(forum, "ann", 60), file_of(forum, "ann", 1)
    forum.done(Upload(upload_ids=(paid,)))
    forum.clock.tick(7 * DAY_S)
    assert collected(forum) == []
    forum.clock.tick(1)
    assert collected(forum) == [unpaid]
    assert rows(forum, "select id from forum_uploads") == [(paid,)]
    with refused("upload_ids"):
        forum.flow.perform(post_with(unpaid), actor="ann")


def test_a9_files_of_logged_out_people_are_collected_after_a_day(forum: Forum) -> None:
    file = file_of(forum, None, 1)
    forum.clock.tick(DAY_S)
    assert collected(forum) == []
    forum.clock.tick(1)
    assert collected(forum) == [file]


def test_files_are_kept_while_somebody_pays_and_can_try_again(forum: Forum) -> None:
    file = file_of(forum, "ann", 60)
    forum.clock.tick(6 * DAY_S)
    receipt = forum.failed(post_with(file))
    forum.clock.tick(6 * DAY_S)
    assert collected(forum) == []
    retried = forum.flow.retry(receipt.action_id, actor="ann")
    forum.clock.tick(8 * DAY_S)
    assert collected(forum) == []
    assert pay(forum.flow, forum.sandbox, retried, late=True).state is State.PAID
    assert rows(forum, PAID) == [(file,)]


def test_a_post_whose_files_are_gone_is_not_retried(forum: Forum) -> None:
    receipt = forum.failed(post_with(file_of(forum, "ann", 60)))
    forum.clock.tick(7 * DAY_S + 1)
    assert len(collected(forum)) == 1
    with refused("upload_ids", "has been removed"):
        forum.flow.retry(receipt.action_id, actor="ann")


def test_files_may_be_collected_until_a_logged_out_person_has_paid(forum: Forum) -> None:
    file = file_of(forum, None, 1)
    forum.clock.tick(DAY_S)
    receipt = forum.pending(post_with(file), None)
    forum.clock.tick(1)
    assert collected(forum) == [file]
    pay(forum.flow, forum.sandbox, receipt)
    gone = forum.flow.get(receipt.action_id, proof=receipt.proof)
    assert gone.state is State.FAILED
    assert rows(forum, "select count(*) from forum_items") == [(0,)]


def test_files_of_what_was_paid_back_are_unpaid_again(forum: Forum) -> None:
    file = file_of(forum, "ann", 60)
    forum.rich("ann")
    receipt = forum.paid(post_with(file))
    forum.flow.refund(receipt.action_id, operator="olga", why="a mistake")
    assert rows(forum, PAID) == []
    forum.clock.tick(7 * DAY_S + 1)
    assert collected(forum) == [file]


class Disk:
    """Keeps the bytes of files, and cannot remove one of them at first."""

    def __init__(self) -> None:
        self.removed: list[str] = []
        self.broken: str | None = None

    def remove(self, upload_id: str) -> None:
        if upload_id == self.broken:
            raise OSError("the disk is away")
        self.removed.append(upload_id)


def test_a_file_that_cannot_be_removed_is_tried_again(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    disk = Disk()
    with open_forum(store_url, sandbox, clock, ForumSettings(files=disk)) as forum:
        first, second = file_of(forum, None, 1), file_of(forum, None, 1)
        clock.tick(DAY_S + 1)
        disk.broken = first
        assert collected(forum) == [second]
        with refused("upload_ids"):
            forum.flow.perform(post_with(first), actor="ann")
        disk.broken = None
        assert collected(forum) == [first]
        assert disk.removed == [second, first]


def test_an_edit_that_removes_a_file_keeps_what_was_paid(forum: Forum) -> None:
    file = file_of(forum, "ann", 60)
    post = forum.done(post_with(file))
    forum.done(UpdatePost(item_id=post, post=Discussion(title="No teapot")))
    assert rows(forum, "select count(*) from forum_item_uploads") == [(0,)]
    assert rows(forum, PAID) == [(file,)]
