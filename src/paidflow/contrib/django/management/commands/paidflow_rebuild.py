"""``manage.py paidflow_rebuild``: builds a view anew beside the live one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from paidflow.contrib.django.flow import get_flow
from paidflow.contrib.django.settings import projections
from paidflow.errors import PaidflowError
from paidflow.views.folding import Folding
from paidflow.views.rebuild import rebuild


class Command(BaseCommand):
    """Builds the version of a view that the program has, and makes it the live one."""

    help = "Build a view of PAIDFLOW['PROJECTIONS'] anew, and make it the live one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("view", help="the name of the view")

    def handle(self, *args: Any, view: str, **options: Any) -> None:
        try:
            rebuild(Folding(get_flow(), projections()), view, self._tell)
        except PaidflowError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{view} is live")

    def _tell(self, at: int, of: int) -> None:
        self.stdout.write(f"{at} of {of}")
