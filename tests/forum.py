"""A forum for tests: the whole catalogue on one store, its bank, and its clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from paidflow import Folding, PaidAction, PaidFlow, Reader, Receipt, State, Worker, sats
from paidflow.actions.territories import Territory, find_territory
from paidflow.forum import (
    ACTIONS,
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
    ForumSettings,
    Items,
    Job,
    Link,
    Poll,
    PollVote,
    UpdateComment,
    UpdatePost,
    Upload,
    Zap,
    add_upload,
    projections,
)
from paidflow.ids import Ids
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.wrapped import Wallet
from paidflow.testing import ManualClock
from paidflow.testing.payer import invoice_of, pay
from tests import territory_scenes
from tests.wall import SECRET


@dataclass(frozen=True)
class Forum:
    """A forum and who looks after it.

    Args:
        flow: its paid actions.
        sandbox: its bank.
        clock: its time.
        folding: keeps its views up to date.
        reader: reads what a viewer may see.
        worker: does what is due.
    """

    flow: PaidFlow
    sandbox: SandboxGateway
    clock: ManualClock
    folding: Folding
    reader: Reader
    worker: Worker

    @property
    def items(self) -> Items:
        return Items(self.reader)

    def rich(self, *actors: str, amount_sats: int = 1_000_000) -> None:
        """Give people credits, each only once."""
        for actor in actors:
            self.flow.grant(actor, sats(amount_sats), key=f"rich {actor} {amount_sats}")

    def done(self, action: PaidAction, actor: str | None = "ann") -> str:
        """An action that is paid, by credits or by invoice; returns its id."""
        return self.paid(action, actor).action_id

    def paid(
        self, action: PaidAction, actor: str | None = "ann", proof: str | None = None
    ) -> Receipt:
        """The receipt of an action that is paid, by credits or by invoice."""
        receipt = self.flow.perform(action, actor=actor, proof=proof)
        if receipt.state is not State.PAID:
            receipt = pay(self.flow, self.sandbox, receipt)
        assert receipt.state is State.PAID
        return receipt

    def pending(
        self, action: PaidAction, actor: str | None = "ann", proof: str | None = None
    ) -> Receipt:
        """An action that waits for its payment."""
        receipt = self.flow.perform(action, actor=actor, proof=proof)
        assert receipt.state in (State.PENDING, State.PENDING_HELD)
        return receipt

    def failed(self, action: PaidAction, actor: str | None = "ann") -> Receipt:
        """An action whose invoice has expired."""
        receipt = self.pending(action, actor)
        assert self.sandbox.expire(invoice_of(receipt))
        gateway, invoice = receipt.gateway, invoice_of(receipt)
        assert gateway is not None
        assert self.flow.sync(gateway, invoice).state is State.FAILED
        return receipt

    def territory(self, name: str) -> Territory:
        """A territory as it is."""
        with self.flow.transaction() as tx:
            found = find_territory(tx, name)
        assert found is not None
        return found

    def work(self, **after: float) -> None:
        """Let time pass (``minutes=5``), do what is due, and bring the views up to date."""
        self.clock.tick(timedelta(**after).total_seconds())
        self.worker.run_until_idle()

    def item(self, item_id: str, viewer: str | None = None) -> Mapping[str, Any] | None:
        """An item as a viewer sees it, with views that are up to date."""
        self.folding.catch_up()
        return self.items.one(item_id, viewer=viewer)


@contextmanager
def open_forum(
    url: str,
    sandbox: SandboxGateway,
    clock: ManualClock,
    settings: ForumSettings | None = None,
    wallets: Mapping[str, Wallet] | None = None,
    *,
    ids: Ids | None = None,
) -> Iterator[Forum]:
    """Open a forum with all tables of the catalogue."""
    settings = settings or ForumSettings()
    flow = PaidFlow.open(
        url,
        actions=ACTIONS,
        gateways={"sandbox": sandbox},
        secret=SECRET,
        create=True,
        clock=clock,
        settings=(settings,),
        wallets=wallets or {},
        ids=ids,
    )
    folding = Folding(flow, projections(settings))
    worker = Worker(flow, folding=folding)
    try:
        yield Forum(flow, sandbox, clock, folding, Reader(flow), worker)
    finally:
        flow.close()


# One example of every action. The tests that hold for all of them are run with each.

Scene = Callable[[Forum], PaidAction]


def _post_of_bob(forum: Forum) -> str:
    return forum.done(Discussion(title="What do you think?"), "bob")


def bounty_post(forum: Forum, author: str = "ann", bounty_sats: int = 5_000) -> str:
    """A post that has promised a bounty."""
    return forum.done(Bounty(title="Who knows?", bounty_sats=bounty_sats), author)


def _answer_of_bob(forum: Forum) -> str:
    return forum.done(Comment(parent_id=bounty_post(forum), text="I do."), "bob")


def poll_of_bob(forum: Forum, **columns: Any) -> str:
    """A poll with the options green, black and white."""
    poll = Poll(title="Which tea?", options=("green", "black", "white"))
    item_id = forum.done(poll, "bob")
    with forum.flow.transaction() as tx:
        for column, value in columns.items():
            change = f"update forum_items set {column} = :value where id = :id"
            tx.execute(change, value=value, id=item_id)
    return item_id


def _file(forum: Forum) -> str:
    """A file that is not for nothing."""
    return add_upload(forum.flow, actor=None, size_bytes=60 * 2**20)


def _edit_of_post(forum: Forum) -> UpdatePost:
    post = forum.done(Discussion(title="First thoughts"), "ann")
    edited = Discussion(title="Second thoughts", boost_sats=10_000)
    return UpdatePost(item_id=post, post=edited)


def _edit_of_comment(forum: Forum) -> UpdateComment:
    comment = forum.done(Comment(parent_id=_post_of_bob(forum), text="Look!"), "ann")
    return UpdateComment(item_id=comment, text="Look:", upload_ids=(_file(forum),))


def _job(_: Forum) -> Job:
    return Job(
        title="Gardener wanted",
        text="Roses, above all.",
        company="Roses",
        url="https://roses.example/jobs",
        remote=True,
    )


SCENES: dict[str, Scene] = {
    **territory_scenes.SCENES,
    "bio": lambda forum: Bio(text="I like tea."),
    "boost": lambda forum: Boost(item_id=_post_of_bob(forum), amount_sats=10_000),
    "bounty": lambda forum: Bounty(title="Who finds my cat?", bounty_sats=5_000),
    "bounty-payment": lambda forum: BountyPayment(item_id=_answer_of_bob(forum)),
    "buy-credits": lambda forum: BuyCredits(amount_sats=100),
    "comment": lambda forum: Comment(parent_id=_post_of_bob(forum), text="a comment"),
    "delete-item": lambda forum: DeleteItem(item_id=forum.done(Discussion(title="Too early"))),
    "discussion": lambda forum: Discussion(title="A discussion"),
    "donate": lambda forum: Donate(amount_sats=100),
    "downzap": lambda forum: Downzap(item_id=_post_of_bob(forum), amount_sats=100),
    "job": _job,
    "link": lambda forum: Link(title="Look at this", url="https://example.org/this"),
    "poll": lambda forum: Poll(title="Tea or coffee?", options=("tea", "coffee")),
    "poll-vote": lambda forum: PollVote(item_id=poll_of_bob(forum), option=1),
    "update-comment": _edit_of_comment,
    "update-post": _edit_of_post,
    "upload": lambda forum: Upload(upload_ids=(_file(forum),)),
    "zap": lambda forum: Zap(item_id=_post_of_bob(forum), amount_sats=100),
}
"""kind -> what makes an action of it that ann can do."""


def _logged_out_edit_of_post(forum: Forum) -> tuple[PaidAction, str | None]:
    receipt = forum.paid(Discussion(title="First thoughts"), None)
    edited = Discussion(title="Second thoughts", boost_sats=10_000)
    return UpdatePost(item_id=receipt.action_id, post=edited), receipt.proof


def _logged_out_edit_of_comment(forum: Forum) -> tuple[PaidAction, str | None]:
    receipt = forum.paid(Comment(parent_id=_post_of_bob(forum), text="Look!"), None)
    action = UpdateComment(item_id=receipt.action_id, text="Look:", upload_ids=(_file(forum),))
    return action, receipt.proof


PROVEN_SCENES: dict[str, Callable[[Forum], tuple[PaidAction, str | None]]] = {
    "update-comment": _logged_out_edit_of_comment,
    "update-post": _logged_out_edit_of_post,
}
"""kind -> what a logged-out person can do with a proof, where that needs one."""
