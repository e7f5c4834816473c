"""paidflow in transactions of Django: connections, savepoints, hooks, errors, both stores."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import IsolationLevel

from paidflow import Context, Money, PaidAction, PaidFlow, State, Worker, sats
from paidflow.contrib.django.embedder import Django
from paidflow.contrib.django.flow import get_flow
from paidflow.errors import (
    CommitUnknown,
    InvalidConfiguration,
    PaidflowError,
    TransactionMissing,
    TransactionOpen,
    UnsupportedIsolation,
)
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests import django_project
from tests.flow.support import again, invoice_of, work

TOLD: list[bool] = []
"""Whether hooks that write were in a transaction of Django."""


class Author(models.Model):
    name = models.TextField(primary_key=True)

    class Meta:
        app_label, db_table = "embedder", "authors"


class Article(models.Model):
    """Its author is checked at the commit, as Django does it on both databases."""

    id = models.TextField(primary_key=True)
    text = models.TextField(unique=True)
    author = models.ForeignKey(Author, models.DO_NOTHING, null=True)

    class Meta:
        app_label, db_table = "embedder", "articles"


class Write(PaidAction):
    """An article; "bad HOOK" breaks a rule at once, "late HOOK" breaks one at the commit."""

    kind = "write"
    optimistic = True

    text: str

    def cost(self, ctx: Context) -> Money:
        Article.objects.count()
        return sats(10)

    def describe(self, ctx: Context) -> str:
        return ctx.tx.execute("select :text as said", text=self.text).fetchall()[0]["said"]

    def perform(self, ctx: Context) -> None:
        TOLD.append(connection.in_atomic_block)
        Article.objects.create(id=ctx.action_id, text=self.text)
        self._change(ctx, "perform", "")

    def on_paid(self, ctx: Context) -> None:
        self._change(ctx, "on_paid", ", paid")

    def on_failed(self, ctx: Context) -> None:
        if ctx.performed:
            self._change(ctx, "on_failed", ", failed")

    def on_retry(self, ctx: Context) -> None:
        self._change(ctx, "on_retry", ", again")

    def _change(self, ctx: Context, hook: str, mark: str) -> None:
        article = Article.objects.get(id=ctx.action_id)
        article.text += mark
        if self.text == f"late {hook}":
            article.author_id = "nobody"
        article.save()
        add = "insert into articles (id, text) values (:id, 'taken')"
        if self.text == f"bad {hook}":
            ctx.tx.execute(add, id=f"{ctx.action_id}-2")


class HeldWrite(Write):
    kind = "held-write"
    optimistic = False


@dataclass
class App:
    """An application on Django."""

    url: str
    settings: dict[str, Any]

    @property
    def flow(self) -> PaidFlow:
        return get_flow()

    @property
    def on_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def texts(self) -> list[str]:
        return list(Article.objects.order_by("text").values_list("text", flat=True))

    def prepare(self, text: str = "gm", actor: str = "ann") -> Any:
        return self.flow.prepare(Write(text=text), actor=actor)

    def again_with(self, **options: Any) -> None:
        """Change the options of the database in its settings."""
        django_project.use(self.url, **self.settings)
        connections.settings["default"]["OPTIONS"].update(options)


@pytest.fixture
def app(store_url: str, sandbox: SandboxGateway, clock: ManualClock) -> Iterator[App]:
    TOLD.clear()
    of_flow = {
        "ACTIONS": [Write, HeldWrite],
        "GATEWAYS": {"sandbox": lambda: sandbox},
        "OPTIONS": {"clock": clock},
    }
    django_project.use(store_url, **of_flow)
    django_project.create_tables(Author, Article)
    yield App(store_url, of_flow)
    django_project.leave()


def test_inside_a_transaction(app: App, sandbox: SandboxGateway) -> None:
    prepared = app.prepare()
    with transaction.atomic():
        Author.objects.create(name="ann")
        receipt = app.flow.perform(prepared, tx=connection)
        assert Article.objects.get().text == "gm"
        assert receipt.provisional
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    assert again(app.flow, receipt).state is State.PAID
    assert app.texts() == ["gm, paid"]
    assert TOLD == [True]


def test_a_connection_by_its_alias(app: App) -> None:
    prepared = app.prepare()
    with transaction.atomic():
        app.flow.perform(prepared, tx=connections["default"])
    assert app.texts() == ["gm"]


def test_calls_have_savepoints_of_their_own(app: App) -> None:
    """An inner block that is rolled back takes its calls with it, and no others."""
    first, second = app.prepare("one"), app.prepare("two")
    with transaction.atomic():
        kept = app.flow.perform(first, tx=connection)
        with suppress(ZeroDivisionError), transaction.atomic():
            lost = app.flow.perform(second, tx=connection)
            raise ZeroDivisionError
    assert app.texts() == ["one"]
    assert again(app.flow, kept).state is State.PENDING
    with pytest.raises(PaidflowError):
        again(app.flow, lost)


def test_without_tx_the_flow_opens_a_transaction(app: App) -> None:
    receipt = app.flow.perform(Write(text="gm"), actor="ann")
    assert app.texts() == ["gm"]
    assert app.flow.cancel(receipt.action_id, actor="ann").state is State.FAILED
    assert app.texts() == ["gm, failed"]
    assert app.flow.retry(receipt.action_id, actor="ann").state is State.PENDING
    assert app.texts() == ["gm, failed, again"]
    assert TOLD == [True]


def test_performed_by_the_worker(app: App, sandbox: SandboxGateway) -> None:
    receipt = app.flow.perform(HeldWrite(text="gm"), actor="ann")
    assert app.texts() == []
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    assert again(app.flow, receipt).state is State.PAID
    assert app.texts() == ["gm, paid"]
    assert TOLD == [True]


def test_a_backlog_in_the_worker(app: App, sandbox: SandboxGateway) -> None:
    receipts = [app.flow.perform(Write(text=name), actor=name) for name in ("ann", "bob", "cid")]
    for receipt in receipts:
        sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    assert app.texts() == ["ann, paid", "bob, paid", "cid, paid"]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_writer_waits_for_another_at_the_beginning(app: App) -> None:
    """A deferred transaction of SQLite would give up when it begins to write."""
    app.again_with(transaction_mode=None)
    connection.close()
    file = app.url.removeprefix("sqlite:///")
    with (
        closing(sqlite3.connect(file, timeout=0)) as other,
        Django().begin(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("begin immediate")
    assert connection.transaction_mode is None


# Errors of hooks.


def take() -> None:
    Article.objects.create(id="0", text="taken")


@pytest.mark.parametrize("text", ["bad perform", "late perform"])
def test_money_goes_back_when_the_work_is_refused(
    app: App, sandbox: SandboxGateway, clock: ManualClock, text: str
) -> None:
    take()
    receipt = app.flow.perform(HeldWrite(text=text), actor="ann")
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    work(app.flow, clock)
    assert again(app.flow, receipt).state is State.FAILED
    assert app.texts() == ["taken"]


@pytest.mark.parametrize("text", ["bad on_paid", "late on_paid"])
def test_money_is_recorded_when_rows_of_a_hook_are_refused(
    app: App, sandbox: SandboxGateway, text: str
) -> None:
    take()
    receipt = app.flow.perform(Write(text=text), actor="ann")
    sandbox.pay(invoice_of(receipt))
    Worker(app.flow).run_until_idle()
    found = again(app.flow, receipt)
    assert (found.state, found.completing) == (State.PENDING, True)
    assert app.texts() == [text, "taken"]


@pytest.mark.parametrize("text", ["bad on_failed", "late on_failed"])
def test_it_fails_when_the_undoing_is_refused(app: App, sandbox: SandboxGateway, text: str) -> None:
    take()
    receipt = app.flow.perform(Write(text=text), actor="ann")
    sandbox.expire(invoice_of(receipt))
    app.flow.sync("sandbox", invoice_of(receipt))
    assert again(app.flow, receipt).state is State.FAILED
    assert app.texts() == [text, "taken"]


@pytest.mark.parametrize("text", ["bad perform", "late perform"])
def test_an_error_at_the_request_is_the_applications_own(app: App, text: str) -> None:
    take()
    with pytest.raises(Exception, match=r"(?i)unique|foreign") as raised:
        app.flow.perform(Write(text=text), actor="ann")
    assert not isinstance(raised.value, PaidflowError)
    assert app.texts() == ["taken"]


def test_rows_that_are_checked_at_the_commit_belong_to_the_caller(app: App) -> None:
    """They may be in order by then; if not, the caller's commit says so, and all is gone."""
    prepared = app.prepare()
    with transaction.atomic():
        Article.objects.create(id="1", text="first", author_id="ann")
        app.flow.perform(prepared, tx=connection)
        Author.objects.create(name="ann")
    assert app.texts() == ["first", "gm"]
    prepared = app.prepare("more")
    atomic = transaction.atomic()
    atomic.__enter__()
    app.flow.perform(prepared, tx=connection)
    Article.objects.create(id="2", text="second", author_id="nobody")
    with pytest.raises(IntegrityError):
        atomic.__exit__(None, None, None)
    assert app.texts() == ["first", "gm"]


# Open transactions.


CALLS: dict[str, Callable[[PaidFlow], Any]] = {
    "prepare": lambda flow: flow.prepare(Write(text="gm"), actor="ann"),
    "perform": lambda flow: flow.perform(Write(text="gm"), actor="ann"),
    "cancel": lambda flow: flow.cancel("any", actor="ann"),
    "retry": lambda flow: flow.retry("any", actor="ann"),
    "sync": lambda flow: flow.sync("sandbox", "any"),
    "ask": lambda flow: flow.ask("sandbox", "any"),
    "grant": lambda flow: flow.grant("ann", sats(1), key="k"),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_open_transaction_must_be_passed(app: App, call: str, sandbox: SandboxGateway) -> None:
    app.flow.balance("ann")  # on SQLite a flow cannot be opened while somebody writes
    before = sandbox.calls()
    with transaction.atomic():
        with pytest.raises(TransactionOpen):
            CALLS[call](app.flow)
        assert app.flow.balance("ann") == sats(0)  # reading is no harm
    assert sandbox.calls() == before
    if call in ("prepare", "perform", "grant"):
        CALLS[call](app.flow)


def test_a_connection_without_autocommit(app: App) -> None:
    prepared = app.prepare()
    transaction.set_autocommit(False)
    with pytest.raises(TransactionOpen):
        app.flow.perform(Write(text="gm"), actor="ann")
    if not app.on_sqlite:  # there Django opens no transaction before it writes
        app.flow.perform(prepared, tx=connection)
        transaction.commit()
        assert app.texts() == ["gm"]
    transaction.rollback()
    transaction.set_autocommit(True)


def test_a_transaction_of_another_thread_is_none_of_our_business(app: App) -> None:
    app.flow.balance("ann")
    opened, done = threading.Event(), threading.Event()

    def wait() -> None:
        with transaction.atomic():
            if not app.on_sqlite:  # where this one would be waited for
                Article.objects.count()
            opened.set()
            done.wait()
        connection.close()

    if app.on_sqlite:
        app.again_with(transaction_mode=None)
    thread = threading.Thread(target=wait)
    thread.start()
    opened.wait()
    app.flow.perform(Write(text="gm"), actor="ann")
    done.set()
    thread.join()
    assert app.texts() == ["gm"]


def test_what_cannot_be_joined(app: App) -> None:
    prepared = app.prepare()
    with pytest.raises(InvalidConfiguration, match="a connection of Django"):
        app.flow.perform(prepared, tx="default")
    with pytest.raises(TransactionMissing, match="atomic"):
        app.flow.perform(prepared, tx=connection)
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionMissing, match="rolled back"):
            app.flow.perform(prepared, tx=connection)
    with pytest.raises(InvalidConfiguration, match="in the database other"):
        Django("other").join(connection)
    assert app.texts() == []


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_another_level_of_isolation(app: App) -> None:
    app.again_with(isolation_level=IsolationLevel.SERIALIZABLE)
    connection.close()
    prepared = app.prepare()
    with transaction.atomic(), pytest.raises(UnsupportedIsolation):
        app.flow.perform(prepared, tx=connection)


def test_times_need_a_zone(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "USE_TZ", False)
    with pytest.raises(InvalidConfiguration, match="USE_TZ"):
        Django()


# A commit or a connection that breaks.


def lose(self: BaseDatabaseWrapper) -> None:
    """The connection breaks, as its driver says it."""
    with self.wrap_database_errors:
        if self.vendor == "postgresql":
            raise psycopg.OperationalError("the server closed the connection")
        raise sqlite3.OperationalError("disk I/O error")


def test_a_commit_whose_acknowledgement_is_lost(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for, and found."""
    commit = BaseDatabaseWrapper._commit

    def commit_and_lose(self: BaseDatabaseWrapper) -> None:
        commit(self)
        lose(self)

    app.flow.balance("ann")
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit_and_lose)
    receipt = app.flow.perform(Write(text="gm"), actor="ann")
    monkeypatch.undo()
    assert app.texts() == ["gm"]
    assert again(app.flow, receipt).state is State.PENDING


def test_a_commit_that_does_not_arrive(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.flow.balance("ann")
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lose)
    with pytest.raises(OperationalError if app.on_sqlite else CommitUnknown):
        app.flow.perform(Write(text="gm"), actor="ann")
    monkeypatch.undo()
    assert app.texts() == []


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
def test_a_connection_that_the_server_has_ended(app: App) -> None:
    """The worker, which is no request, gets a new one; what it was at is tried again."""
    app.flow.perform(Write(text="one"), actor="ann")
    with app.flow.store.reading() as tx:
        tx.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid = :pid",
            pid=connection.connection.info.backend_pid,
        )
    with pytest.raises(Exception, match=r"terminat|closed|lost") as raised:
        app.flow.perform(Write(text="two"), actor="ann")
    assert app.flow.store.passing(raised.value) or isinstance(raised.value, PaidflowError)
    app.flow.perform(Write(text="two"), actor="ann")
    assert app.texts() == ["one", "two"]
