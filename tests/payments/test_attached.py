"""Attached wallets: their keys are kept sealed, and only known servers are called."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.keyring import Keyring
from paidflow.payments.attached import AttachedWallets
from paidflow.payments.lnbits_wallet import LnbitsKeys
from paidflow.payments.seal import Seal

SERVER = "https://wallets.example"
OLD, NEW = b"the old key of tests", b"the new key of tests"
KEYS = LnbitsKeys(url=SERVER, invoice_key="an invoice key", admin_key="an admin key")
SECRETS = (KEYS.invoice_key, str(KEYS.admin_key))


def seal(**keys: bytes) -> Seal:
    return Seal(Keyring(keys or {"new": NEW}))


class TestSeal:
    @given(text=st.text(), name=st.text(max_size=50))
    def test_opens_what_it_closed(self, text: str, name: str) -> None:
        try:
            text.encode(), name.encode()
        except UnicodeEncodeError:
            return
        sealed = seal().close(text, name)
        assert seal().open(sealed, name) == text
        assert len(text) < 4 or text not in sealed

    def test_the_same_text_looks_different_each_time(self) -> None:
        assert seal().close("text", "ann") != seal().close("text", "ann")

    def test_not_for_another_name(self) -> None:
        with pytest.raises(InvalidConfiguration):
            seal().open(seal().close("text", "ann"), "bob")

    def test_a_changed_one_does_not_open(self) -> None:
        sealed = seal().close("text", "ann")
        for at in range(len("new."), len(sealed)):
            other = "A" if sealed[at] != "A" else "B"
            changed = sealed[:at] + other + sealed[at + 1 :]
            try:
                assert seal().open(changed, "ann") == "text"  # bits that stand for nothing
                assert at >= len(sealed) - 3
            except InvalidConfiguration:
                pass

    @pytest.mark.parametrize("nonsense", ["", "new", "new.", "new.%%%", "new.AAAA", "new.ä"])
    def test_nonsense(self, nonsense: str) -> None:
        with pytest.raises(InvalidConfiguration):
            seal().open(nonsense, "ann")

    def test_the_key_is_needed(self) -> None:
        sealed = seal(old=OLD).close("text", "ann")
        assert seal(new=NEW, old=OLD).open(sealed, "ann") == "text"
        with pytest.raises(InvalidConfiguration, match="'old' is still needed"):
            seal(new=NEW).open(sealed, "ann")
        with pytest.raises(InvalidConfiguration):
            seal(old=NEW).open(sealed, "ann")


class TestAttached:
    def test_the_keys_are_nowhere_to_be_read(self, caplog: pytest.LogCaptureFixture) -> None:
        kept: dict[str, str] = {}
        attached = AttachedWallets(kept, seal(), servers=[SERVER])
        with caplog.at_level(logging.DEBUG):
            attached.attach("ann", KEYS)
            shown = f"{kept} {attached!r} {attached['ann']!r} {KEYS!r} {caplog.text}"
        assert [secret for secret in SECRETS if secret in shown] == []
        assert list(attached) == ["ann"]

    def test_detached(self) -> None:
        attached = AttachedWallets({}, seal(), servers=[SERVER])
        attached.attach("ann", KEYS)
        attached.detach("ann")
        attached.detach("ann")
        assert attached.get("ann") is None
        assert len(attached) == 0

    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:5432", "https://wallets.example.net", f"{SERVER}:444", f"{SERVER}@x"],
    )
    def test_other_servers_are_not_called(self, url: str) -> None:
        attached = AttachedWallets({}, seal(), servers=[SERVER])
        with pytest.raises(InvalidArguments):
            attached.attach("ann", KEYS.model_copy(update={"url": url}))
        assert len(attached) == 0

    def test_a_server_that_is_not_allowed_any_more(self) -> None:
        kept: dict[str, str] = {}
        AttachedWallets(kept, seal(), servers=[SERVER]).attach("ann", KEYS)
        assert AttachedWallets(kept, seal(), servers=[]).get("ann") is None

    def test_renewed_with_the_current_key(self) -> None:
        kept: dict[str, str] = {}
        AttachedWallets(kept, seal(old=OLD), servers=[SERVER]).attach("ann", KEYS)
        attached = AttachedWallets(kept, seal(new=NEW, old=OLD), servers=[SERVER])
        attached.attach("bob", KEYS)
        assert attached.renew() == 1
        assert attached.renew() == 0
        assert set(AttachedWallets(kept, seal(), servers=[SERVER])) == {"ann", "bob"}
        assert AttachedWallets(kept, seal(), servers=[SERVER]).get("ann") is not None

    def test_somebody_elses_keys_do_not_open(self) -> None:
        kept: dict[str, str] = {}
        attached = AttachedWallets(kept, seal(), servers=[SERVER])
        attached.attach("ann", KEYS)
        kept["mallory"] = kept["ann"]
        with pytest.raises(InvalidConfiguration):
            attached["mallory"]
