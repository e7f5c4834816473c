"""A blog on psycopg: a post, its payment and a line in the diary are committed together.

``python -m examples.with_psycopg postgresql://...`` runs it.
"""

from __future__ import annotations

import sys
from typing import Any

import psycopg

from paidflow import Context, Money, PaidAction, PaidFlow, Reader, Receipt, sats
from paidflow.payments.sandbox import SandboxGateway

TABLES = """
    create table if not exists diary (author text not null check (author <> ''));
    create table if not exists posts (id text primary key, text text not null check (text <> ''))
"""


class Post(PaidAction):
    kind, optimistic = "post", True
    text: str

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def perform(self, ctx: Context) -> None:
        add = "insert into posts (id, text) values (:id, :text)"
        ctx.tx.execute(add, id=ctx.action_id, text=self.text)


class Blog:
    def __init__(self, url: str, bank: SandboxGateway, **settings: Any) -> None:
        gateways, secret = {"bank": bank}, "sixteen bytes or more, from your settings"
        self.url = url
        self.flow = PaidFlow.open(url, actions=[Post], gateways=gateways, secret=secret, **settings)
        with psycopg.connect(url) as connection:
            connection.execute(TABLES)

    def post(self, author: str, text: str) -> Receipt:
        prepared = self.flow.prepare(Post(text=text), actor=author)  # asks the bank, so outside
        with psycopg.connect(self.url) as connection:  # one transaction, committed at the end
            connection.execute("insert into diary (author) values (%s)", [author])
            return self.flow.perform(prepared, tx=connection)

    def seen_by(self, viewer: str | None) -> list[str]:
        rows = Reader(self.flow).select("select text from posts where visible(id)", viewer=viewer)
        return [row["text"] for row in rows]


if __name__ == "__main__":
    blog = Blog(sys.argv[1], SandboxGateway("bank.db", sandbox=True), create=True)
    print(blog.post("ann", "gm").state, blog.seen_by("ann"), blog.seen_by("bob"))
