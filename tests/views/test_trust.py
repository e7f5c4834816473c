"""How much people trust each other."""

from __future__ import annotations

from paidflow.forum import Discussion, MeasuredTrust, Zap, opinions
from paidflow.views.trust import Opinion
from tests.forum import Forum


def test_a_worked_example() -> None:
    """Trust is passed on and becomes less; the best way counts."""
    told = [
        Opinion("ann", "bob", zapped=5, downzapped=0),  # 5 / 10
        Opinion("ann", "carol", zapped=1, downzapped=4),  # 1 / 10
        Opinion("bob", "carol", zapped=15, downzapped=5),  # 15 / 25
        Opinion("carol", "dave", zapped=5, downzapped=0),  # 5 / 10
    ]
    trust = MeasuredTrust(told, seeds=["ann"], steps_max=2)
    assert trust.trust("ann") == 1_000_000
    assert trust.trust("bob") == 500_000
    assert trust.trust("carol") == 300_000
    assert trust.trust("dave") == 50_000  # by ann and carol; by way of bob it would be three steps
    assert trust.trust("eve") == 0
    assert MeasuredTrust(told, seeds=["ann"]).trust("dave") == 150_000


def test_a_circle_ends() -> None:
    told = [Opinion(a, b, 10**9, 0) for a, b in (("ann", "bob"), ("bob", "ann"))]
    trust = MeasuredTrust(told, seeds=["ann"], steps_max=1000, stranger=7)
    assert (trust.trust("ann"), trust.trust("dave")) == (1_000_000, 7)


def test_c2_opinions_are_made_of_real_zaps(forum: Forum) -> None:
    posts = [forum.done(Discussion(title=f"Which tea {n}?"), "bob") for n in range(3)]
    for post in (posts[0], posts[0], posts[1]):
        forum.done(Zap(item_id=post, amount_sats=10), "ann")
    forum.pending(Zap(item_id=posts[2], amount_sats=10), "ann")
    forum.failed(Zap(item_id=posts[2], amount_sats=10), "carol")
    forum.done(Zap(item_id=posts[2], amount_sats=10), None)
    assert opinions(forum.reader) == [Opinion("ann", "bob", zapped=2, downzapped=0)]
