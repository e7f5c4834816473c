"""The SQL of the catalogue's views."""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("paidflow.views.sql")

FILES = tuple(
    sorted(f.name.removesuffix(".sql") for f in _FOLDER.iterdir() if f.name[-4:] == ".sql")
)
"""The names of the files, without ``.sql``."""


def read_sql(name: str) -> str:
    """The text of one file, which is called so without ``.sql``."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
