"""Reads an invoice of the Lightning Network: its payment hash, its amount, and when it expires.

Written after BOLT 11 (github.com/lightning/bolts, 11-payment-encoding.md). The signature is not
looked at: the node that pays checks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum

from paidflow.errors import InvalidAmount
from paidflow.money import Money, msats
from paidflow.payments.contract import Declined, Destination

LENGTH_MAX = 8192
EXPIRY_S = 3600
"""How long an invoice can be paid that does not say it."""

_CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM, _SIGNATURE, _TIMESTAMP = 6, 104, 7
"""Lengths in words of five bits."""

_PAYMENT_HASH, _EXPIRY = 1, 6
_MSATS = {"": 100_000_000_000, "m": 100_000_000, "u": 100_000, "n": 100}


class Network(StrEnum):
    """A network by the name that its invoices carry (BIP 173, SLIP 173)."""

    MAINNET = "bc"
    TESTNET = "tb"
    SIGNET = "tbs"
    REGTEST = "bcrt"
    SIMNET = "sb"


def decode(text: str, network: Network) -> Destination | Declined:
    """Read an invoice.

    Args:
        text: the invoice, in small or in capital letters; ``lightning:`` may come before it.
        network: the network that it has to be of.

    Returns:
        What it asks for, or why it cannot be read.
    """
    try:
        return _decoded(bare(text), network)
    except (_NoInvoice, InvalidAmount) as error:
        return Declined(f"not an invoice of this network: {error}")


def bare(text: str) -> str:
    """An invoice without what may be around it."""
    text = text.strip()
    return text[len("lightning:") :] if text.lower().startswith("lightning:") else text


class _NoInvoice(ValueError):
    """It is no invoice; the text says why."""


def _decoded(invoice: str, network: Network) -> Destination:
    if len(invoice) > LENGTH_MAX or invoice not in (invoice.lower(), invoice.upper()):
        raise _NoInvoice("it is too long, or in mixed letters")
    name, separator, data = invoice.lower().rpartition("1")
    if not separator or any(character not in _CHARACTERS for character in data):
        raise _NoInvoice("it has other characters than an invoice")
    words = [_CHARACTERS.index(character) for character in data]
    if len(words) < _TIMESTAMP + _SIGNATURE + _CHECKSUM or not _intact(name, words):
        raise _NoInvoice("it is not complete, or has a typing error")
    words = words[: -_SIGNATURE - _CHECKSUM]
    payment_hash, expiry_s = _fields(words[_TIMESTAMP:])
    try:
        expires_at = datetime.fromtimestamp(_number(words[:_TIMESTAMP]) + expiry_s, UTC)
    except (OverflowError, ValueError, OSError):
        raise _NoInvoice("it expires at no time that there is") from None
    return Destination(payment_hash, _amount(name, network), expires_at)


def _intact(name: str, words: list[int]) -> bool:
    """Whether the checksum fits (BIP 173)."""
    prefix = [ord(letter) >> 5 for letter in name] + [0] + [ord(letter) & 31 for letter in name]
    check = 1
    for word in prefix + words:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ word
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check == 1


def _fields(words: list[int]) -> tuple[str, int]:
    """The payment hash and the expiry; the first one counts if there are several."""
    payment_hash, expiry_s = None, None
    for field, content in _split(words):
        if field == _PAYMENT_HASH and len(content) == 52 and payment_hash is None:
            payment_hash = (_number(content) >> 4).to_bytes(32).hex()
        elif field == _EXPIRY and expiry_s is None:
            expiry_s = _number(content)
    if payment_hash is None:
        raise _NoInvoice("it has no payment hash")
    return payment_hash, EXPIRY_S if expiry_s is None else expiry_s


def _split(words: list[int]) -> Iterator[tuple[int, list[int]]]:
    """The fields by their type: a word for it, two for the length, and then the content."""
    at = 0
    while at < len(words):
        if at + 3 > len(words):
            raise _NoInvoice("a field is cut off")
        end = at + 3 + _number(words[at + 1 : at + 3])
        if end > len(words):
            raise _NoInvoice("a field is cut off")
        yield words[at], words[at + 3 : end]
        at = end


def _number(words: list[int]) -> int:
    number = 0
    for word in words:
        number = number << 5 | word
    return number


def _amount(name: str, network: Network) -> Money | None:
    """What it asks for; ``None`` if that is left to the payer."""
    read = re.fullmatch(rf"ln{network}(?:([1-9][0-9]{{0,17}})([munp]?))?", name)
    if read is None:
        raise _NoInvoice("it is of another network, or asks for no amount that there is")
    digits, unit = read.groups()
    if digits is None:
        return None
    if unit == "p":
        whole, rest = divmod(int(digits), 10)
        if rest:
            raise _NoInvoice("it asks for a fraction of a millisatoshi")
        return msats(whole)
    return msats(int(digits) * _MSATS[unit])
