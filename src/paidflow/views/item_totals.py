"""What everybody sees of the acts on an item, and of the comments below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, cast

from paidflow.actions.contract import HookTransaction
from paidflow.actions.forum_settings import EqualTrust, TrustPolicy
from paidflow.store.queries import named
from paidflow.store.records import as_text, as_time
from paidflow.views.batch import Batch
from paidflow.views.counter import add_up
from paidflow.views.item_votes import ItemVotes, Vote
from paidflow.views.projection import Projection
from paidflow.views.real import CHANGES, recorded_changes
from paidflow.views.sql import read_sql

_SQL = named(read_sql("item_totals"))
VOTES = "forum_item_votes"
"""What each person has paid for and against each item; nobody else's business."""

_SUMS = (
    "comments",
    "comment_trust_millionths",
    "comments_zapped_msats",
    "zappers",
    "zapped_msats",
    "downzapped_msats",
    "boosted_msats",
    "votes_millionths",
    "downvotes_millionths",
)
Line = tuple[str, *tuple[int, ...]]
"""What is added to the sums of an item."""

SUM_OF = {"zap": "zapped_msats", "downzap": "downzapped_msats", "boost": "boosted_msats"}


class ItemTotals(Projection):
    """Sums per item, and when the last zap and the last comment came; folded from the log.

    It folds what each person has paid along with them, because the votes follow from that.

    Args:
        trust: how much the opinion of a person counts; by default everybody's the same.
    """

    name = "forum_item_totals"
    beside = (VOTES,)
    events = CHANGES

    def __init__(self, trust: TrustPolicy | None = None) -> None:
        self._trust = trust or EqualTrust()
        self._votes = ItemVotes(self.table_of(VOTES), self._trust)

    def create(self, tx: HookTransaction) -> None:
        tx.execute(_SQL["create"].format(table=self.table))
        self._votes.create(tx)

    def apply(self, tx: HookTransaction, batch: Batch) -> None:
        acts, answers = _acts(batch), _answers(batch)
        lines = chain(
            (_of_act(act) for act in acts),
            _of_zaps_below(batch),
            (self._of_answer(answer) for answer in answers),
            (_of_vote(vote) for vote in self._votes.fold(batch)),
        )
        add_up(batch, self.table, "item_id", _SUMS, lines)
        zapped = [(act.row["item_id"], act.at) for act in acts if act.is_new("zap")]
        self._move_on(batch, "last_zap_at", zapped)
        answered = [
            (answer.row["ancestor_id"], cast("datetime", as_time(answer.row["created_at"])))
            for answer in answers
            if answer.sign > 0
        ]
        self._move_on(batch, "last_comment_at", answered)
        self._replace_bounties(batch, [act for act in acts if act.row["act"] == "bounty"])

    def _of_answer(self, answer: _Change) -> Line:
        """What a comment adds to an item above it; nobody's own answers make his item trusted."""
        author, above = answer.row["author"], answer.row["ancestor_author"]
        trust = 0 if author in (None, above) else self._trust.trust(author)
        return _line(
            answer.row["ancestor_id"],
            comments=answer.sign,
            comment_trust_millionths=answer.sign * trust,
        )

    def _move_on(self, batch: Batch, column: str, times: Iterable[tuple[str, datetime]]) -> None:
        """Bring times forward, never back."""
        latest: dict[str, datetime] = {}
        for item_id, at in times:
            latest[item_id] = max(at, latest.get(item_id, at))
        rows = [{"item_id": item_id, column: as_text(at)} for item_id, at in sorted(latest.items())]
        batch.insert(self.table, rows, _SQL["move_on"].format(table=self.table, column=column))

    def _replace_bounties(self, batch: Batch, payments: Iterable[_Change]) -> None:
        """A bounty is paid once, so the last change of a post says whether it is, and to whom."""
        paid_to = {
            payment.row["root_id"]: payment.row["item_id"] if payment.sign > 0 else None
            for payment in payments
        }
        rows = [
            {"item_id": post_id, "bounty_paid_to": item_id}
            for post_id, item_id in sorted(paid_to.items())
        ]
        batch.insert(self.table, rows, _SQL["replace_bounty"])


class _Change(NamedTuple):
    """A row whose action has become real (1), or is not real any more (-1), and when."""

    row: Mapping[str, Any]
    sign: int
    at: datetime

    def is_new(self, act: str) -> bool:
        """Whether it is an act of this kind that has become real."""
        return self.sign > 0 and self.row["act"] == act


def _acts(batch: Batch) -> list[_Change]:
    """The acts that have changed."""
    acts = batch.look_up(_SQL["acts"])
    return [
        _Change(acts[recorded.action_id], sign, recorded.recorded_at)
        for recorded, sign in recorded_changes(batch)
        if recorded.action_id in acts
    ]


def _answers(batch: Batch) -> list[_Change]:
    """The comments that have changed, once for each item above them."""
    return list(_many(batch, "above_comments"))


def _many(batch: Batch, statement: str) -> Iterator[_Change]:
    """The changes of what a statement finds any number of rows about."""
    found = defaultdict[str, list[Mapping[str, Any]]](list)
    for row in batch.select(_SQL[statement]):
        found[row["id"]].append(row)
    for recorded, sign in recorded_changes(batch):
        for row in found[recorded.action_id]:
            yield _Change(row, sign, recorded.recorded_at)


def _line(item_id: str, **sums: int) -> Line:
    return (item_id, *(sums.get(column, 0) for column in _SUMS))


def _of_act(act: _Change) -> Line:
    column = SUM_OF.get(act.row["act"])
    sums = {column: act.sign * act.row["amount_msats"]} if column else {}
    return _line(act.row["item_id"], **sums)


def _of_zaps_below(batch: Batch) -> Iterator[Line]:
    for zap in _many(batch, "above_zaps"):
        amount = zap.sign * zap.row["amount_msats"]
        yield _line(zap.row["ancestor_id"], comments_zapped_msats=amount)


def _of_vote(vote: Vote) -> Line:
    return _line(
        vote.item_id,
        zappers=vote.zappers,
        votes_millionths=vote.votes_millionths,
        downvotes_millionths=vote.downvotes_millionths,
    )
