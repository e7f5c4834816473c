"""The job with the SQLAlchemy ORM and a row lock: what most programs do."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.gateway import is_paid, new_invoice
from benchmarks.sides.base import CONNECTIONS_MAX, Counts, Side, actor
from benchmarks.sides.tables import AMOUNT, count_rows, create_tables


class Base(DeclarativeBase):
    """What the mapped classes share."""


class Payment(Base):
    """A row of payments."""

    __tablename__ = "payments"

    id: Mapped[str] = mapped_column(primary_key=True)
    invoice_id: Mapped[str | None]
    actor: Mapped[str]
    amount: Mapped[int]
    state: Mapped[str]
    paid_at: Mapped[datetime | None]


class Post(Base):
    """A row of the view."""

    __tablename__ = "posts"

    id: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    visible: Mapped[bool]


class Orm(Side):
    """Loads with ``SELECT ... FOR UPDATE``, changes the objects, commits."""

    def __init__(self, dsn: str, threads: int) -> None:
        super().__init__(dsn, threads)
        parts = conninfo_to_dict(dsn)
        url = URL.create(
            "postgresql+psycopg",
            username=str(parts["user"]),
            password=str(parts["password"]) if "password" in parts else None,
            host=str(parts["host"]),
            port=int(parts["port"] or 5432),
            database=str(parts["dbname"]),
        )
        self._engine = create_engine(url, pool_size=min(threads, CONNECTIONS_MAX), max_overflow=0)

    def create(self, *, items: int, purses: int) -> None:
        with psycopg.connect(self.dsn) as connection:
            create_tables(connection, items=items, purses=purses)

    def perform(self, n: int) -> str:
        payment_id = str(uuid4())
        invoice_id = new_invoice(self.gateway, payment_id)
        with Session(self._engine) as session, session.begin():
            session.add(
                Payment(
                    id=payment_id,
                    invoice_id=invoice_id,
                    actor=actor(n),
                    amount=AMOUNT,
                    state="pending",
                )
            )
            session.add(Post(id=payment_id, text=f"post {n}", visible=False))
        return invoice_id

    def settle(self, invoice_id: str) -> None:
        if not is_paid(self.gateway, invoice_id):
            return
        of_invoice = select(Payment).where(Payment.invoice_id == invoice_id).with_for_update()
        with Session(self._engine) as session, session.begin():
            payment = session.scalars(of_invoice).one()
            if payment.state != "pending":
                return
            payment.state = "paid"
            payment.paid_at = datetime.now(UTC)
            session.get_one(Post, payment.id).visible = True

    def counts(self) -> Counts:
        with psycopg.connect(self.dsn) as connection:
            return count_rows(connection)

    def close(self) -> None:
        self._engine.dispose()
