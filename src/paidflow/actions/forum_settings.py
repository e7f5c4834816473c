"""What an operator of a forum can set: costs, shares, windows and limits, and who decides what.

The defaults are those of stacker.news, the later ones where they have changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from paidflow.actions.contract import Context
from paidflow.actions.reward_policies import (
    NoRewards,
    NoStreakRewards,
    RewardsPolicy,
    StreakRewardPolicy,
)
from paidflow.errors import Refused
from paidflow.ledger.shares import PERCENT_MAX
from paidflow.money import Money

MEBIBYTE = 2**20


class FreebiePolicy(Protocol):
    """Decides what may be written for nothing."""

    def is_free(
        self, ctx: Context, *, kind: str, cost: Money, base_cost: Money, allowed: bool
    ) -> bool:
        """Whether this item costs nothing. May read, must not write.

        Args:
            ctx: who writes it.
            kind: what it is, such as ``comment``.
            cost: what it would cost, with its files and its boost.
            base_cost: what the first one of its kind costs; more than zero.
            allowed: whether it is no post, or its territory has free posts.
        """
        ...

    def take(self, ctx: Context) -> None:
        """Note that an item is free, in the transaction that writes it; ``Refused`` ends it."""
        ...


class NoFreebies:
    """Everything costs what it costs."""

    def is_free(
        self, ctx: Context, *, kind: str, cost: Money, base_cost: Money, allowed: bool
    ) -> bool:
        return False

    def take(self, ctx: Context) -> None:
        raise Refused("nothing is free here")


class Files(Protocol):
    """Knows where the bytes of files are."""

    def remove(self, upload_id: str) -> None:
        """Remove the bytes of a file; of one that is gone already, too."""
        ...


class NoFiles:
    """Keeps no bytes."""

    def remove(self, upload_id: str) -> None:
        return None


class People(Protocol):
    """Knows who has an account; actors are opaque to paidflow."""

    def knows(self, ctx: Context, actor: str) -> bool:
        """Whether this person has an account. May read, must not write."""
        ...


class Everybody:
    """Takes every name for that of a person."""

    def knows(self, ctx: Context, actor: str) -> bool:
        return True


class TrustPolicy(Protocol):
    """How much the opinion of a person counts."""

    def trust(self, actor: str) -> int:
        """In millionths, 0 to 1,000,000; it must not change while a view is kept."""
        ...


class EqualTrust:
    """Everybody who is logged in counts the same."""

    def trust(self, actor: str) -> int:
        return 1_000_000


class WalletPolicy(Protocol):
    """Knows which people have wallets of their own, and when they want to be paid there."""

    def names(self, ctx: Context, actor: str, amount: Money) -> Sequence[str]:
        """The wallets to try, most preferred first; empty if credits are wanted. May read.

        Args:
            ctx: the action that pays him, and who does it.
            actor: who gets something.
            amount: how much.

        Returns:
            Names of wallets that the flow was opened with.
        """
        ...


class NoWallets:
    """Everybody gets credits."""

    def names(self, ctx: Context, actor: str, amount: Money) -> Sequence[str]:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForumSettings:
    """What an operator of a forum can set.

    Args:
        comment_cost_sats: of a comment where no territory says otherwise.
        post_cost_sats: of a post outside of territories.
        poll_vote_cost_sats: of a vote where the poll does not say otherwise.
        spam_window: within this time each further item costs ten times as much.
        duplicate_window: within this time the same cannot be written twice.
        anonymous_factor: by how much more a logged-out person pays.
        zap_share_percent: how much of a zap goes to the author and those he forwards to.
        direct_sats_min: whoever gets less is paid in credits, also if he has a wallet.
        direct_sats_max: the most that can be sent to a wallet at once.
        bounty_route_percent: what comes on top of a bounty for the way to a wallet.
        boost_sats_min: the least boost.
        boost_sats_multiple: a boost is a multiple of this.
        edit_window: how long after it was paid an item can be edited.
        title_characters_min: of a title.
        title_characters_max: of a title.
        post_characters_max: of the text of a post.
        comment_characters_max: of a comment.
        url_characters_max: of a link.
        poll_options_min: of a poll.
        poll_options_max: of a poll, also after options were added.
        poll_option_characters_max: of an option.
        poll_time_min: for how long a poll that ends is open at least.
        bounty_sats_min: the least bounty.
        bounty_sats_max: the greatest bounty.
        forwards_max: to how many people an item can forward.
        unpaid_items_max: an actor whose last so many items are all unpaid writes no more.
        system: the actor that does what the forum does by itself; nobody may log in as it.
        territory_month_sats: what a territory costs each month.
        territory_year_sats: what it costs each year.
        territory_once_sats: what it costs once and for all.
        territory_grace: how long after its bill was due it goes on.
        territory_name_characters_max: of the name of a territory.
        territory_description_characters_max: of its description.
        territory_base_sats_max: of what its owner takes for a post or a comment.
        time_zone: where a day of the forum begins and ends, such as ``America/Chicago``.
        rewarded_people_max: so many get a part of the pool of a day.
        streak_day_min_sats: a day on which so much was spent belongs to a streak.
        gifts_day_max_sats: so much one person may give within a day; ``None`` is any amount.
        gifts_person_max: so often one person may give to the same other; ``None`` is any number.
        auto_withdrawal_excess_percent: nothing is paid out by itself before there is so much more
            than the threshold, in per cent of it.
        auto_withdrawal_pause: how long after one that has failed there is no other.
        rewards: who gets a part of the pool.
        streak_rewards: what a streak gives.
        uploads_max: how many files an item can show.
        upload_costs_sats: what a file costs, as pairs: as long as the actor has no more than so
            many bytes within 24 hours, so much.
        large_upload_cost_sats: what it costs above all of them.
        logged_out_upload_cost_sats: what it costs a logged-out person.
        unpaid_uploads_kept: how long an unpaid file is kept.
        logged_out_uploads_kept: how long that of a logged-out person is.
        freebies: what may be written for nothing.
        people: who has an account.
        files: where the bytes of files are.
        trust: how much the opinion of a person counts.
        wallets: who has a wallet of his own.
    """

    comment_cost_sats: int = 1
    post_cost_sats: int = 1
    poll_vote_cost_sats: int = 1
    spam_window: timedelta = timedelta(minutes=10)
    duplicate_window: timedelta = timedelta(minutes=10)
    anonymous_factor: int = 10
    zap_share_percent: int = 70
    direct_sats_min: int = 10
    direct_sats_max: int = 700_000
    bounty_route_percent: int = 3
    boost_sats_min: int = 10_000
    boost_sats_multiple: int = 10_000
    edit_window: timedelta = timedelta(minutes=10)
    title_characters_min: int = 5
    title_characters_max: int = 80
    post_characters_max: int = 100_000
    comment_characters_max: int = 10_000
    url_characters_max: int = 2_048
    poll_options_min: int = 2
    poll_options_max: int = 10
    poll_option_characters_max: int = 40
    poll_time_min: timedelta = timedelta(days=1)
    bounty_sats_min: int = 1_000
    bounty_sats_max: int = 700_000
    forwards_max: int = 5
    unpaid_items_max: int = 3
    system: str = "system"
    territory_month_sats: int = 100_000
    territory_year_sats: int = 1_000_000
    territory_once_sats: int = 3_000_000
    territory_grace: timedelta = timedelta(days=5)
    territory_name_characters_max: int = 32
    territory_description_characters_max: int = 1_000
    territory_base_sats_max: int = 100_000
    time_zone: str = "UTC"
    rewarded_people_max: int = 1_000
    streak_day_min_sats: int = 100
    gifts_day_max_sats: int | None = None
    gifts_person_max: int | None = None
    auto_withdrawal_excess_percent: int = 10
    auto_withdrawal_pause: timedelta = timedelta(hours=1)
    rewards: RewardsPolicy = field(default_factory=NoRewards)
    streak_rewards: StreakRewardPolicy = field(default_factory=NoStreakRewards)
    uploads_max: int = 50
    upload_costs_sats: tuple[tuple[int, int], ...] = (
        (50 * MEBIBYTE, 0),
        (75 * MEBIBYTE, 10),
        (100 * MEBIBYTE, 100),
    )
    large_upload_cost_sats: int = 1_000
    logged_out_upload_cost_sats: int = 100
    unpaid_uploads_kept: timedelta = timedelta(days=7)
    logged_out_uploads_kept: timedelta = timedelta(hours=24)
    freebies: FreebiePolicy = field(default_factory=NoFreebies)
    people: People = field(default_factory=Everybody)
    files: Files = field(default_factory=NoFiles)
    trust: TrustPolicy = field(default_factory=EqualTrust)
    wallets: WalletPolicy = field(default_factory=NoWallets)

    @property
    def zap_sats_max(self) -> int:
        """The greatest zap: the author's share of it can still be sent to his wallet."""
        return self.direct_sats_max * PERCENT_MAX // max(self.zap_share_percent, 1)
