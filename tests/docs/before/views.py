# ruff: noqa: F401  # the page uses these names
import sqlite3
from collections.abc import Iterator

from paidflow import Batch, Counter, Folding, PaidAction, PaidFlow, Reader, Worker, sats
from paidflow.states.events import Paid


class Post(PaidAction):
    kind = "post"

    def cost(self, ctx):
        return sats(0)


class Comment(PaidAction):
    kind = "comment"
    post_id: str

    def cost(self, ctx):
        return sats(5)

    def perform(self, ctx):
        add = "insert into comments (id, post_id) values (:id, :post_id)"
        ctx.tx.execute(add, id=ctx.action_id, post_id=self.post_id)


with sqlite3.connect("forum.db") as connection:
    connection.execute("create table comments (id text primary key, post_id text)")
connection.close()

flow = PaidFlow.open("sqlite:///forum.db", actions=[Post, Comment], gateways={}, secret="s" * 16)
flow.grant("ann", sats(10), key="welcome")
