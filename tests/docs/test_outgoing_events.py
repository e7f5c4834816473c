"""docs/outgoing-events.md shows a body as it is, and names calls and pauses that exist."""

from __future__ import annotations

import json

from paidflow import PaidFlow
from paidflow.outgoing.back_off import PAUSES_S
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.subscriber import Callback
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Paid
from tests.docs.pages import page
from tests.outgoing.receiver import Notebook
from tests.views.support import paid_notes

PAGE = page("docs/outgoing-events.md")


def test_the_body_looks_like_that(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    notebook = Notebook()
    paid_notes(flow, sandbox, 1)
    only_paid = Callback("mail", notebook, events=(Paid,))
    Deliveries(flow, [only_paid], start="beginning").run_until_idle()
    (block,) = PAGE.blocks("json")
    shown = json.loads(block.code)
    body = json.loads(notebook.messages[0].body())
    body["data"] |= {"kind": "shout", "action_id": shown["data"]["action_id"]}
    assert shown == body
    assert [*shown["data"]] == [*body["data"]]


def test_every_call_that_is_named_exists() -> None:
    lines = PAGE.text.splitlines()
    calls = {line.split("`")[1] for line in lines if line.startswith("| `deliveries.")}
    assert len(calls) == 6
    for call in calls:
        assert hasattr(Deliveries, call.removeprefix("deliveries.").partition("(")[0])


def test_the_pauses_are_those() -> None:
    told = "5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 hours"
    assert told in PAGE.text
    units = {"s": 1, "min": 60}
    hours = [2, 5, 10, 14, 20, 24]
    assert list(PAUSES_S) == [5 * units["s"], 5 * units["min"], 30 * units["min"]] + [
        hour * 3600 for hour in hours
    ]
