"""Whatever is sent as a webhook gets a typed answer, and no action moves because of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paidflow import PaidFlow, WebhookAnswer, WebhookLimits
from paidflow.payments.contract import Hint
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import invoice_of, snapshot
from tests.wall import HeldNote, Note, open_wall

SENT = 2_000
SENT_LONG = {"long": 100_000, "short": 10_000}[os.environ.get("PAIDFLOW_SOAK", "short")]
BYTES_MAX = 400
INBOX = ("paidflow_webhooks", "paidflow_gateways")
LOOK_EVERY = 100
WITHIN_S = 300
"""All is sent while the invoices can be paid."""


class Careless(SandboxGateway):
    """An adapter that signs nothing and checks nothing."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        found = json.loads(body)
        ids = found["ids"] if "ids" in found else [found["id"], headers["x-invoice"]]
        return tuple(Hint(invoice_id) for invoice_id in ids)


TEXTS = st.text(st.characters(), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn, genuine: bytes, invoice_id: str) -> bytes:
    """Bytes, JSON that is nearly right, and a genuine body with some damage."""
    ids = st.lists(SCALARS | st.just(invoice_id), max_size=3)
    near = st.fixed_dictionaries(
        {}, optional={"ids": JSON | ids, "id": SCALARS, "invoice_id": JSON | st.just(invoice_id)}
    )
    how = draw(st.sampled_from(["bytes", "json", "near", "damaged", "long", "deep", "genuine"]))
    match how:
        case "bytes":
            return draw(st.binary(max_size=60))
        case "json" | "near":
            return json.dumps(draw(JSON if how == "json" else near)).encode()
        case "damaged":
            place = draw(st.integers(0, len(genuine) - 1))
            return genuine[:place] + draw(st.binary(max_size=3)) + genuine[place + 1 :]
        case "long":
            return genuine * draw(st.integers(2, 20))
        case "deep":
            return b"[" * draw(st.integers(1, BYTES_MAX))
        case _:
            return genuine


@st.composite
def headers(draw: st.DrawFn, genuine: dict[str, str], invoice_id: str) -> dict[str, str]:
    """Any names and values, perhaps with the right ones among them, perhaps twice."""
    some = draw(st.dictionaries(TEXTS, TEXTS, max_size=3))
    if draw(st.booleans()):
        some |= genuine
    if draw(st.booleans()):
        some |= {"x-invoice": draw(st.just(invoice_id) | TEXTS)}
    if draw(st.booleans()):
        some |= {"Sandbox-Signature": draw(TEXTS)}
    if draw(st.integers(0, 50)) == 0:
        some |= {"sandbox-signature": "x" * 20_000}
    return some


def send_nonsense(clock: ManualClock, times: int) -> Counter[WebhookAnswer]:
    """Send so many webhooks, and look where they lead every now and then."""
    answers: Counter[WebhookAnswer] = Counter()
    tick_s = min(1.0, WITHIN_S * LOOK_EVERY / times)
    secret: dict[str, Any] = {"sandbox": True, "clock": clock, "webhook_secret": "shared"}
    gateways = {
        "bank": SandboxGateway(":memory:", **secret),
        "careless": Careless(":memory:", **secret),
    }
    limits = WebhookLimits(bytes_max=BYTES_MAX, unmatched_max=50)
    with open_wall("sqlite:///:memory:", gateways, clock=clock, webhooks=limits) as flow:
        receipts = [flow.perform(note(text="gm"), actor="ann") for note in (Note, HeldNote)]
        invoice_id = invoice_of(receipts[0])
        signed, genuine = gateways["bank"].webhook(invoice_id)
        before = everything_but_the_inbox(flow)
        names = st.sampled_from([*gateways, *gateways, *gateways]) | TEXTS

        @settings(
            max_examples=times,
            database=None,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )
        @given(names, headers(signed, invoice_id), bodies(genuine, invoice_id))
        def send(name: str, headers: dict[str, str], body: bytes) -> None:
            answer = flow.receive_webhook(name, headers, body)
            assert type(answer) is WebhookAnswer
            assert (answer is WebhookAnswer.UNKNOWN_GATEWAY) == (name not in gateways)
            answers[answer] += 1
            if answers.total() % LOOK_EVERY == 0:
                clock.tick(tick_s)
                flow.look_at_webhooks()

        send()
        flow.look_at_webhooks()
        assert everything_but_the_inbox(flow) == before
    return answers


def everything_but_the_inbox(flow: PaidFlow) -> dict[str, list[str]]:
    return {table: rows for table, rows in snapshot(flow).items() if table not in INBOX}


def test_nonsense(clock: ManualClock) -> None:
    answers = send_nonsense(clock, SENT)
    assert answers.total() >= SENT
    assert min(answers[answer] for answer in WebhookAnswer) > 10, answers


@pytest.mark.soak
def test_much_nonsense(clock: ManualClock) -> None:
    answers = send_nonsense(clock, SENT_LONG)
    assert answers.total() >= SENT_LONG
    assert min(answers[answer] for answer in WebhookAnswer) > 100, answers
