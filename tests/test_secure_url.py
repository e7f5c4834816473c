"""Which addresses may be sent secrets."""

from __future__ import annotations

import pytest

from paidflow.errors import InvalidConfiguration
from paidflow.secure_url import secure_url

HTTPS = "the address must begin with https://"
PASSWORD = "the address must not hold a password"
UNREADABLE = "the address is not readable"


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example",
        "https://shop.example:8443/hooks/1?of=2",
        "https://[2001:db8::1]/",
        "https://abc.onion",
        "http://localhost:1",
        "http://127.0.0.1:5000/a",
        "http://[::1]:5000",
    ],
)
@pytest.mark.parametrize("onion", [False, True])
def test_what_fits_is_left_as_it_is(text: str, onion: bool) -> None:
    assert str(secure_url(text, "the address", onion=onion)).rstrip("/") == text.rstrip("/")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://shop.example", HTTPS),
        ("http://127.0.0.2", HTTPS),
        ("http://localhost.example", HTTPS),
        ("http://onion", HTTPS),
        ("http://abc.onion.example", HTTPS),
        ("ftp://localhost", HTTPS),
        ("https://", HTTPS),
        ("shop.example", HTTPS),
        ("", HTTPS),
        ("https://ann:hush@shop.example", PASSWORD),
        ("http://hush@localhost", PASSWORD),
        ("http://[", HTTPS),
        ("https://shop.example:hush", UNREADABLE),
    ],
)
@pytest.mark.parametrize("onion", [False, True])
def test_what_does_not_fit_is_named_and_not_shown(text: str, why: str, onion: bool) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        secure_url(text, "the address", onion=onion)
    assert str(raised.value) == str(InvalidConfiguration(why))


def test_no_text_at_all() -> None:
    with pytest.raises(InvalidConfiguration, match=UNREADABLE):
        secure_url(None, "the address")  # pyright: ignore[reportArgumentType]


def test_an_onion_encrypts_by_itself() -> None:
    assert secure_url("http://abc.onion", "the address", onion=True).host == "abc.onion"
    with pytest.raises(InvalidConfiguration, match=HTTPS):
        secure_url("http://abc.onion", "the address")
