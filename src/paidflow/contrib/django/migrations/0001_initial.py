"""Creates paidflow's tables with paidflow's own statements, and tells Django of two of them."""

from django.db import migrations, models

from paidflow.contrib.django.database import bring_up_to_date, table


class Migration(migrations.Migration):
    initial = True
    paidflow_version = 2  # of the tables; the next one needs the next migration
    # paidflow has a connection of its own, which must not wait for a transaction of this one.
    atomic = False
    operations = [  # noqa: RUF012
        # It cannot be undone: no command takes away a log of payments.
        migrations.RunPython(bring_up_to_date),
        migrations.CreateModel(
            name="Action",
            fields=[
                ("action_id", models.TextField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("actor", models.TextField(null=True)),
                ("state", models.TextField()),
                ("performed", models.BooleanField()),
                ("version", models.BigIntegerField()),
                ("cost", models.BigIntegerField(help_text="In minor units of the currency.")),
                ("currency", models.TextField()),
                ("owed", models.TextField(null=True)),
                ("due_at", models.DateTimeField(null=True)),
                ("attention", models.TextField(null=True)),
                ("failure_reason", models.TextField(null=True)),
                ("created_at", models.DateTimeField()),
                ("state_since", models.DateTimeField()),
            ],
            options={
                "db_table": table("paidflow_actions"),
                "managed": False,
                "default_permissions": ("view",),
                "permissions": (("resolve_action", "Can resolve what needs a person"),),
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "position",
                    models.BigIntegerField(
                        db_column="notification_id", primary_key=True, serialize=False
                    ),
                ),
                ("version", models.BigIntegerField(db_column="originator_version")),
                ("topic", models.TextField()),
                ("state", models.BinaryField()),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "db_table": table("paidflow_log"),
                "managed": False,
                "default_permissions": ("view",),
                "ordering": ("version",),
            },
        ),
    ]
