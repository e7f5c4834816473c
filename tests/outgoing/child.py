"""A process that delivers, and is killed at one point; it runs as a module, with a job in JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter

from paidflow import checkpoints
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.webhook import Webhook
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.outgoing.receiver import SECRET
from tests.wall import open_wall


def main(url: str, bank: str, hook: str, point: str, count: int) -> None:
    reached: Counter[str] = Counter()

    def die(name: str) -> None:
        reached[name] += 1
        if name == point and reached[name] == count:
            os.kill(os.getpid(), signal.SIGKILL)

    clock = ManualClock()
    gateway = SandboxGateway(bank, sandbox=True, clock=clock)
    flow = open_wall(url, {"sandbox": gateway}, clock=clock, create=False)
    shop = Webhook("shop", hook, secrets=[SECRET])
    checkpoints.observe(die)
    Deliveries(flow, [shop], start="beginning", together=1).run_until_idle()


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
