"""The job with paidflow, tuned: the post is offered as a row, and threads share transactions."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.sides.with_paidflow import PRICE, WithPaidflow
from paidflow import INVOICE, Context, Money, PaidAction, PaidFlow, Row


class RowPost(PaidAction):
    """One row of the view, without a statement of its own."""

    kind = "post"
    funding = (INVOICE,)
    optimistic = True

    text: str

    def cost(self, ctx: Context) -> Money:
        return PRICE

    def row(self, ctx: Context) -> Row:
        return Row("posts", {"id": ctx.action_id, "text": self.text})


class WithPaidflowRows(WithPaidflow):
    """As ``WithPaidflow``, but for ``row`` and ``group_commit``."""

    loads: ClassVar[frozenset[str]] = frozenset({"lifecycle", "settle"})

    def perform(self, n: int) -> str:
        return self._request(RowPost(text=f"post {n}"), n)

    def _open(self, *, create: bool) -> PaidFlow:
        return PaidFlow.open(
            self.dsn,
            actions=[RowPost],
            gateways={"noop": self.gateway},
            secret="a secret only for benchmarks",
            create=create,
            open_invoices_max=10**9,
            group_commit=True,
        )
