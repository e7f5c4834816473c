"""The catalogue: every paid action of a forum, and the views that people see."""

from __future__ import annotations

from collections.abc import Mapping

from paidflow.actions.auto_withdrawal import (
    AutoWithdrawal,
    auto_withdraw,
    set_auto_withdrawal,
    stop_auto_withdrawal,
)
from paidflow.actions.bio import Bio
from paidflow.actions.boost import Boost
from paidflow.actions.bounty import Bounty
from paidflow.actions.bounty_payment import BountyPayment
from paidflow.actions.buy_credits import BuyCredits
from paidflow.actions.comment import Comment
from paidflow.actions.contract import PaidAction
from paidflow.actions.delete_item import DeleteItem
from paidflow.actions.discussion import Discussion
from paidflow.actions.donate import Donate
from paidflow.actions.downzap import Downzap
from paidflow.actions.forum_action import FORUM_TABLES
from paidflow.actions.forum_settings import ForumSettings
from paidflow.actions.forwards import Forward
from paidflow.actions.freebies import AffordableFreebies
from paidflow.actions.gift import Gift
from paidflow.actions.job import Job
from paidflow.actions.link import Link
from paidflow.actions.poll import Poll
from paidflow.actions.poll_vote import PollVote, tally_votes
from paidflow.actions.rewards_payout import RewardsPayout
from paidflow.actions.streak_reward import StreakReward
from paidflow.actions.territory_billing import TerritoryBilling, TerritoryRenewal
from paidflow.actions.territory_create import TerritoryCreate
from paidflow.actions.territory_revenue import TerritoryRevenue
from paidflow.actions.territory_transfer import TerritoryTransfer
from paidflow.actions.territory_unarchive import TerritoryUnarchive
from paidflow.actions.territory_update import TerritoryUpdate
from paidflow.actions.update_comment import UpdateComment
from paidflow.actions.update_post import UpdatePost
from paidflow.actions.upload import Upload
from paidflow.actions.uploads import add_upload, collect_uploads
from paidflow.actions.zap import Zap
from paidflow.forum_tasks import pay_streaks, tasks
from paidflow.views.calls import Calls
from paidflow.views.daily_totals import DailyTotals
from paidflow.views.due_deletions import delete_due
from paidflow.views.earned_rewards import EarnedRewards
from paidflow.views.edit_timer import EditTimer, edit_timer
from paidflow.views.item_totals import ItemTotals
from paidflow.views.items import Items
from paidflow.views.notices import Notices
from paidflow.views.notifications import Notifications
from paidflow.views.polls import Polls
from paidflow.views.profiles import Profiles
from paidflow.views.projection import Projection
from paidflow.views.ranking import HotRanking, Ranking
from paidflow.views.ranks import Ranks
from paidflow.views.rewards import Rewards
from paidflow.views.statistics import Statistics
from paidflow.views.streaks import Streaks
from paidflow.views.territories import Territories
from paidflow.views.threads import Threads
from paidflow.views.trust import MeasuredTrust, opinions
from paidflow.views.verdicts import Verdicts
from paidflow.views.wallet_history import WalletHistory

__all__ = [
    "ACTIONS",
    "FORUM_TABLES",
    "PROTECTED",
    "READ",
    "AffordableFreebies",
    "AutoWithdrawal",
    "Bio",
    "Boost",
    "Bounty",
    "BountyPayment",
    "BuyCredits",
    "Comment",
    "DeleteItem",
    "Discussion",
    "Donate",
    "Downzap",
    "EarnedRewards",
    "EditTimer",
    "ForumSettings",
    "Forward",
    "Gift",
    "HotRanking",
    "Items",
    "Job",
    "Link",
    "MeasuredTrust",
    "Notifications",
    "Poll",
    "PollVote",
    "Polls",
    "Profiles",
    "Rewards",
    "RewardsPayout",
    "Statistics",
    "StreakReward",
    "Streaks",
    "Territories",
    "TerritoryBilling",
    "TerritoryCreate",
    "TerritoryRenewal",
    "TerritoryRevenue",
    "TerritoryTransfer",
    "TerritoryUnarchive",
    "TerritoryUpdate",
    "Threads",
    "UpdateComment",
    "UpdatePost",
    "Upload",
    "Verdicts",
    "WalletHistory",
    "Zap",
    "add_upload",
    "auto_withdraw",
    "collect_uploads",
    "delete_due",
    "edit_timer",
    "opinions",
    "pay_streaks",
    "projections",
    "set_auto_withdrawal",
    "stop_auto_withdrawal",
    "tally_votes",
    "tasks",
]

ACTIONS: tuple[type[PaidAction], ...] = (
    AutoWithdrawal,
    Bio,
    Boost,
    Bounty,
    BountyPayment,
    BuyCredits,
    Comment,
    DeleteItem,
    Discussion,
    Donate,
    Downzap,
    Gift,
    Job,
    Link,
    Poll,
    PollVote,
    RewardsPayout,
    StreakReward,
    TerritoryBilling,
    TerritoryCreate,
    TerritoryRenewal,
    TerritoryRevenue,
    TerritoryTransfer,
    TerritoryUnarchive,
    TerritoryUpdate,
    UpdateComment,
    UpdatePost,
    Upload,
    Zap,
)
"""Every paid action of the catalogue."""


PROTECTED: Mapping[str, str] = {
    "forum_acts": "id",
    "forum_ancestors": "item_id",
    "forum_ballots": "id",
    "forum_donations": "id",
    "forum_forwards": "item_id",
    "forum_incomes": "id",
    "forum_item_uploads": "item_id",
    "forum_items": "id",
    "forum_paid_votes": "item_id",
    "forum_poll_options": "item_id",
    "forum_tallies": "item_id",
    "forum_territory_changes": "id",
    "forum_unpaid_votes": "id",
}
"""What ``paidflow.store.row_security.protect`` has to protect for readers of the forum."""

READ: tuple[str, ...] = ("forum_territories",)
"""What everybody may read besides, and what is folded for the views."""


def projections(
    settings: ForumSettings | None = None, ranking: Ranking | None = None
) -> list[Projection]:
    """What has to be folded for the views.

    Args:
        settings: those that the flow was opened with; by default those of ``ForumSettings``.
        ranking: the policy of the hot list.
    """
    known = settings or ForumSettings()
    return [
        Calls(),
        DailyTotals(known.time_zone, known.system),
        ItemTotals(known.trust),
        Notices(),
        Ranks(ranking),
    ]
