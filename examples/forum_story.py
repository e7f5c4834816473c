"""A small forum with two paid actions, and seven stories that happen in it.

Every line of the output was read from the forum and compared with what it should be. If one is
not as it should be, the program says so and exits with 1. ``make demo`` runs it.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Collection, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from paidflow import (
    Batch,
    Context,
    Counter,
    Folding,
    Money,
    PaidAction,
    PaidFlow,
    Receipt,
    State,
    Worker,
    sats,
)
from paidflow.errors import ActionNotFound, Refused
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Paid
from paidflow.testing import ManualClock
from paidflow.views.reader import Reader

# The forum: its tables, its paid actions, what it shows.

TABLES = """
    create table posts (
        id text primary key, author text, title text not null, locked integer not null default 0
    );
    create table comments (
        id text primary key, post_id text not null, author text, text text not null
    );
    create table notices (id text primary key, person text not null, text text not null);
"""
POSTS = "select id from posts where visible(posts.id)"
COMMENTS = """
    select comments.id from comments join posts on posts.id = comments.post_id
    where visible(posts.id) and visible(comments.id)
"""
TOTALS = """
    select comments, sats from post_totals where post_id = :post and visible(post_totals.post_id)
"""
NOTICES = "select text from notices where person = :viewer and visible(notices.id)"


class Post(PaidAction):
    """Start a thread. Members see their own at once; logged-out people pay first."""

    kind = "post"
    optimistic = True
    anonymous = True

    title: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def perform(self, ctx: Context) -> None:
        ctx.tx.execute(
            "insert into posts (id, author, title) values (:id, :author, :title)",
            id=ctx.action_id,
            author=ctx.actor,
            title=self.title,
        )


class Comment(PaidAction):
    """Answer in a thread that is not locked. Its author is told when the comment is paid."""

    kind = "comment"
    optimistic = True
    anonymous = True

    post_id: str
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(5)

    def validate_request(self, ctx: Context) -> None:
        if not self.still_valid(ctx):
            raise Refused("this thread is locked")

    def perform(self, ctx: Context) -> None:
        self.validate_request(ctx)  # again: between the request and the money is time
        ctx.tx.execute(
            "insert into comments (id, post_id, author, text) values (:id, :post, :author, :text)",
            id=ctx.action_id,
            post=self.post_id,
            author=ctx.actor,
            text=self.text,
        )

    def on_paid(self, ctx: Context) -> None:
        ctx.tx.execute(
            "insert into notices (id, person, text) select :id, author, :text from posts"
            " where id = :post and author is not null",
            id=ctx.action_id,
            post=self.post_id,
            text=self.text,
        )

    def still_valid(self, ctx: Context) -> bool:
        found = ctx.tx.execute("select locked from posts where id = :id", id=self.post_id)
        post = found.fetchone()
        return post is not None and not post["locked"]


class PostTotals(Counter):
    """How many paid comments each post has, and what they brought; folded from the log."""

    name = "post_totals"
    events = (Paid,)
    key = "post_id"
    columns = ("comments", "sats")

    def count(self, batch: Batch) -> Iterator[tuple[str, int, int]]:
        comments = batch.look_up("select id, post_id from comments where id in (:actions)")
        for action_id, paid in batch.of(Paid):
            if action_id in comments:
                yield comments[action_id]["post_id"], 1, paid.amount.amount // 1000


class Forum:
    """The forum, its bank and its clock.

    Args:
        folder: where its files are.
        stack: closes what was opened.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        file = folder / "forum.db"
        self.db = stack.enter_context(closing(sqlite3.connect(file, isolation_level=None)))
        self.db.executescript(TABLES)
        self.clock = ManualClock()
        bank = SandboxGateway(folder / "bank.db", sandbox=True, clock=self.clock)
        self.bank = stack.enter_context(closing(bank))
        flow = PaidFlow.open(
            f"sqlite:///{file}",
            actions=[Post, Comment],
            gateways={"bank": self.bank},
            secret="a secret only for this story",
            clock=self.clock,
        )
        self.flow = stack.enter_context(closing(flow))
        self.reader = Reader(self.flow)
        self.folding = Folding(self.flow, [PostTotals()])
        self.worker = Worker(self.flow, folding=self.folding)

    def totals(self, post: Receipt) -> list[tuple[int, int]]:
        """The paid comments of a post and their sats, as everybody sees them."""
        rows = self.reader.select(TOTALS, viewer=None, post=post.action_id)
        return [(row["comments"], row["sats"]) for row in rows]

    def seen_by(self, viewer: str | None) -> set[str]:
        """The ids of the posts and comments that a person sees; ``None`` is logged out."""
        queries = (POSTS, COMMENTS)
        rows = (row for sql in queries for row in self.reader.select(sql, viewer=viewer))
        return {row["id"] for row in rows}

    def lock(self, post: Receipt) -> None:
        """A moderator locks a thread; nothing that paidflow has to know."""
        self.db.execute("update posts set locked = 1 where id = ?", (post.action_id,))

    def work(self) -> None:
        """Let the worker do all that is due."""
        while self.worker.run_once():
            pass

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
            sees = thing.action_id in self.forum.seen_by(viewer)
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
        post = forum.flow.perform(Post(title="Which tea?"), actor="ann")
        tell.step("ann posts", post, State.PENDING, seen_by=["ann"])
        owed = forum.reader.pending("ann"), forum.reader.pending("bob")
        tell.check("she alone is told that 10 sats are owed", owed, ([sats(10)], []))
        forum.pay(post)
        tell.step("ann pays 10 sats", post, State.PAID, seen_by=everybody)
        tell.check("she owes nothing", forum.reader.pending("ann"), [])
    return post


def bob_comments(forum: Forum, tell: Teller, post: Receipt) -> None:
    with tell.story("2. Bob forgets to pay, and tries again", "bob", "ann") as everybody:
        comment = Comment(post_id=post.action_id, text="Green.")
        mine = forum.flow.perform(comment, actor="bob")
        tell.step("bob comments", mine, State.PENDING, seen_by=["bob"])
        forum.wait_for_expiry()
        failed = tell.step("the invoice expires", mine, State.FAILED, seen_by=["bob"])
        listed = [(f.action_id, f.reason) for f in forum.reader.failed("bob")]
        wanted = [(mine.action_id, failed.failure_reason)]
        tell.check("bob finds it among his failed payments", listed, wanted)
        tell.check("nobody else has it there", forum.reader.failed("ann"), [])
        tell.check("ann's post has no paid comment", forum.totals(post), [])
        retried = forum.flow.retry(mine.action_id, actor="bob")
        tell.step("bob tries again", mine, State.PENDING, seen_by=["bob"])
        same = retried.action_id == mine.action_id, retried.invoice_id == mine.invoice_id
        tell.check("the same comment, another invoice", same, (True, False))
        tell.check("ann knows of nothing", forum.reader.select(NOTICES, viewer="ann"), [])
        forum.pay(retried)
        tell.step("bob pays 5 sats", mine, State.PAID, seen_by=everybody)
        told = [row["text"] for row in forum.reader.select(NOTICES, viewer="ann")]
        tell.check("ann is told of the comment, once", told, ["Green."])
        tell.check("her post counts one comment and 5 sats", forum.totals(post), [(1, 5)])


def a_visitor_posts(forum: Forum, tell: Teller) -> None:
    with tell.story("3. Somebody who is not logged in pays first", "ann", "bob") as everybody:
        post = forum.flow.perform(Post(title="Is this free?"))
        tell.step("a visitor asks to post", post, State.PENDING_HELD, seen_by=[])
        tell.check("without the proof there is nothing to find", _found(forum, post), False)
        forum.pay(post)
        tell.step("the visitor pays 10 sats", post, State.PAID, seen_by=everybody)
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


def a_thread_is_locked(forum: Forum, tell: Teller, post: Receipt) -> None:
    with tell.story("4. What cannot be done is not paid for", "ann", "bob"):
        comment = forum.flow.perform(Comment(post_id=post.action_id, text="Black!"))
        tell.step("a visitor asks to comment", comment, State.PENDING_HELD, seen_by=[])
        forum.lock(post)
        forum.pay(comment)
        now = tell.step("locked; the visitor pays", comment, State.FAILED, seen_by=[])
        tell.check("the visitor reads why", "this thread is locked" in (now.error or ""), True)
        book = next(b for b in forum.bank.books() if b.invoice_id == comment.invoice_id)
        money = (book.received, book.held, book.returned)
        tell.check("the payer has the 5 sats back", money, (sats(0), sats(0), sats(5)))


def carol_has_credits(forum: Forum, tell: Teller) -> Receipt:
    with tell.story("5. Carol pays from her credits", "carol", "ann") as everybody:
        forum.flow.grant("carol", sats(25), key="welcome carol")
        post = forum.flow.perform(Post(title="Who bakes?"), actor="carol")
        tell.step("carol posts", post, State.PAID, seen_by=everybody)
        tell.check("there is no invoice", post.payment_request, None)
        tell.check("15 of 25 sats are left", forum.flow.balance("carol"), sats(15))
    return post


def dave_pays_late(forum: Forum, tell: Teller) -> None:
    with tell.story("6. Dave's money comes too late, and counts", "dave", "ann") as everybody:
        post = forum.flow.perform(Post(title="Lost umbrella"), actor="dave")
        tell.step("dave posts", post, State.PENDING, seen_by=["dave"])
        forum.wait_for_expiry()
        tell.step("the invoice expires", post, State.FAILED, seen_by=["dave"])
        forum.pay(post, late=True)
        tell.step("10 sats come all the same", post, State.PAID, seen_by=everybody)
        last = forum.flow.history(post.action_id, actor="dave")[-1]
        tell.check("the log says that it was late", last.details.get("late"), True)


def a_visitor_pays_late(forum: Forum, tell: Teller, post: Receipt) -> None:
    with tell.story("7. Money that is nobody's waits for its owner", "vera", "carol"):
        comment = forum.flow.perform(Comment(post_id=post.action_id, text="I do."))
        tell.step("a visitor asks to comment", comment, State.PENDING_HELD, seen_by=[])
        forum.wait_for_expiry()
        forum.lock(post)
        forum.pay(comment, late=True)
        now = tell.step("locked; 5 sats come late", comment, State.FAILED, seen_by=[])
        tell.check("they are kept for whoever has the proof", now.unclaimed, sats(5))
        assert comment.proof is not None
        forum.flow.claim(comment.action_id, proof=comment.proof, actor="vera")
        now = tell.step("vera joins and claims", comment, State.FAILED, seen_by=[])
        tell.check("nothing is unclaimed any more", now.unclaimed, None)
        tell.check("vera has 5 sats", forum.flow.balance("vera"), sats(5))


def the_money_adds_up(forum: Forum, tell: Teller) -> None:
    with tell.story("At the end"):
        sold = sats(10) + sats(5) + sats(10) + sats(10)  # ann, bob, the visitor, dave
        kept = sold + forum.flow.balance("vera")
        received = forum.bank.total_received()
        tell.check(f"all that the bank received is earned or in a purse: {kept}", received, kept)
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
        a_thread_is_locked(forum, tell, tea)
        cake = carol_has_credits(forum, tell)
        dave_pays_late(forum, tell)
        a_visitor_pays_late(forum, tell, cake)
        the_money_adds_up(forum, tell)
    for wrong in tell.wrong:
        console.print("✗", wrong, markup=False)
    verdict = f"{len(tell.wrong)} not true" if tell.wrong else "all true"
    console.print(f"\n{tell.checks} checks, {verdict}")
    return 1 if tell.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
