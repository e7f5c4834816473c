"""A line on a wall for ten sats: seen by its author at once, and by everybody when it is paid.

``python examples/quickstart.py`` runs it in a folder of its own, so it can be run again.
"""

import tempfile
from pathlib import Path

from paidflow import Context, Money, PaidAction, PaidFlow, Reader, sats
from paidflow.payments.sandbox import SandboxGateway


class Shout(PaidAction):
    """Put a line on the wall."""

    kind = "shout"  # its name in the log, for ever
    optimistic = True  # its author sees it at once, everybody else when it is paid

    text: str  # an action is a pydantic model; its fields are its arguments

    def cost(self, ctx: Context) -> Money:
        return sats(10)

    def perform(self, ctx: Context) -> None:
        add = "insert into wall (id, text) values (:id, :text)"
        ctx.tx.execute(add, id=ctx.action_id, text=self.text)


folder = Path(tempfile.mkdtemp())
bank = SandboxGateway(folder / "bank.db", sandbox=True)
url, secret = f"sqlite:///{folder / 'wall.db'}", "sixteen bytes or more, from your settings"
with PaidFlow.open(url, actions=[Shout], gateways={"bank": bank}, secret=secret) as flow:
    with flow.transaction() as tx:
        tx.execute("create table wall (id text primary key, text text)")
    wall = Reader(flow)
    lines = "select text from wall where visible(wall.id)"

    receipt = flow.perform(Shout(text="gm"), actor="ann")
    print(receipt.state, receipt.next_action, receipt.cost)
    print(wall.select(lines, viewer="ann"), wall.select(lines, viewer="bob"))

    assert receipt.invoice_id is not None
    bank.pay(receipt.invoice_id)  # what a payer does, somewhere else
    receipt = flow.sync("bank", receipt.invoice_id)  # what your webhook does, or Worker(flow)
    print(receipt.state, wall.select(lines, viewer="bob"))
