"""Reads Lightning invoices: who is to get how much, and until when. Pure.

The rules are those of BOLT 11 (lightning/bolts, 11-payment-encoding.md) and BIP 173. Whether the
signature fits is left to the node that pays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from paidflow.money import msats
from paidflow.payments.contract import Declined, Destination

_ALPHABET = {letter: value for value, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_PREFIX = re.compile(r"ln([a-z]+?)(?:(\d{1,17})([munp])?)?")
_MSATS = {"": 10**11, "m": 10**8, "u": 10**5, "n": 10**2}
_TAG_HASH, _TAG_EXPIRY = 1, 6
_TIME_WORDS, _SIGNATURE_WORDS, _CHECKSUM_WORDS, _HASH_WORDS = 7, 104, 6, 52
_EXPIRY_S = 3600
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHARACTERS_MAX = 10_000


def read_invoice(text: str) -> Destination | Declined:
    """What an invoice asks for.

    Args:
        text: the invoice; ``lightning:`` may come before it.

    Returns:
        Its payment hash, its amount (``None`` if the payer chooses) and its end; or why it is none.
    """
    text = text.strip().removeprefix("lightning:")
    if len(text) > _CHARACTERS_MAX or text not in (text.lower(), text.upper()):
        return Declined("this is no Lightning invoice")
    prefix, _, data = text.lower().rpartition("1")
    matched = _PREFIX.fullmatch(prefix)
    if not matched or not data or any(letter not in _ALPHABET for letter in data):
        return Declined("this is no Lightning invoice")
    words = [_ALPHABET[letter] for letter in data]
    if len(words) < _TIME_WORDS + _SIGNATURE_WORDS + _CHECKSUM_WORDS:
        return Declined("this Lightning invoice is too short")
    if not _is_whole(prefix, words):
        return Declined("this Lightning invoice has a mistake in it")
    return _read(matched[2], matched[3] or "", words[: -_SIGNATURE_WORDS - _CHECKSUM_WORDS])


def _read(digits: str | None, unit: str, words: Sequence[int]) -> Destination | Declined:
    payment_hash, expiry_s = None, _EXPIRY_S
    for tag, content in _fields(words[_TIME_WORDS:]):
        if tag == _TAG_HASH and len(content) == _HASH_WORDS and payment_hash is None:
            payment_hash = (_number(content) >> 4).to_bytes(32, "big").hex()
        elif tag == _TAG_EXPIRY:
            expiry_s = _number(content)
    amount = _msats(digits, unit)
    if payment_hash is None or amount == 0:
        return Declined("this Lightning invoice lacks its payment hash, or its amount is odd")
    created_at = datetime.fromtimestamp(_number(words[:_TIME_WORDS]), UTC)
    try:
        expires_at = created_at + timedelta(seconds=expiry_s)
    except OverflowError:
        expires_at = None
    return Destination(payment_hash, None if amount is None else msats(amount), expires_at)


def _msats(digits: str | None, unit: str) -> int | None:
    """Millisatoshis; ``None`` if the invoice names no amount, 0 if it is not a whole number."""
    if digits is None:
        return None
    if unit == "p":
        whole, rest = divmod(int(digits), 10)
        return 0 if rest else whole
    return int(digits) * _MSATS[unit]


def _fields(words: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
    at = 0
    while at + 3 <= len(words):
        length = words[at + 1] * 32 + words[at + 2]
        yield words[at], words[at + 3 : at + 3 + length]
        at += 3 + length


def _number(words: Sequence[int]) -> int:
    number = 0
    for word in words:
        number = number * 32 + word
    return number


def _is_whole(prefix: str, words: Sequence[int]) -> bool:
    """Whether the checksum of BIP 173 fits."""
    letters = [ord(letter) for letter in prefix]
    checked = [each >> 5 for each in letters] + [0] + [each & 31 for each in letters] + [*words]
    checksum = 1
    for value in checked:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum == 1
