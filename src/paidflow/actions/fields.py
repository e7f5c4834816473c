"""Checks of single fields; each error names the field."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from paidflow.actions.statements import is_storable
from paidflow.errors import InvalidField


def check_text(field: str, text: str | None, most: int, *, least: int = 0) -> None:
    """Refuse a text that is too short or too long without the blanks around it.

    Args:
        field: what the error names.
        text: the text; ``None`` is an empty one.
        most: how many characters it may have.
        least: how many characters it needs.

    Raises:
        InvalidField: when it does not fit, or holds what no database can keep.
    """
    text = "" if text is None else text
    if not least <= len(text.strip()) <= most:
        raise InvalidField(field, f"{least} to {most} characters")
    if not is_storable(text):
        raise InvalidField(field, "there are characters in it that are no text")


def check_url(field: str, url: str, most: int) -> None:
    """Refuse what is no address of the web.

    Raises:
        InvalidField: when it is too long, or not ``http`` or ``https`` with a host.
    """
    check_text(field, url, most, least=1)
    try:
        parts = urlsplit(url.strip())
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits or any(character.isspace() for character in url.strip()):
        raise InvalidField(field, "an address that begins with https:// or http://")


def check_distinct(field: str, names: Sequence[str]) -> None:
    """Refuse names that are there twice.

    Raises:
        InvalidField: when some are.
    """
    if len(set(names)) != len(names):
        raise InvalidField(field, "each only once")


ALL_SATS = 2_100_000_000_000_000
"""All that there will ever be: 21 million bitcoins."""


def check_amount_sats(
    field: str, amount_sats: int, *, least: int = 1, most: int = ALL_SATS
) -> None:
    """Refuse an amount that is too small or too large.

    Raises:
        InvalidField: when it is.
    """
    if not least <= amount_sats <= most:
        raise InvalidField(field, f"{least:,} to {most:,} sats")
