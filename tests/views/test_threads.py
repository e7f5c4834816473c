"""Comment trees: whole, of any depth, and nothing that the viewer must not see."""

from __future__ import annotations

from paidflow.forum import Comment, Discussion, Threads, Zap
from paidflow.views.threads import Branch
from tests.forum import Forum


def test_a_tree_of_any_depth_from_any_item_of_it(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "ann")
    chain = [post]
    for depth in range(12):
        chain.append(_said(forum, Comment(parent_id=chain[-1], text=f"{depth}"), "bob"))
    beside = _said(forum, Comment(parent_id=chain[10], text="beside"), "carol")
    for top in (0, 5, 12):
        expected = _chain(chain[top:], {chain[10]: beside})
        assert _shape(_tree(forum, chain[top])) == expected
    assert _tree(forum, "nothing") is None


def test_answers_that_were_zapped_most_come_first(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "ann")
    first, second, third = (
        _said(forum, Comment(parent_id=post, text=f"this {n}"), "bob") for n in range(3)
    )
    forum.done(Zap(item_id=third, amount_sats=10), "ann")
    assert _shape(_tree(forum, post)) == (post, [(third, []), (first, []), (second, [])])


def test_c2_a_first_comment_that_is_not_paid_is_there_for_its_author(forum: Forum) -> None:
    """The counter of comments says nothing about it."""
    post = forum.done(Discussion(title="Which tea?"), "ann")
    mine = forum.pending(Comment(parent_id=post, text="Green."), "bob").action_id
    forum.clock.tick(1)
    failed = forum.failed(Comment(parent_id=post, text="Black."), "bob").action_id
    assert _shape(_tree(forum, post, "bob")) == (post, [(mine, []), (failed, [])])
    for viewer in ("ann", None):
        assert _shape(_tree(forum, post, viewer)) == (post, [])


def test_what_is_below_something_unseen_is_not_shown(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "ann")
    middle = _said(forum, Comment(parent_id=post, text="Green."), "bob")
    below = _said(forum, Comment(parent_id=middle, text="Why?"), "carol")
    forum.flow.refund(middle, operator="olga", why="a mistake")
    forum.work()
    assert _shape(_tree(forum, post)) == (post, [])
    assert _shape(_tree(forum, post, "carol")) == (post, [])
    assert _shape(_tree(forum, post, "bob")) == (post, [(middle, [(below, [])])])
    for viewer, shown in (("ann", False), ("bob", True), ("carol", False), (None, False)):
        assert (_tree(forum, below, viewer) is not None) == shown


def test_upper_levels_come_first(forum: Forum) -> None:
    post = forum.done(Discussion(title="Which tea?"), "ann")
    comments = [_said(forum, Comment(parent_id=post, text=f"a {n}"), "bob") for n in range(2)]
    _said(forum, Comment(parent_id=comments[0], text="b"), "bob")
    forum.folding.catch_up()
    tree = Threads(forum.reader).tree(post, viewer=None, limit=3)
    assert _shape(tree) == (post, [(comments[0], []), (comments[1], [])])


def _said(forum: Forum, comment: Comment, actor: str) -> str:
    forum.clock.tick(1)
    return forum.done(comment, actor)


def _tree(forum: Forum, top: str, viewer: str | None = None) -> Branch | None:
    forum.folding.catch_up()
    return Threads(forum.reader).tree(top, viewer=viewer)


def _shape(branch: Branch | None) -> tuple[str, list[object]] | None:
    if branch is None:
        return None
    return branch.item["id"], [_shape(answer) for answer in branch.answers]


def _chain(ids: list[str], beside: dict[str, str]) -> object:
    head, *rest = ids
    more = [(beside[head], [])] if head in beside else []
    return head, ([_chain(rest, beside)] if rest else []) + more
