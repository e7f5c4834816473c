"""The same webhook many times at once, and many who look at once; on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from paidflow import PaidFlow, State, WebhookAnswer
from paidflow.operating.inbox import kept_webhooks
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import again, invoice_of
from tests.races.arena import together
from tests.wall import HeldNote, Note, effects, open_wall

CROWD = 8


@pytest.fixture
def bank(tmp_path: Path, clock: ManualClock) -> SandboxGateway:
    path = str(tmp_path / "bank.db")
    return SandboxGateway(path, sandbox=True, clock=clock, webhook_secret="shared with the bank")


@pytest.fixture
def flow(postgres_dsn: str, bank: SandboxGateway, clock: ManualClock) -> Iterator[PaidFlow]:
    opened = open_wall(postgres_dsn, {"bank": bank}, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CROWD) as opened:
        yield opened


@pytest.mark.parametrize("note", [Note(text="gm"), HeldNote(text="hm")])
def test_eight_times_at_once(
    flow: PaidFlow, bank: SandboxGateway, pool: ThreadPoolExecutor, note: Note
) -> None:
    receipt = flow.perform(note, actor="ann")
    bank.pay(invoice_of(receipt))
    send = partial(flow.receive_webhook, "bank", *bank.webhook(invoice_of(receipt)))
    assert together(pool, [send] * CROWD) == [WebhookAnswer.ACCEPTED] * CROWD
    (kept,) = kept_webhooks(flow)
    assert kept.times == CROWD
    assert sum(map(int, map(str, together(pool, [flow.look_at_webhooks] * CROWD)))) == 1
    assert again(flow, receipt).state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}
    assert flow.look_at_webhooks() == 0


def test_it_comes_and_is_looked_at_at_once(
    flow: PaidFlow, bank: SandboxGateway, pool: ThreadPoolExecutor
) -> None:
    """Whoever is overtaken by a repetition leaves it to be looked at again."""
    receipt = flow.perform(HeldNote(text="hm"), actor="ann")
    bank.pay(invoice_of(receipt))
    send = partial(flow.receive_webhook, "bank", *bank.webhook(invoice_of(receipt)))
    send()
    crowd = [send, flow.look_at_webhooks] * (CROWD // 2)
    for _ in range(5):
        assert not [one for one in together(pool, crowd) if isinstance(one, Exception)]
    flow.look_at_webhooks()
    (kept,) = kept_webhooks(flow)
    assert (kept.times, kept.due_at) == (1 + 5 * CROWD // 2, None)
    assert again(flow, receipt).state is State.PAID
    assert effects(flow, receipt.action_id) == {"perform": 1, "on_paid": 1}


def test_it_comes_while_its_invoice_becomes_known(
    flow: PaidFlow, bank: SandboxGateway, pool: ThreadPoolExecutor
) -> None:
    for number in range(5):
        sent = pool.submit(bool, None)

        def opened(invoice_id: str) -> None:
            nonlocal sent
            bank.pay(invoice_id)
            sent = pool.submit(flow.receive_webhook, "bank", *bank.webhook(invoice_id))

        bank.on_open = opened
        receipt = flow.perform(Note(text="gm"), actor=f"ann-{number}")
        assert sent.result() is WebhookAnswer.ACCEPTED
        flow.look_at_webhooks()
        assert again(flow, receipt).state is State.PAID
    assert {str(one.standing) for one in kept_webhooks(flow)} == {"looked at"}
