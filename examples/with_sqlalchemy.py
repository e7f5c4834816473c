"""A blog on SQLAlchemy: a post, its payment and a line in the diary are committed together."""

from typing import Any

from sqlalchemy import CheckConstraint, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from paidflow import Context, Money, PaidAction, PaidFlow, Receipt, sats
from paidflow.contrib.sqlalchemy import SqlAlchemy, Visible, session_of
from paidflow.payments.sandbox import SandboxGateway

SECRET = "sixteen bytes or more, from your settings"


class Base(DeclarativeBase): ...


class Entry(Base):
    __tablename__ = "diary"
    number: Mapped[int] = mapped_column(primary_key=True)
    author: Mapped[str] = mapped_column(CheckConstraint("author <> ''"))


class PostRow(Visible, Base):  # which gives it PostRow.visible_to(viewer)
    __tablename__ = "posts"
    id: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(CheckConstraint("text <> ''"))


class Post(PaidAction):
    kind, optimistic = "post", True
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def perform(self, ctx: Context) -> None:
        session_of(ctx).add(PostRow(id=ctx.action_id, text=self.text))


class Blog:
    def __init__(self, url: str, bank: SandboxGateway, **settings: Any) -> None:
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        self.sessions = sessionmaker(engine)
        settings |= {"embedder": SqlAlchemy(self.sessions), "gateways": {"bank": bank}}
        self.flow = PaidFlow.open(url, actions=[Post], secret=SECRET, **settings)
        Base.metadata.create_all(engine)

    def post(self, author: str, text: str) -> Receipt:
        prepared = self.flow.prepare(Post(text=text), actor=author)  # asks the bank: outside
        with self.sessions.begin() as session:  # one transaction, committed at the end
            session.add(Entry(author=author))
            return self.flow.perform(prepared, tx=session)

    def seen_by(self, viewer: str | None) -> list[str]:
        with self.sessions() as session:
            return list(session.scalars(select(PostRow.text).where(PostRow.visible_to(viewer))))
