"""examples/forum at a real LNbits: a post is paid there, and seen by others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from examples.forum.forum import Forum
from examples.forum.site import site
from paidflow import PaidFlow
from paidflow.flow.inbox import WebhookAnswer
from paidflow.operating.audit import audit
from tests.gateways.lnbits.server import LnbitsServer, ServerWallet
from tests.postgres_server import free_port
from tests.waiting import LONG_S, wait_until
from tests.web.site import Running

pytestmark = pytest.mark.gateways


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def forum(url: str, lnbits: LnbitsServer, shop: ServerWallet, tmp_path: Path) -> Iterator[Forum]:
    settings = {
        "FORUM_GATEWAY": "lnbits",
        "FORUM_LNBITS_URL": lnbits.url,
        "FORUM_LNBITS_WALLET": shop.wallet_id,
        "FORUM_LNBITS_INVOICE_KEY": shop.invoice_key,
        "FORUM_SECRET": "sixteen bytes or more, of one's own",
        "FORUM_URL": url,
    }
    opened = Forum.open(tmp_path, settings=settings)
    yield opened
    assert [one for one in audit(opened.flow) if not one.agrees] == [], "also what LNbits holds"
    opened.close()


@pytest.fixture
def served(forum: Forum, url: str) -> Iterator[None]:
    running = Running(site(forum), int(url.rpartition(":")[2]))
    running.start()
    yield
    running.stop()


def client(url: str, person: str) -> httpx.Client:
    cookies = {"person": person}
    return httpx.Client(base_url=url, cookies=cookies, timeout=LONG_S, trust_env=False)


@pytest.mark.usefixtures("served")
def test_a_post_is_paid_and_seen(
    url: str,
    lnbits: LnbitsServer,
    shop: ServerWallet,
    payer: ServerWallet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[WebhookAnswer] = []
    receive = PaidFlow.receive_webhook

    def noted(*args: object, **more: object) -> WebhookAnswer:
        taken.append(receive(*args, **more))  # pyright: ignore
        return taken[-1]

    monkeypatch.setattr(PaidFlow, "receive_webhook", noted)
    with client(url, "ann") as ann, client(url, "bob") as bob:
        answer = ann.post("/pay/actions/discussion", json={"title": "Paid at LNbits"})
        assert answer.status_code == 201, answer.text
        receipt = answer.json()
        assert (receipt["state"], receipt["gateway"]) == ("PENDING", "lnbits")
        assert "Paid at LNbits" in ann.get("/recent").text
        assert "Paid at LNbits" not in bob.get("/recent").text

        paid = lnbits.pay(payer, receipt["payment_request"])
        assert paid.json()["status"] == "success", paid.text
        path = f"/pay/actions/{receipt['action_id']}"
        wait_until(lambda: ann.get(path).json()["state"] == "PAID")
        assert "Paid at LNbits" in bob.get("/recent").text
        assert lnbits.balance_msats(shop) == 10_000
        wait_until(lambda: taken)
        assert taken[0] is WebhookAnswer.ACCEPTED
