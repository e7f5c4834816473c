"""A blog on SQLAlchemy's asyncio: a post, its payment and a diary are committed together.

``python -m examples.with_sqlalchemy_async sqlite:///blog.db`` runs it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from sqlalchemy import create_engine, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from examples.with_sqlalchemy import SECRET, Base, Entry, Post, PostRow
from paidflow import PaidFlow, Receipt
from paidflow.contrib.sqlalchemy import SqlAlchemy
from paidflow.payments.sandbox import SandboxGateway

DRIVERS = {"sqlite:": ("sqlite:", "sqlite+aiosqlite:"), "postgresql:": ("postgresql+psycopg:",) * 2}


class Blog:
    def __init__(self, url: str, bank: SandboxGateway, **settings: Any) -> None:
        scheme = url[: url.index(":") + 1]
        plain, asynchronous = (url.replace(scheme, driver, 1) for driver in DRIVERS[scheme])
        engine = create_engine(plain)  # for workers, which are threads
        sessions = sessionmaker(engine)
        self.engine = create_async_engine(asynchronous)
        self.sessions = async_sessionmaker(self.engine, sync_session_class=sessions)
        settings |= {"embedder": SqlAlchemy(sessions), "gateways": {"bank": bank}}
        self.flow = PaidFlow.open(url, actions=[Post], secret=SECRET, **settings)
        Base.metadata.create_all(engine)

    async def post(self, author: str, text: str) -> Receipt:
        prepared = await self.flow.aio.prepare(Post(text=text), actor=author)  # outside
        async with self.sessions.begin() as session:  # one transaction, committed at the end
            session.add(Entry(author=author))
            return await self.flow.aio.perform(prepared, tx=session)

    async def seen_by(self, viewer: str | None) -> list[str]:
        async with self.sessions() as session:
            found = await session.scalars(select(PostRow.text).where(PostRow.visible_to(viewer)))
            return list(found)


async def main(url: str) -> None:
    blog = Blog(url, SandboxGateway("bank.db", sandbox=True), create=True)
    print(
        (await blog.post("ann", "gm")).state, await blog.seen_by("ann"), await blog.seen_by("bob")
    )
    await blog.engine.dispose()
    await blog.flow.aio.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
