"""Addresses that may be sent secrets: encrypted on the way, or on no way at all. Needs httpx."""

from __future__ import annotations

import httpx

from paidflow.errors import InvalidConfiguration

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def secure_url(text: str, called: str, *, onion: bool = False) -> httpx.URL:
    """Read an address that begins with https, or with http on this machine.

    Args:
        text: the address; it may hold a path, and no password.
        called: how errors call it.
        onion: whether http may also lead to an onion service, which is encrypted by itself (Tor
            Rendezvous Specification, version 3).

    Returns:
        The address.

    Raises:
        InvalidConfiguration: when it is none of these; the text does not hold the address.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        raise InvalidConfiguration(f"{called} is not readable") from None
    if url.userinfo:
        raise InvalidConfiguration(f"{called} must not hold a password")
    plain = url.host in _LOOPBACK or (onion and url.host.endswith(".onion"))
    if not url.host or url.scheme not in (("https", "http") if plain else ("https",)):
        raise InvalidConfiguration(f"{called} must begin with https://")
    return url
