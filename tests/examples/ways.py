"""The ways to embed paidflow that the examples show, each behind the same few calls.

``python -m tests.examples.ways WAY URL BANK MOMENT`` posts, and is killed at that moment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any, Protocol

import psycopg
from django.db import connection, transaction

from examples import with_psycopg, with_sqlalchemy, with_sqlalchemy_async
from paidflow import PaidAction, PaidFlow, Receipt
from paidflow.contrib.django.flow import get_flow
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests import django_project
from tests.django_project import with_django


class Way(Protocol):
    """One of the examples, and a transaction of its application."""

    blog: Any
    post_class: type[Any]

    @property
    def flow(self) -> PaidFlow: ...

    def post(self, author: str, text: str) -> Receipt: ...

    def seen_by(self, viewer: str | None) -> list[str]: ...

    def begin(self) -> Any: ...

    def note(self, tx: Any, author: str) -> None:
        """Note a line of the diary in the transaction; an author without a name is refused."""
        ...

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call the flow."""
        ...

    def commit(self, tx: Any) -> None: ...

    def rollback(self, tx: Any) -> None: ...

    def close(self) -> None: ...


class WithPsycopg:
    """examples/with_psycopg.py"""

    post_class = with_psycopg.Post

    def __init__(self, url: str, bank: SandboxGateway, **settings: Any) -> None:
        self.blog = with_psycopg.Blog(url, bank, create=True, **settings)

    @property
    def flow(self) -> PaidFlow:
        return self.blog.flow

    def post(self, author: str, text: str) -> Receipt:
        return self.blog.post(author, text)

    def seen_by(self, viewer: str | None) -> list[str]:
        return self.blog.seen_by(viewer)

    def begin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.blog.url)

    def note(self, tx: Any, author: str) -> None:
        tx.execute("insert into diary (author) values (%s)", [author])

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.flow, name)(*args, **kwargs)

    def commit(self, tx: Any) -> None:
        tx.commit()
        tx.close()

    def rollback(self, tx: Any) -> None:
        tx.rollback()
        tx.close()

    def close(self) -> None:
        self.flow.close()


class WithSqlAlchemy(WithPsycopg):
    """examples/with_sqlalchemy.py"""

    post_class = with_sqlalchemy.Post

    def __init__(self, url: str, bank: SandboxGateway, **settings: Any) -> None:
        self.blog: Any = with_sqlalchemy.Blog(url, bank, create=True, **settings)

    def begin(self) -> Any:
        return self.blog.sessions()

    def note(self, tx: Any, author: str) -> None:
        tx.add(with_sqlalchemy.Entry(author=author))

    def close(self) -> None:
        super().close()
        self.blog.sessions.kw["bind"].dispose()


class WithSqlAlchemyAsync(WithSqlAlchemy):
    """examples/with_sqlalchemy_async.py"""

    def __init__(self, url: str, bank: SandboxGateway, **settings: Any) -> None:
        self._loop = asyncio.Runner()
        self.blog = with_sqlalchemy_async.Blog(url, bank, create=True, **settings)

    def post(self, author: str, text: str) -> Receipt:
        return self._loop.run(self.blog.post(author, text))

    def seen_by(self, viewer: str | None) -> list[str]:
        return self._loop.run(self.blog.seen_by(viewer))

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self._loop.run(getattr(self.flow.aio, name)(*args, **kwargs))

    def commit(self, tx: Any) -> None:
        self._loop.run(tx.commit())
        self._loop.run(tx.close())

    def rollback(self, tx: Any) -> None:
        self._loop.run(tx.rollback())
        self._loop.run(tx.close())

    def close(self) -> None:
        self._loop.run(self.blog.engine.dispose())
        self._loop.run(self.flow.aio.close())
        self._loop.close()


class WithDjango(WithPsycopg):
    """examples/with_django.py"""

    post_class = with_django.Post

    def __init__(self, url: str, bank: SandboxGateway, **settings: Any) -> None:
        of_flow = {"ACTIONS": [with_django.Post], "GATEWAYS": {"bank": lambda: bank}}
        django_project.use(url, OPTIONS=settings, **of_flow)
        django_project.create_tables(with_django.Entry, with_django.PostRow)
        self.blog: Any = with_django

    @property
    def flow(self) -> PaidFlow:
        return get_flow()

    def begin(self) -> Any:
        self._atomic = transaction.atomic()
        self._atomic.__enter__()
        return connection

    def note(self, tx: Any, author: str) -> None:
        with_django.Entry.objects.create(author=author)

    def commit(self, tx: Any) -> None:
        self._atomic.__exit__(None, None, None)

    def rollback(self, tx: Any) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)

    def close(self) -> None:
        django_project.leave()


WAYS: dict[str, Any] = {
    "with_django": WithDjango,
    "with_psycopg": WithPsycopg,
    "with_sqlalchemy": WithSqlAlchemy,
    "with_sqlalchemy_async": WithSqlAlchemyAsync,
}


def post_and_die(way: Way, moment: str) -> None:
    """Post in a transaction; SIGKILL comes before or after its commit."""
    action: PaidAction = way.post_class(text="gm")
    prepared = way.call("prepare", action, actor="ann")
    tx = way.begin()
    way.note(tx, "ann")
    way.call("perform", prepared, tx=tx)
    if moment == "after":
        way.commit(tx)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    name, url, bank_file, moment = sys.argv[1:]
    clock = ManualClock()
    bank = SandboxGateway(bank_file, sandbox=True, clock=clock)
    post_and_die(WAYS[name](url, bank, clock=clock), moment)
