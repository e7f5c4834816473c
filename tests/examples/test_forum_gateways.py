"""examples/forum at each gateway that its settings can name; opening it asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from examples.forum.forum import Forum
from examples.forum.gateways import DEMO_SECRET, CardForm, FixedRate, WrongSetting, payments
from examples.forum.page import POLICY, headers
from examples.forum.seed import seeded
from examples.forum.site import site
from paidflow import Money, sats
from paidflow.errors import GatewayUnavailable, InvalidConfiguration, NoFunding
from paidflow.forum import ACTIONS, Comment, UpdateComment
from paidflow.testing import ManualClock

SECRET = "sixteen bytes or more, of one's own"
MACAROON = bytes.fromhex("0202036c6e6400000620" + "ab" * 32)
NOBODY = "http://127.0.0.1:1"
SETTINGS: dict[str, dict[str, str]] = {
    "lnd": {
        "FORUM_LND_URL": "https://127.0.0.1:1",
        "FORUM_LND_MACAROON": "forum.macaroon",
        "FORUM_LND_ACCOUNT": "02f3",
        "FORUM_SECRET": SECRET,
    },
    "lnbits": {
        "FORUM_LNBITS_URL": NOBODY,
        "FORUM_LNBITS_WALLET": "5d1c7e0f2b9a4c6e8f3a1b2c3d4e5f60",
        "FORUM_LNBITS_INVOICE_KEY": "the key of the wallet",
        "FORUM_SECRET": SECRET,
    },
    "stripe": {
        "FORUM_STRIPE_API_KEY": "sk_test_of_nobody",
        "FORUM_STRIPE_PUBLISHABLE_KEY": "pk_test_of_nobody",
        "FORUM_STRIPE_ACCOUNT": "acct_1",
        "FORUM_STRIPE_RATE": "60000",
        "FORUM_SECRET": SECRET,
    },
}
PURSES_ONLY = {"donate", "territory-billing", "territory-create", "update-comment", "update-post"}


def settings_of(name: str, folder: Path) -> dict[str, str]:
    """The settings of a gateway, with the files that they name."""
    told = {"FORUM_GATEWAY": name, **SETTINGS[name]}
    if name == "lnd":
        (folder / "forum.macaroon").write_bytes(MACAROON)
        told["FORUM_LND_MACAROON"] = str(folder / "forum.macaroon")
    return told


def opened(folder: Path, settings: Mapping[str, str]) -> Iterator[Forum]:
    forum = seeded(folder, settings=settings)
    yield forum
    forum.close()


@pytest.fixture(params=["lnd", "lnbits", "stripe"])
def forum(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Forum]:
    yield from opened(tmp_path, settings_of(request.param, tmp_path))


@pytest.fixture
def lnbits(tmp_path: Path) -> Iterator[Forum]:
    yield from opened(tmp_path, settings_of("lnbits", tmp_path))


def test_it_opens_with_everything_in_it(forum: Forum) -> None:
    (name,) = forum.flow.gateways
    with TestClient(site(forum)) as client:
        client.cookies.set("person", "ann")
        for path in ("/", "/wallet", "/territories/tea", "/new/discussion", "/rewards"):
            assert client.get(path).status_code == 200
        assert "Which tea for a long night?" in client.get("/").text
    assert name == forum.payments.name
    assert forum.bank is None


def test_nobody_cheats_a_real_gateway(forum: Forum) -> None:
    with TestClient(site(forum)) as client:
        for name in ("pay", "pay-less", "pay-late", "expire", "hold", "duplicate"):
            assert client.post(f"/cheat/{name}/an-invoice").status_code == 404


def test_a_gateway_that_does_not_answer_keeps_nobody_from_writing(forum: Forum) -> None:
    forum.flow.perform(Comment(parent_id=_tea(forum), text="From a purse"), actor="ann")
    holds = forum.payments.name != "lnbits"
    with pytest.raises(GatewayUnavailable if holds else NoFunding):
        forum.flow.perform(Comment(parent_id=_tea(forum), text="From nobody"), actor=None)


def test_real_money_is_not_paid_out(forum: Forum) -> None:
    assert not forum.flow.registry.knows("auto-withdrawal")


def test_without_holds_what_is_paid_first_is_paid_from_purses(lnbits: Forum) -> None:
    served = {action.kind: action for action in lnbits.payments.actions}
    missing = {action.kind for action in ACTIONS} - set(served)
    assert missing == {"auto-withdrawal", "buy-credits"}
    assert {kind for kind in PURSES_ONLY if "invoice" in served[kind].funding} == set()
    assert "invoice" in served["comment"].funding
    with TestClient(site(lnbits)) as client:
        client.cookies.set("person", "ann")
        assert 'data-kind="buy-credits"' not in client.get("/wallet").text
        assert 'data-kind="gift"' in client.get("/wallet").text
        written = lnbits.flow.perform(Comment(parent_id=_tea(lnbits), text="Blak"), actor="ann")
        edit = UpdateComment(item_id=written.action_id, text="Black")
        answer = client.post("/pay/actions/update-comment", json=edit.model_dump(mode="json"))
        assert (answer.status_code, answer.json()["state"]) == (201, "PAID")


def test_the_sandbox_if_nothing_is_said(tmp_path: Path) -> None:
    found = payments({}, tmp_path)
    assert (found.name, found.secret) == ("sandbox", DEMO_SECRET)
    assert {action.kind for action in found.actions} == {action.kind for action in ACTIONS}
    found.close()


@pytest.mark.parametrize("name", ["lnd", "lnbits", "stripe"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    told = settings_of(name, tmp_path)
    for missing in SETTINGS[name]:
        without = {setting: value for setting, value in told.items() if setting != missing}
        with pytest.raises(WrongSetting) as raised:
            payments(without, tmp_path)
        assert str(raised.value) == f"FORUM_GATEWAY={name} also needs {missing}"


@pytest.mark.parametrize(
    ("name", "setting", "value", "said"),
    [
        ("lnd", "FORUM_GATEWAY", "cash", "FORUM_GATEWAY is sandbox"),
        ("lnd", "FORUM_LND_NETWORK", "moon", "FORUM_LND_NETWORK is one of MAINNET"),
        ("lnd", "FORUM_LND_MACAROON", "/nowhere", "macaroon"),
        ("lnd", "FORUM_SECRET", "short", "secret"),
        ("lnbits", "FORUM_LNBITS_URL", "nowhere", "url"),
        ("stripe", "FORUM_STRIPE_API_KEY", "pk_test_1", "api_key"),
        ("stripe", "FORUM_STRIPE_PUBLISHABLE_KEY", "sk_test_1", "begins with pk_"),
        ("stripe", "FORUM_STRIPE_CURRENCY", "euros", "euros"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, name: str, setting: str, value: str, said: str
) -> None:
    told = settings_of(name, tmp_path) | {setting: value}
    with pytest.raises((WrongSetting, InvalidConfiguration), match=said) as raised:
        payments(told, tmp_path)
    assert SECRET not in str(raised.value)


def test_pages_let_stripe_in_where_it_is_the_gateway(forum: Forum) -> None:
    with TestClient(site(forum)) as client:
        client.cookies.set("person", "ann")
        pages = [client.get(path) for path in ("/", "/wallet", "/new/discussion", "/rewards")]
    at_stripe = forum.payments.name == "stripe"
    for page in pages:
        assert ("pk_test_of_nobody" in page.text) is at_stripe
        assert ("stripe.com" in page.headers["content-security-policy"]) is at_stripe
        assert "sk_test" not in f"{page.text} {page.headers}"


@pytest.mark.parametrize(
    ("script", "scripts", "frames", "asked"),
    [
        (
            "https://js.stripe.com/v3/",
            "https://js.stripe.com https://*.js.stripe.com",
            "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
            "https://api.stripe.com",
        ),
        ("http://127.0.0.1:1/v3/", *["http://127.0.0.1:1/"] * 3),
    ],
)
def test_the_policy_lets_in_what_the_script_needs(
    script: str, scripts: str, frames: str, asked: str
) -> None:
    told = headers(CardForm("pk_test_of_nobody", script))["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in told.split("; "))
    without = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules == without | {
        "script-src": f"'self' {scripts}",
        "frame-src": f"'self' {frames}",
        "connect-src": f"'self' {asked}",
    }


def test_a_fixed_rate_is_for_bitcoin_and_its_own_currency() -> None:
    rate = FixedRate("60000", "EUR", ManualClock())
    quote = rate.quote(sats(100_000), "EUR")
    assert quote is not None
    assert quote.amount == Money(6_000, "EUR")
    assert rate.quote(sats(1), "USD") is None
    assert rate.quote(Money(100, "EUR"), "EUR") is None


def test_keys_and_secrets_are_in_no_text(forum: Forum) -> None:
    shown = repr(forum.payments)
    assert not [value for value in (SECRET, "sk_test_of", "key of the wallet") if value in shown]


def _tea(forum: Forum) -> str:
    return forum.items.search("long night tea", viewer=None)[0]["id"]
