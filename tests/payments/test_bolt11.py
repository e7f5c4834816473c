"""Invoices are read as BOLT 11 says; the first ones are examples of its text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.money import msats
from paidflow.payments.bolt11 import Network, decode
from paidflow.payments.contract import Declined, Destination

HASH = "0001020304050607080900010203040506070809000102030405060708090102"
PP = "pp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq"
DONATION = (
    f"lnbc1pvjluez{PP}dpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq8rkx3yf5tc"
    "syz3d73gafnh3cax9rn449d9p5uxz9ezhhypd0elx87sjle52x86fux2ypatgddc6k63n7erqz25le42c4u4ecky03ylcq"
    "ca784w"
)
COFFEE = (
    f"lnbc2500u1pvjluez{PP}dq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2a"
    "whz5se903vruatfhq77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp"
)
TESTNET = (
    f"lntb20m1pvjluez{PP}hp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqsfpp3x9et2e20v6pu37"
    "c5d9vax37wxq72un98k6vcx9fz94w0qf237cm2rqv9pmn5lnexfvf5579slr4zq3u8kmczecytdx0xg9rwzngp7e6guwqp"
    "qlhssu04sucpnz4axcv2dstmknqq6jsk2l"
)
PICO = (
    "lnbc9678785340p1pwmna7lpp5gc3xfm08u9qy06djf8dfflhugl6p7lgza6dsjxq454gxhj9t7a0sd8dgfkx7cmtwd68y"
    "etpd5s9xar0wfjn5gpc8qhrsdfq24f5ggrxdaezqsnvda3kkum5wfjkzmfqf3jkgem9wgsyuctwdus9xgrcyqcjcgpzgfsk"
    "x6eqf9hzqnteypzxz7fzypfhg6trddjhygrcyqezcgpzfysywmm5ypxxjemgw3hxjmn8yptk7untd9hxwg3q2d6xjcmtv4e"
    "zq7pqxgsxzmnyyqcjqmt0wfjjq6t5v4khxxqyjw5qcqp2rzjq0gxwkzc8w6323m55m4jyxcjwmy7stt9hwkwe2qxmy8zpsg"
    "g7jcuwz87fcqqeuqqqyqqqqlgqqqqn3qq9qn07ytgrxxzad9hc4xt3mawjjt8znfv8xzscs7007v9gh9j569lencxa8xeuj"
    "zkxs0uamak9aln6ez02uunw6rd2ht2sqe4hz8thcdagpleym0j"
)
BEGUN = 1496314658


def at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


@pytest.mark.parametrize(
    ("invoice", "network", "expected"),
    [
        (DONATION, Network.MAINNET, Destination(HASH, None, at(BEGUN + 3600))),
        (COFFEE, Network.MAINNET, Destination(HASH, msats(250_000_000), at(BEGUN + 60))),
        (TESTNET, Network.TESTNET, Destination(HASH, msats(2_000_000_000), at(BEGUN + 3600))),
        (
            PICO,
            Network.MAINNET,
            Destination(
                "462264ede7e14047e9b249da94fefc47f41f7d02ee9b091815a5506bc8abf75f",
                msats(967_878_534),
                at(1572468703 + 604800),
            ),
        ),
    ],
    ids=["donation", "coffee", "testnet", "pico"],
)
@pytest.mark.parametrize("written", ["{}", "lightning:{}", "  {}\n"])
def test_examples_of_the_standard(
    invoice: str, network: Network, expected: Destination, written: str
) -> None:
    assert decode(written.format(invoice), network) == expected
    assert decode(written.format(invoice).upper(), network) == expected


@pytest.mark.parametrize(
    ("invoice", "why"),
    [
        ("", "other characters"),
        ("ann@wallet.example", "other characters"),
        ("lightning:", "other characters"),
        ("lnbc1abcde", "other characters"),
        ("lnbc1qqqqqq", "not complete"),
        (DONATION[:-1] + "q", "typing error"),
        (DONATION.replace("pvjluez", "pvjluea"), "typing error"),
        (COFFEE.replace("2500u", "2501u"), "typing error"),
        (DONATION[:40] + DONATION[40:].upper(), "mixed letters"),
        (TESTNET, "another network"),
        ("q" * 9000, "too long"),
    ],
)
def test_what_is_no_invoice_of_this_network_is_declined(invoice: str, why: str) -> None:
    read = decode(invoice, Network.MAINNET)
    assert isinstance(read, Declined)
    assert why in read.reason


@given(st.text(max_size=300) | st.text("qpzry9x8gf2tvdw0s3jn54khce6mua7l1", max_size=300))
def test_any_text_is_read_or_declined(text: str) -> None:
    assert isinstance(decode(text, Network.MAINNET), Declined)


CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def written(name: str, fields: str, *, begun: str = "pvjluez") -> str:
    """An invoice with any fields, an empty signature and the right checksum (BIP 173)."""
    data = begun + fields + "q" * 104
    words = [CHARACTERS.index(character) for character in data]
    prefix = [ord(letter) >> 5 for letter in name] + [0] + [ord(letter) & 31 for letter in name]
    check = 1
    for word in [*prefix, *words, 0, 0, 0, 0, 0, 0]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ word
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> bit & 1 else 0
    checksum = "".join(CHARACTERS[(check ^ 1) >> 5 * (5 - place) & 31] for place in range(6))
    return f"{name}1{data}{checksum}"


OTHER_PP = "pp5" + "l" * 51 + "q"


def test_the_first_of_two_fields_counts_as_it_does_for_lnd() -> None:
    twice = written("lnbc1m", PP + OTHER_PP + "xqzpu" + "xqzpq")
    assert decode(twice, Network.MAINNET) == Destination(HASH, msats(10**8), at(BEGUN + 60))


def test_a_hash_of_another_length_and_an_unknown_field_are_passed_over() -> None:
    odd = written("lnbc", "pqpl" + "sqpq" + PP)
    assert decode(odd, Network.MAINNET) == Destination(HASH, None, at(BEGUN + 3600))


@pytest.mark.parametrize(
    ("name", "fields", "begun", "why"),
    [
        ("lnbc", "", "pvjluez", "no payment hash"),
        ("lnbc", PP + "x", "pvjluez", "cut off"),
        ("lnbc", PP + "xqrq", "pvjluez", "cut off"),
        ("lnbc", PP + "xqg" + "l" * 8, "lllllll", "expires at no time"),
        ("lnbc1p", PP, "pvjluez", "a fraction"),
        ("lnbc01m", PP, "pvjluez", "no amount that there is"),
        ("lnbc1x", PP, "pvjluez", "no amount that there is"),
        ("lnbc" + "9" * 18, PP, "pvjluez", "amount must be"),
    ],
)
def test_what_makes_no_sense_is_declined(name: str, fields: str, begun: str, why: str) -> None:
    read = decode(written(name, fields, begun=begun), Network.MAINNET)
    assert isinstance(read, Declined)
    assert why in read.reason


@given(st.integers(12, len(COFFEE) - 1), st.sampled_from(CHARACTERS))
def test_one_wrong_character_is_noticed(position: int, character: str) -> None:
    wrong = COFFEE[:position] + character + COFFEE[position + 1 :]
    assert wrong == COFFEE or isinstance(decode(wrong, Network.MAINNET), Declined)
