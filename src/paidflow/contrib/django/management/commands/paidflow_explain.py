"""``manage.py paidflow_explain``: tells what happened to an action, and what it owes."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from paidflow.contrib.django.flow import get_flow
from paidflow.errors import PaidflowError
from paidflow.operating.timeline import timeline


class Command(BaseCommand):
    """Tells where an action stands and how it came there; it shows no texts of people."""

    help = "Tell what happened to an action, and what it owes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action_id", help="the id of the action")

    def handle(self, *args: Any, action_id: str, **options: Any) -> None:
        try:
            found = timeline(get_flow(), action_id)
        except PaidflowError as error:
            raise CommandError(str(error)) from error
        a, status = found.aggregate, found.status
        who = "a logged-out person" if a.actor is None else a.actor
        self.stdout.write(f"{a.kind} {action_id} of {who}, {a.cost}")
        for moment in found.moments:
            line = f"{moment.at:%Y-%m-%d %H:%M:%S} {moment.sentence} {moment.details}"
            self.stdout.write(line.rstrip())
        self.stdout.write(f"{a.state}: {found.meaning}")
        if a.attention is not None:
            self.stdout.write(f"It waits for a person: {a.attention}.")
        elif status.owed is not None:
            self.stdout.write(f"Next: {status.owed}, looked at {status.due_at:%Y-%m-%d %H:%M:%S}.")
        else:
            self.stdout.write("Nothing more is owed.")
