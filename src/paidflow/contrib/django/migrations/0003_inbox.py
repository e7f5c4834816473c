"""Brings paidflow's tables to version 4: webhooks, gateways, deadlines that are heights."""

from django.db import migrations

from paidflow.contrib.django.database import bring_up_to_date


class Migration(migrations.Migration):
    dependencies = [("paidflow", "0002_money")]  # noqa: RUF012
    paidflow_version = 4  # of the tables; the next one needs the next migration
    # paidflow has a connection of its own, which must not wait for a transaction of this one.
    atomic = False
    # It cannot be undone: no command takes away a log of payments.
    operations = [migrations.RunPython(bring_up_to_date)]  # noqa: RUF012
