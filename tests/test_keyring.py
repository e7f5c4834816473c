"""Proofs and preimages: only who has the key can make them, and an old key still works."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from paidflow import keyring as module
from paidflow.errors import InvalidConfiguration
from paidflow.keyring import Keyring
from paidflow.money import Money, msats, sats

OLD, NEW = b"an old secret, 16+", b"a new secret, 16+ "
BEFORE = Keyring({"old": OLD})
ROTATED = Keyring({"new": NEW, "old": OLD})
AFTER = Keyring({"new": NEW})
SAME: dict[str, Any] = {"action_id": "a-1", "attempt": 1, "nonce": "n-1", "amount": sats(10)}


def preimage(**changed: Any) -> bytes:
    return ROTATED.preimage("old", **(SAME | changed))


# Proofs.


def test_a_proof_belongs_to_one_action() -> None:
    proof = BEFORE.proof("a-1")
    assert BEFORE.proves(proof, "a-1")
    assert not BEFORE.proves(proof, "a-2")
    assert proof == BEFORE.proof("a-1")


def test_a_proof_outlives_a_rotation_but_not_its_key() -> None:
    proof = BEFORE.proof("a-1")
    assert ROTATED.current == "new"
    assert ROTATED.proves(proof, "a-1")
    assert ROTATED.proof("a-1") != proof
    assert ROTATED.proof("a-1").startswith("new.")
    assert not BEFORE.proves(ROTATED.proof("a-1"), "a-1")
    assert not AFTER.proves(proof, "a-1")
    assert ("old" in ROTATED, "old" in AFTER) == (True, False)


def test_a_key_id_alone_proves_nothing() -> None:
    other = Keyring({"old": NEW})
    assert not BEFORE.proves(other.proof("a-1"), "a-1")
    mac = BEFORE.proof("a-1").partition(".")[2]
    assert not ROTATED.proves(f"new.{mac}", "a-1")


@pytest.mark.parametrize(
    "proof", ["", ".", "old", "old.", "old.00", ".old", "new.x", "старый.ключ", "old.é", "\x00"]
)
def test_nonsense_proves_nothing(proof: str) -> None:
    assert not ROTATED.proves(proof, "a-1")


@given(st.text())
def test_no_text_proves_anything(text: str) -> None:
    assert not BEFORE.proves(text, "a-1")
    assert not BEFORE.proves(f"old.{text}", "a-1")


def test_a_changed_proof_proves_nothing() -> None:
    proof = BEFORE.proof("a-1")
    for index in range(len("old."), len(proof)):
        changed = proof[:index] + ("0" if proof[index] != "0" else "1") + proof[index + 1 :]
        assert not BEFORE.proves(changed, "a-1")
    for changed in (proof[:-1], proof + "0", proof.upper(), proof + " ", " " + proof):
        assert not BEFORE.proves(changed, "a-1")


def test_proofs_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    class Spy:
        digest = staticmethod(hmac.digest)

        @staticmethod
        def compare_digest(ours: bytes, given: bytes) -> bool:
            compared.append((ours, given))
            return False

    monkeypatch.setattr(module, "hmac", Spy)
    proof = BEFORE.proof("a-1")
    # The answer is that of the comparison, so nothing else has decided before or after it.
    assert not BEFORE.proves(proof, "a-1")
    assert compared == [(proof.encode(), proof.encode())]


# Preimages.


def test_a_preimage_can_be_made_again() -> None:
    first = BEFORE.preimage("old", **SAME)
    assert len(first) == 32
    assert first == preimage()
    with pytest.raises(InvalidConfiguration, match="old"):
        AFTER.preimage("old", **SAME)


@pytest.mark.parametrize(
    "changed",
    [
        {"action_id": "a-2"},
        {"attempt": 2},
        {"nonce": "n-2"},
        {"amount": msats(10_001)},
        {"amount": Money(10_000, "EUR")},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_everything_counts_in_a_preimage(changed: dict[str, Any]) -> None:
    assert preimage(**changed) != preimage()


def test_another_key_makes_another_preimage() -> None:
    assert ROTATED.preimage("new", **SAME) != preimage()


def test_no_part_can_lend_a_character_to_its_neighbour() -> None:
    """Without the lengths, these pairs would be the same bytes, and one hash would pay two."""
    pairs = (
        ({"action_id": "a", "attempt": 12}, {"action_id": "a1", "attempt": 2}),
        ({"attempt": 1, "nonce": "2n"}, {"attempt": 12, "nonce": "n"}),
        ({"nonce": "n1", "amount": msats(0)}, {"nonce": "n", "amount": msats(10)}),
        ({"nonce": "n-", "amount": msats(5)}, {"nonce": "n", "amount": msats(-5)}),
    )
    for one, other in pairs:
        assert preimage(**one) != preimage(**other)


@given(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
def test_different_parts_give_different_preimages(a: str, b: str, c: str, d: str) -> None:
    assume((a, b) != (c, d))
    assert preimage(action_id=a, nonce=b) != preimage(action_id=c, nonce=d)


def test_a_proof_says_nothing_about_a_preimage() -> None:
    """They come from two keys, so what the payer is shown never releases a hold."""
    proof = BEFORE.proof("a-1").partition(".")[2]
    direct = hmac.digest(OLD, b"a-1", "sha256").hex()
    assert direct not in (proof, preimage().hex())
    assert BEFORE._mac("old", "proof", "a-1") != BEFORE._mac("old", "preimage", "a-1")


def test_the_preimages_of_yesterday_are_those_of_today() -> None:
    """A changed derivation would lose every hold that is out; this literal must not change."""
    assert hashlib.sha256(preimage()).hexdigest() == EXPECTED_HASH
    assert BEFORE.proof("a-1") == EXPECTED_PROOF


EXPECTED_HASH = "67436991c8a8a2bb012773f73cb2cf42d984efa567f5d23ca492423fc60e10d3"
EXPECTED_PROOF = "old.72e3e34a733ad4eda08b68e0abf5a11842cb3b16d2045764d8f163a718ce94bb"


# The ring itself.


def test_a_keyring_from_what_an_application_has() -> None:
    text, raw = "sixteen letters!", b"sixteen letters!"
    assert Keyring.of(text).proof("a") == Keyring.of(raw).proof("a")
    assert Keyring.of(text).current != Keyring.of("another sixteen!").current
    assert Keyring.of({"new": NEW, "old": OLD}).current == "new"
    assert Keyring.of(BEFORE) is BEFORE


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "at least one"),
        ({"a.b": NEW}, "dot"),
        ({"new": NEW, "old": b"fifteen letters"}, "16 bytes"),
        ({"new": b""}, "16 bytes"),
    ],
)
def test_a_keyring_that_cannot_work(keys: dict[str, bytes], says: str) -> None:
    with pytest.raises(InvalidConfiguration, match=says):
        Keyring(keys)
    with pytest.raises(InvalidConfiguration):
        Keyring.of("")


def test_a_later_change_of_the_mapping_changes_nothing() -> None:
    keys = {"new": NEW}
    ring = Keyring(keys)
    keys.clear()
    assert ring.proves(ring.proof("a"), "a")


def test_nothing_that_is_printed_shows_a_secret() -> None:
    ring = Keyring.of("a secret for nobody")
    for shown in (repr(ring), str(ring), f"{ring}", repr([ring]), repr({"ring": ring})):
        assert "secret for" not in shown
    assert repr(ROTATED) == "Keyring(current='new', keys=2)"
    for broken in ({"k": b"short secret"}, {"a.b": NEW}):
        with pytest.raises(InvalidConfiguration) as raised:
            Keyring(broken)
        assert "secret," not in str(raised.value)
        assert "short" not in str(raised.value)
    with pytest.raises(InvalidConfiguration) as raised:
        AFTER.preimage("old", **SAME)
    assert NEW.decode() not in str(raised.value)
