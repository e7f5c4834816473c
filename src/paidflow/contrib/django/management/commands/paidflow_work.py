"""``manage.py paidflow_work``: does what is owed, and sends what happened."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from paidflow.contrib.django.flow import get_flow
from paidflow.contrib.django.settings import projections, subscribers
from paidflow.contrib.django.signals import subscriber
from paidflow.outgoing.deliveries import Deliveries
from paidflow.views.folding import Folding
from paidflow.worker import Worker


class Command(BaseCommand):
    """Works until SIGTERM or SIGINT; any number of processes may do so."""

    help = "Do what paid actions owe, keep views up to date, send signals and webhooks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, and end")
        parser.add_argument("--poll", type=float, default=1.0, help="seconds to rest when idle")

    def handle(self, *args: Any, once: bool, poll: float, **options: Any) -> None:
        flow, views = get_flow(), projections()
        flow.gateways.refuse_copy()
        folding = Folding(flow, views) if views else None
        worker = Worker(flow, folding=folding, poll_s=poll)
        told = [subscriber(), *subscribers()]
        # What happened before a worker first ran is told, too.
        deliveries = Deliveries(flow, told, start="beginning", poll_s=poll)
        if once:
            worker.run_until_idle()
            deliveries.run_until_idle()
            return
        _run(worker, deliveries)


def _run(worker: Worker, deliveries: Deliveries) -> None:
    """Both until one of them ends; what one raises comes out."""
    stop, raised = threading.Event(), list[BaseException]()

    def deliver() -> None:
        try:
            deliveries.run(stop)
        except BaseException as error:
            raised.append(error)
            worker.stop()

    thread = threading.Thread(target=deliver, name="paidflow-deliveries")
    thread.start()
    try:
        worker.run_forever()
    finally:
        stop.set()
        thread.join()
    if raised:
        raise raised[0]
