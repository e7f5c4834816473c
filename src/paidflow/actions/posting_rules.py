"""What a territory says about what is written in it; outside of territories, the settings."""

from __future__ import annotations

from dataclasses import dataclass

from paidflow.actions.contract import Context
from paidflow.actions.forum_action import settings_of
from paidflow.actions.territories import find_territory
from paidflow.errors import InvalidField
from paidflow.money import Money, sats


@dataclass(frozen=True, slots=True)
class PostingRules:
    """What holds for posts in a territory and for comments below them.

    Args:
        territory: its name; ``None`` outside of territories.
        post_cost: of a post.
        reply_cost: of a comment.
        kinds: the kinds of posts that it takes; ``None`` for all.
        free_posts: whether posts may be free.
        stopped: whether nobody has paid for it, so that there are no new posts.
    """

    territory: str | None
    post_cost: Money
    reply_cost: Money
    kinds: frozenset[str] | None = None
    free_posts: bool = False
    stopped: bool = False

    def check_post(self, kind: str) -> None:
        """Refuse a post that the territory does not take.

        Raises:
            InvalidField: when it is stopped, or is for other kinds of posts.
        """
        if self.stopped:
            raise InvalidField("territory", "it is closed")
        if self.kinds is not None and kind not in self.kinds:
            raise InvalidField("territory", f"it takes no post of this kind: {kind}")


def posting_rules(ctx: Context, name: str | None) -> PostingRules:
    """The rules of a territory.

    Raises:
        InvalidField: when there is no such territory.
    """
    defaults = settings_of(ctx)
    reply_cost = sats(defaults.comment_cost_sats)
    if name is None:
        return PostingRules(None, sats(defaults.post_cost_sats), reply_cost)
    found = find_territory(ctx.tx, name)
    if found is None or found.name != name:
        raise InvalidField("territory", "there is no such territory")
    return PostingRules(
        territory=found.name,
        post_cost=found.base_cost,
        reply_cost=found.reply_cost or reply_cost,
        kinds=frozenset(found.post_kinds),
        free_posts=found.free_posts,
        stopped=found.stopped,
    )
