"""examples/forum: whoever attaches a wallet of his own is zapped directly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from examples.forum.forum import Forum
from examples.forum.site import site
from paidflow import POOL, State, sats
from paidflow.forum import Discussion, Zap

OTHER_SITE = {"origin": "https://elsewhere.example"}


@pytest.fixture
def forum(tmp_path: Path) -> Iterator[Forum]:
    opened = Forum.open(tmp_path)
    opened.flow.grant("bob", sats(1_000), key="welcome")
    yield opened
    opened.close()


@pytest.fixture
def bob(forum: Forum) -> TestClient:
    return TestClient(site(forum), cookies={"person": "bob"})


def posted(forum: Forum) -> str:
    return forum.flow.perform(Discussion(title="Which tea?"), actor="bob").action_id


def zapped(forum: Forum, post: str) -> None:
    """Ann zaps a post with 100 sats, and pays an invoice if she has no credits."""
    zap = forum.flow.perform(Zap(item_id=post, amount_sats=100), actor="ann")
    if zap.state is not State.PAID:
        assert forum.bank is not None
        assert zap.invoice_id is not None
        forum.bank.pay(zap.invoice_id)
    forum.worker().run_until_idle()
    assert forum.flow.get(zap.action_id, actor="ann").state is State.PAID


def received(forum: Forum) -> int:
    assert forum.own_wallets is not None
    return forum.own_wallets.received("bob").amount // 1000


def test_zaps_go_to_an_attached_wallet(forum: Forum, bob: TestClient) -> None:
    assert "attach one" in bob.get("/wallet").text
    assert "detach it" in bob.post("/wallet/attach").text
    zapped(forum, posted(forum))
    assert received(forum) == 70
    assert forum.flow.balance("bob") == sats(990)
    assert forum.flow.balance_of(POOL) == sats(40)
    assert "It has got 70 sats" in bob.get("/wallet").text


def test_without_a_wallet_they_become_credits(forum: Forum, bob: TestClient) -> None:
    post = posted(forum)
    zapped(forum, post)
    assert (received(forum), forum.flow.balance("bob")) == (0, sats(1_060))
    bob.post("/wallet/attach")
    bob.post("/wallet/attach")
    assert "attach one" in bob.post("/wallet/detach").text
    zapped(forum, post)
    assert (received(forum), forum.flow.balance("bob")) == (0, sats(1_130))


def test_credits_stay_credits(forum: Forum, bob: TestClient) -> None:
    bob.post("/wallet/attach")
    forum.flow.grant("ann", sats(100), key="welcome")
    zapped(forum, posted(forum))
    assert (received(forum), forum.flow.balance("bob")) == (0, sats(1_060))


def test_a_wallet_is_its_owners(forum: Forum, bob: TestClient) -> None:
    bob.post("/wallet/attach")
    carol = TestClient(site(forum), cookies={"person": "carol"})
    assert "attach one" in carol.get("/wallet").text
    carol.post("/wallet/detach")
    zapped(forum, posted(forum))
    assert received(forum) == 70


@pytest.mark.parametrize("deed", ["attach", "detach"])
def test_nobody_else_attaches_one(forum: Forum, bob: TestClient, deed: str) -> None:
    assert bob.post(f"/wallet/{deed}", headers=OTHER_SITE).status_code == 403
    assert TestClient(site(forum)).post(f"/wallet/{deed}").status_code == 404
    assert bob.post("/wallet/burn").status_code == 404


def test_it_is_there_when_the_forum_is_opened_again(tmp_path: Path) -> None:
    first = Forum.open(tmp_path)
    TestClient(site(first), cookies={"person": "bob"}).post("/wallet/attach")
    first.flow.grant("bob", sats(1_000), key="welcome")
    zapped(first, posted(first))
    first.close()
    again = Forum.open(tmp_path)
    page = TestClient(site(again), cookies={"person": "bob"}).get("/wallet").text
    assert "It has got 70 sats" in page
    again.close()
