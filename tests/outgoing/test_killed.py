"""A process that delivers is killed at each of its points; another one goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.webhook import Webhook
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.outgoing.receiver import SECRET, Receiver, log_by_action, queued
from tests.views.support import paid_notes
from tests.wall import open_wall

ROOT = Path(__file__).parents[2]
COUNT = 3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.mark.parametrize(
    ("point", "count", "repeated"),
    [
        ("deliveries.create_subscriber.after", 1, 0),
        ("deliveries.queue.before", 1, 0),
        ("deliveries.queue.after", 1, 0),
        ("deliveries.lease_deliveries.after", COUNT, 0),
        ("deliveries.send.before", COUNT, 0),
        ("deliveries.send.after", COUNT, 1),  # nobody knows that it arrived
        ("deliveries.acknowledge.before", COUNT, 1),
        ("deliveries.acknowledge.after", COUNT, 0),
        ("deliveries.release_deliveries.after", 1, 0),
    ],
)
def test_another_goes_on(
    store_url: str,
    sandbox: SandboxGateway,
    clock: ManualClock,
    receiver: Receiver,
    tmp_path: Path,
    point: str,
    count: int,
    repeated: int,
) -> None:
    flow = open_wall(store_url, {"sandbox": sandbox}, clock=clock)
    paid_notes(flow, sandbox, 3)
    truth = log_by_action(flow)
    job = {"url": store_url, "bank": str(tmp_path / "bank.db"), "hook": receiver.url}
    job |= {"point": point, "count": count}
    command = [sys.executable, "-m", "tests.outgoing.child", json.dumps(job)]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert died.returncode == -signal.SIGKILL, died.stderr
    before = [request.id for request in receiver.requests]

    clock.tick(121)  # past the lease
    shop = Webhook("shop", receiver.url, secrets=[SECRET])
    Deliveries(flow, [shop], start="beginning").run_until_idle()
    after = [request.id for request in receiver.requests[len(before) :]]
    assert len(set(before) & set(after)) == repeated
    assert len({*before, *after}) == sum(map(len, truth.values()))
    assert len(receiver.requests) == sum(map(len, truth.values())) + repeated
    for action_id, numbers in truth.items():
        assert list(dict.fromkeys(receiver.of(action_id))) == numbers
    assert queued(flow) == 0
    flow.close()
