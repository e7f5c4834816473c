"""The Django project of all tests: a process can have only one, so its settings are changed."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections, models
from psycopg.conninfo import conninfo_to_dict

SECRET = "a secret only for tests"

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "unused.db"}},
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "paidflow.contrib.django",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="tests.django_urls",
        SECRET_KEY=SECRET,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
    )
    django.setup()

# Only now, because an example that is the whole program has settings of its own.
from examples import with_django as with_django  # noqa: E402
from paidflow.contrib.django.flow import close_flow  # noqa: E402


def use(
    store_url: str, *, migrate: str = "paidflow", atomic_requests: bool = False, **of: Any
) -> None:
    """Point Django at a database, and paidflow at actions and gateways.

    Args:
        store_url: the database, empty or not.
        migrate: the application to migrate; an empty text for all, "none" for none.
        atomic_requests: the setting of that name.
        of: the settings of paidflow.
    """
    leave()
    database = as_database(store_url) | {"ATOMIC_REQUESTS": atomic_requests}
    settings.DATABASES = {"default": database}
    connections._settings = settings.DATABASES
    settings.PAIDFLOW = {"SECRET": SECRET, **of}
    if migrate != "none":
        call_command("migrate", *filter(None, [migrate]), verbosity=0)


def leave() -> None:
    """Let go of the database."""
    close_flow()
    for connection in connections.all(initialized_only=True):
        connection.close()
        del connections[connection.alias]
    connections.__dict__.pop("settings", None)


def as_database(store_url: str) -> dict[str, Any]:
    """A database as Django's settings name it."""
    if store_url.startswith("sqlite:///"):
        name = store_url.removeprefix("sqlite:///")
        options = {"transaction_mode": "IMMEDIATE"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
    parts = dict(conninfo_to_dict(store_url))
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    database = {key: parts.pop(name, "") for key, name in (known | {"PORT": "port"}).items()}
    return {"ENGINE": "django.db.backends.postgresql", **database, "OPTIONS": parts}


def create_tables(*of: type[models.Model]) -> None:
    """Create the tables of models where they are missing."""
    connection = connections["default"]
    there = connection.introspection.table_names()
    with connection.schema_editor() as editor:
        for model in of:
            if model._meta.db_table not in there:
                editor.create_model(model)
