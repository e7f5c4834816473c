"""``manage.py paidflow_reconcile``: compares the log with what the gateways show now."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from paidflow.contrib.django.flow import get_flow
from paidflow.errors import PaidflowError
from paidflow.operating.reconcile import Standing, reconcile


class Command(BaseCommand):
    """Looks at every invoice of what is unfinished, now instead of when it is due."""

    help = "Ask the gateways about everything unfinished, and record what is new."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=float, default=1.0, help="look, too, at what moved in so many days"
        )
        parser.add_argument("--dry-run", action="store_true", help="record nothing, only tell")

    def handle(self, *args: Any, days: float, dry_run: bool, **options: Any) -> None:
        counts = Counter[Standing]()
        flow = get_flow()
        since = flow.clock.now() - timedelta(days=days)
        try:
            for one in reconcile(flow, since=since, record=not dry_run):
                counts[one.standing] += 1
                if one.standing is not Standing.AGREES:
                    where = f"{one.action_id} attempt {one.number}, {one.gateway} {one.invoice_id}"
                    told = f"{one.log} in the log, {one.shown} shown: {one.standing}"
                    self.stdout.write(f"{where}: {told}")
        except PaidflowError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{counts.total()} invoices looked at")
        if left := counts[Standing.DIFFERS] + counts[Standing.UNANSWERED]:
            raise CommandError(f"{left} of them are left to look at")
