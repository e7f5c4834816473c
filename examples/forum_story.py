"""A small forum with the paid actions of the catalogue, and eight stories that happen in it.

Every line of the output was read from the forum and compared with what it should be. If one is
not as it should be, the program says so and exits with 1. ``make demo-story`` runs it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from paidflow import Folding, PaidFlow, Receipt, State, Worker, sats, territory
from paidflow.errors import ActionNotFound
from paidflow.forum import (
    ACTIONS,
    Comment,
    DeleteItem,
    Discussion,
    ForumSettings,
    Forward,
    Items,
    Notifications,
    Poll,
    Polls,
    PollVote,
    TerritoryCreate,
    Zap,
    projections,
)
from paidflow.operating.audit import audit
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.views.reader import Reader

SETTINGS = ForumSettings(post_cost_sats=10, comment_cost_sats=5)


class Forum:
    """The forum, its bank and its clock.

    Args:
        folder: where its files are.
        stack: closes what was opened.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.clock = ManualClock()
        bank = SandboxGateway(folder / "bank.db", sandbox=True, clock=self.clock)
        self.bank = stack.enter_context(closing(bank))
        flow = PaidFlow.open(
            f"sqlite:///{folder / 'forum.db'}",
            actions=ACTIONS,
            gateways={"bank": self.bank},
            secret="a secret only for this story",
            create=True,
            clock=self.clock,
            settings=[SETTINGS],
        )
        self.flow = stack.enter_context(closing(flow))
        self.reader = Reader(self.flow)
        self.items = Items(self.reader)
        self.worker = Worker(self.flow, folding=Folding(self.flow, projections(SETTINGS)))

    def seen_by(self, viewer: str | None, thing: Receipt) -> bool:
        """Whether a person sees what an action has written; ``None`` is logged out."""
        return self.items.one(thing.action_id, viewer=viewer) is not None

    def total(self, post: Receipt, column: str) -> Any:
        """A sum of a post, as everybody sees it."""
        item = self.items.one(post.action_id, viewer=None)
        return item and item[column]

    def poll(self, post: Receipt, voter: str) -> tuple[list[int], bool]:
        """The votes of a poll, and whether anything says what a person has voted for."""
        seen = Polls(self.reader).one(post.action_id, viewer=voter)
        known = seen is not None and seen.ballot is not None and seen.ballot.option is not None
        return [option.votes for option in seen.options] if seen else [], known

    def told(self, person: str) -> list[tuple[str, int]]:
        """What a person is told: the kind of each line, and how many are in it."""
        return [(line.kind, line.times) for line in Notifications(self.reader).page(person)]

    def work(self) -> None:
        """Let the worker do all that is due."""
        self.worker.run_until_idle()

    def pay(self, receipt: Receipt, *, late: bool = False) -> None:
        """Somebody pays an invoice at the bank; the worker hears of it from the bank."""
        if not self.bank.pay(receipt.invoice_id or "", late=late):
            raise RuntimeError("the bank did not take the payment")
        self.work()

    def wait_for_expiry(self) -> None:
        """Let so much time pass that no invoice can be paid any more."""
        self.clock.tick(minutes=11)
        self.work()

    def again(self, receipt: Receipt) -> Receipt:
        """Where an action stands now, for whoever holds its proof."""
        return self.flow.get(receipt.action_id, proof=receipt.proof)


# How a story is told: what is shown is what was read, and it is compared before it is shown.

STYLES = {State.PAID: "green", State.FAILED: "red"}
WRONG = "bold white on red"


class Teller:
    """Prints a panel for each story and counts what is not as it should be.

    Args:
        forum: where the stories happen.
        console: where they are printed.
    """

    def __init__(self, forum: Forum, console: Console) -> None:
        self.forum = forum
        self.checks = 0
        self.wrong: list[str] = []
        self._console = console
        self._began_at = forum.clock.now()
        self._viewers: tuple[str | None, ...] = ()
        self._lines: list[Text] = []

    @contextmanager
    def story(self, title: str, *viewers: str) -> Generator[tuple[str | None, ...]]:
        """Tell one story; yields who looks on: these people and a visitor, not logged in."""
        self._viewers = (*viewers, None)
        names = "".join(f"{viewer or 'visitor':^8}" for viewer in self._viewers)
        self._lines = [Text(f"{'minute':6}  {'':28}{'':14}{names}", "dim")] if viewers else []
        yield self._viewers
        panel = Panel(Group(*self._lines), title=f"[bold]{title}[/]", title_align="left", width=78)
        self._console.print(panel)

    def step(
        self, what: str, thing: Receipt, state: State, *, seen_by: Collection[str | None]
    ) -> Receipt:
        """Show where an action stands, and who sees what it made."""
        now = self.forum.again(thing)
        minute = (self.forum.clock.now() - self._began_at).seconds // 60
        line = Text(f"{minute:6}  {what:28}")
        right = self._compare(f"{what}: the state", now.state, state)
        shown = now.state if right else f"{now.state}✗"
        line.append(f"{shown:14}", STYLES.get(now.state, "yellow") if right else WRONG)
        for viewer in self._viewers:
            sees = self.forum.seen_by(viewer, thing)
            asked = f"{what}: whether {viewer or 'a visitor'} sees it"
            right = self._compare(asked, sees, viewer in seen_by)
            shown = ("●" if sees else "·") + ("" if right else "✗")
            line.append(f"{shown:^8}", "bold" if right else WRONG)
        self._lines.append(line)
        return now

    def check(self, what: str, found: Any, wanted: Any) -> None:
        """Show something that is true besides."""
        right = self._compare(what, found, wanted)
        self._lines.append(Text(f"{'✓' if right else '✗':>6}  {what}", "dim" if right else WRONG))

    def _compare(self, what: str, found: Any, wanted: Any) -> bool:
        self.checks += 1
        if found != wanted:
            self.wrong.append(f"{what}: found {found}, not {wanted}")
        return found == wanted


# The stories.


def ann_posts(forum: Forum, tell: Teller) -> Receipt:
    with tell.story("1. Ann posts, and then pays", "ann", "bob") as everybody:
        post = forum.flow.perform(Discussion(title="Which tea?"), actor="ann")
        tell.step("ann posts", post, State.PENDING, seen_by=["ann"])
        owed = forum.reader.pending("ann"), forum.reader.pending("bob")
        tell.check("she alone is told that 10 sats are owed", owed, ([sats(10)], []))
        forum.pay(post)
        tell.step("ann pays 10 sats", post, State.PAID, seen_by=everybody)
        tell.check("she owes nothing", forum.reader.pending("ann"), [])
    return post


def bob_comments(forum: Forum, tell: Teller, post: Receipt) -> None:
    with tell.story("2. Bob forgets to pay, and tries again", "bob", "ann") as everybody:
        comment = Comment(parent_id=post.action_id, text="Green.")
        mine = forum.flow.perform(comment, actor="bob")
        tell.step("bob comments", mine, State.PENDING, seen_by=["bob"])
        forum.wait_for_expiry()
        tell.step("the invoice expires", mine, State.FAILED, seen_by=["bob"])
        tell.check("bob is told that his comment failed", forum.told("bob"), [("comment", 1)])
        tell.check("ann's post has no comment", forum.total(post, "comments"), 0)
        retried = forum.flow.retry(mine.action_id, actor="bob")
        tell.step("bob tries again", mine, State.PENDING, seen_by=["bob"])
        same = retried.action_id == mine.action_id, retried.invoice_id == mine.invoice_id
        tell.check("the same comment, another invoice", same, (True, False))
        tell.check("ann knows of nothing", forum.told("ann"), [])
        forum.pay(retried)
        tell.step("bob pays 5 sats", mine, State.PAID, seen_by=everybody)
        tell.check("ann is told of the comment, once", forum.told("ann"), [("reply", 1)])
        tell.check("her post has one comment", forum.total(post, "comments"), 1)


def a_visitor_posts(forum: Forum, tell: Teller) -> None:
    with tell.story("3. Somebody who is not logged in pays first", "ann", "bob") as everybody:
        post = forum.flow.perform(Discussion(title="Is this free?"))
        tell.step("a visitor asks to post", post, State.PENDING_HELD, seen_by=[])
        tell.check("without the proof there is nothing to find", _found(forum, post), False)
        forum.pay(post)
        tell.step("the visitor pays 100 sats", post, State.PAID, seen_by=everybody)
        history = forum.flow.history(post.action_id, proof=post.proof)
        steps = [line.event.removeprefix("paid-action.") for line in history]
        order = [step for step in steps if step in ("held", "performed", "payment-seen", "paid")]
        wanted = ["held", "performed", "payment-seen", "paid"]
        tell.check("in the log: held, performed, captured, paid", order, wanted)


def _found(forum: Forum, receipt: Receipt) -> bool:
    try:
        forum.flow.get(receipt.action_id, actor="ann")
    except ActionNotFound:
        return False
    return True


def a_post_is_deleted(forum: Forum, tell: Teller, post: Receipt) -> None:
    with tell.story("4. What cannot be done is not paid for", "ann", "bob"):
        comment = forum.flow.perform(Comment(parent_id=post.action_id, text="Black!"))
        tell.step("a visitor asks to comment", comment, State.PENDING_HELD, seen_by=[])
        forum.flow.perform(DeleteItem(item_id=post.action_id), actor="ann")
        forum.pay(comment)
        now = tell.step("deleted; the visitor pays", comment, State.FAILED, seen_by=[])
        tell.check("the visitor reads why", "there is no such item" in (now.error or ""), True)
        book = next(b for b in forum.bank.books() if b.invoice_id == comment.invoice_id)
        money = (book.received, book.held, book.returned)
        tell.check("the payer has the 50 sats back", money, (sats(0), sats(0), sats(50)))


def carol_has_credits(forum: Forum, tell: Teller) -> Receipt:
    with tell.story("5. Carol pays from her credits", "carol", "ann") as everybody:
        forum.flow.grant("carol", sats(25), key="welcome carol")
        post = forum.flow.perform(Discussion(title="Who bakes?"), actor="carol")
        tell.step("carol posts", post, State.PAID, seen_by=everybody)
        tell.check("there is no invoice", post.payment_request, None)
        tell.check("15 of 25 sats are left", forum.flow.balance("carol"), sats(15))
    return post


def dave_pays_late(forum: Forum, tell: Teller) -> None:
    with tell.story("6. Dave's money comes too late, and counts", "dave", "ann") as everybody:
        post = forum.flow.perform(Discussion(title="Lost umbrella"), actor="dave")
        tell.step("dave posts", post, State.PENDING, seen_by=["dave"])
        forum.wait_for_expiry()
        tell.step("the invoice expires", post, State.FAILED, seen_by=["dave"])
        forum.pay(post, late=True)
        tell.step("10 sats come all the same", post, State.PAID, seen_by=everybody)
        last = forum.flow.history(post.action_id, actor="dave")[-1]
        tell.check("the log says that it was late", last.details.get("late"), True)


def a_visitor_pays_late(forum: Forum, tell: Teller, post: Receipt) -> None:
    with tell.story("7. Money that is nobody's waits for its owner", "carol", "dave"):
        comment = forum.flow.perform(Comment(parent_id=post.action_id, text="I do."))
        tell.step("a visitor asks to comment", comment, State.PENDING_HELD, seen_by=[])
        forum.wait_for_expiry()
        forum.flow.perform(DeleteItem(item_id=post.action_id), actor="carol")
        forum.pay(comment, late=True)
        now = tell.step("deleted; 50 sats come late", comment, State.FAILED, seen_by=[])
        tell.check("they are kept for whoever has the proof", now.unclaimed, sats(50))
        assert comment.proof is not None
        forum.flow.claim(comment.action_id, proof=comment.proof, actor="dave")
        now = tell.step("dave was it: he claims them", comment, State.FAILED, seen_by=[])
        tell.check("nothing is unclaimed any more", now.unclaimed, None)
        tell.check("dave has 50 sats", forum.flow.balance("dave"), sats(50))


def a_poll_in_a_territory(forum: Forum, tell: Teller) -> None:
    with tell.story("8. A territory, a poll and a shared zap", "bob", "dave") as everybody:
        founded = forum.flow.perform(TerritoryCreate(name="tea", description="Tea"), actor="carol")
        forum.pay(founded)
        tell.check("carol founds a territory", forum.again(founded).state, State.PAID)
        poll = forum.flow.perform(
            Poll(
                title="Which tea now?",
                options=("green", "black"),
                territory="tea",
                forwards=(Forward(actor="ann", percent=30),),
            ),
            actor="bob",
        )
        tell.step("bob asks there", poll, State.PENDING, seen_by=["bob"])
        forum.pay(poll)
        tell.step("bob pays 1 sat", poll, State.PAID, seen_by=everybody)
        vote = forum.flow.perform(PollVote(item_id=poll.action_id, option=1), actor="dave")
        forum.work()
        tell.check("dave votes for green, from his credits", vote.state, State.PAID)
        seen = forum.poll(poll, "dave")
        tell.check("green has one vote, and nothing says any more whose", seen, ([1, 0], False))
        zap = forum.flow.perform(Zap(item_id=poll.action_id, amount_sats=100), actor="carol")
        tell.check("carol's zap counts when it is paid", forum.total(poll, "zapped_msats"), 0)
        forum.pay(zap)
        tell.check("now it does", forum.total(poll, "zapped_msats"), 100_000)
        got = forum.flow.balance("bob"), forum.flow.balance("ann")
        tell.check("bob gets 49 sats, and ann, as he wants it, 21", got, (sats(49), sats(21)))
        told = forum.told("bob")[:1] + forum.told("ann")[:1]
        tell.check("both are told", told, [("zap", 1), ("forward", 1)])
        fees = forum.flow.balance_of(territory("tea"))
        tell.check("carol's territory has half of all fees: 16 sats", fees, sats(16))


def the_money_adds_up(forum: Forum, tell: Teller) -> None:
    with tell.story("At the end"):
        wrong = [line for line in audit(forum.flow) if not line.agrees]
        tell.check("the audit finds no difference", wrong, [])
        tell.check("the bank holds nothing back", forum.bank.total_held(), sats(0))
        tell.check("nothing waits for a person", forum.reader.attention(), [])


def main() -> int:
    """Tell all stories.

    Returns:
        0 if everything was as it should be, otherwise 1.
    """
    console = Console(highlight=False)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        forum = Forum(Path(folder), stack)
        tell = Teller(forum, console)
        console.print("● sees it   · does not see it   ✓ is true besides")
        tea = ann_posts(forum, tell)
        bob_comments(forum, tell, tea)
        a_visitor_posts(forum, tell)
        a_post_is_deleted(forum, tell, tea)
        cake = carol_has_credits(forum, tell)
        dave_pays_late(forum, tell)
        a_visitor_pays_late(forum, tell, cake)
        a_poll_in_a_territory(forum, tell)
        the_money_adds_up(forum, tell)
    for wrong in tell.wrong:
        console.print("✗", wrong, markup=False)
    verdict = f"{len(tell.wrong)} not true" if tell.wrong else "all true"
    console.print(f"\n{tell.checks} checks, {verdict}")
    return 1 if tell.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
