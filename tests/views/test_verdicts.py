"""What people think of items, and of those who are mostly disliked."""

from __future__ import annotations

from paidflow.forum import Comment, Discussion, Downzap, Verdicts, Zap
from tests.forum import Forum


def post(forum: Forum, title: str, downzap_sats: int = 0, author: str = "ann") -> str:
    """A post, ten minutes after the last one, and what bob pays against it."""
    forum.clock.tick(601)
    item = forum.done(Discussion(title=title), author)
    if downzap_sats:
        forum.done(Downzap(item_id=item, amount_sats=downzap_sats), "bob")
    return item


def verdicts(forum: Forum, *item_ids: str) -> list[int]:
    """What items count for, with views that are up to date."""
    forum.folding.catch_up()
    return [Verdicts(forum.reader).votes_millionths(item_id) for item_id in item_ids]


def test_a4_votes_less_downvotes(forum: Forum) -> None:
    liked, disliked = post(forum, "About tea"), post(forum, "About mud", author="carol")
    forum.done(Zap(item_id=liked, amount_sats=100), "carol")
    forum.done(Downzap(item_id=liked, amount_sats=10), "bob")
    forum.done(Downzap(item_id=disliked, amount_sats=100), "bob")
    assert verdicts(forum, liked, disliked, "nothing") == [1_000_000, -2_000_000, 0]
    assert [Verdicts(forum.reader).is_outlawed(item) for item in (liked, disliked)] == [False, True]


def test_a1_assume_your_median(forum: Forum) -> None:
    """Items at -2, -1 and 0 votes have the median -1, so the next one begins there."""
    for title, sats in (("About mud", 100), ("About rain", 10), ("About tea", 0)):
        post(forum, title, sats)
    new, of_carol = post(forum, "About sun"), post(forum, "About rain", author="carol")
    assert verdicts(forum, new, of_carol) == [-1_000_000, 0]
    forum.done(Zap(item_id=new, amount_sats=1_000), "dave")
    assert verdicts(forum, new) == [2_000_000]


def test_a1_the_median_of_two_is_between_them_and_one_that_is_good_adds_nothing(
    forum: Forum,
) -> None:
    post(forum, "About mud", 100)
    liked = post(forum, "About tea")
    new = post(forum, "About sun")
    assert verdicts(forum, new) == [-1_000_000]
    forum.done(Zap(item_id=liked, amount_sats=10_000), "dave")
    assert verdicts(forum, new) == [0]


def test_a1_the_median_is_of_what_everybody_sees(forum: Forum) -> None:
    post(forum, "About mud", 100)
    new = post(forum, "About tea")
    assert verdicts(forum, new) == [-2_000_000]
    for text in ("One.", "Two.", "Three."):
        forum.failed(Comment(parent_id=new, text=text))
    assert verdicts(forum, new) == [-2_000_000]


def test_nobody_is_behind_what_logged_out_people_write(forum: Forum) -> None:
    first, second = (forum.done(Discussion(title=title), None) for title in ("Tea?!", "Mud?!"))
    forum.done(Downzap(item_id=first, amount_sats=100), "bob")
    assert verdicts(forum, first, second) == [-2_000_000, 0]
