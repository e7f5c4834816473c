"""A worker process whose receivers note what they are told; it can be killed at one point.

It runs as a module, with a job in JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from typing import Any

from django.core.management import call_command

from paidflow import checkpoints
from paidflow.contrib.django import signals
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests import django_project
from tests.wall import NOTES


def main(url: str, bank: str, notebook: str, point: str, count: int, once: bool) -> None:
    reached: Counter[str] = Counter()

    def die(name: str) -> None:
        reached[name] += 1
        if name == point and reached[name] == count:
            os.kill(os.getpid(), signal.SIGKILL)

    def note(*, message_id: str, action_id: str, event: Any, **unused: Any) -> None:
        with open(notebook, "a", encoding="utf-8") as file:
            file.write(f"{message_id} {action_id} {event.name}\n")

    clock = ManualClock()
    gateway = SandboxGateway(bank, sandbox=True, clock=clock)
    django_project.use(
        url,
        migrate="none",
        ACTIONS=NOTES,
        GATEWAYS={"sandbox": lambda: gateway},
        OPTIONS={"clock": clock},
    )
    for sent in signals.SIGNALS.values():
        sent.connect(note)
    checkpoints.observe(die)
    if once:
        call_command("paidflow_work", "--once")
    else:
        call_command("paidflow_work", "--poll", "0.05")


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
