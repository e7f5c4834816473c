"""paidflow as an application of a Django project."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed


class PaidflowConfig(AppConfig):
    """Put ``"paidflow.contrib.django"`` into ``INSTALLED_APPS``."""

    name = "paidflow.contrib.django"
    label = "paidflow"
    verbose_name = "Paid actions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from paidflow.contrib.django.checks import check_database, check_settings

        checks.register(check_settings)
        checks.register(check_database, checks.Tags.database)
        setting_changed.connect(_reopen)


def _reopen(*, setting: str, **of_signal: Any) -> None:
    """Settings that a test overrides count from then on."""
    from paidflow.contrib.django.flow import close_flow

    if setting in ("PAIDFLOW", "DATABASES"):
        close_flow()
