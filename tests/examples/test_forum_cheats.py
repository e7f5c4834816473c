"""What the payer of examples/forum can be made to do at the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from examples.forum.cheats import CHEATS
from examples.forum.forum import Forum
from examples.forum.site import site
from paidflow import Receipt, State, sats
from paidflow.forum import Comment, Discussion
from paidflow.states.events import FailureReason


@pytest.fixture
def forum(tmp_path: Path) -> Iterator[Forum]:
    opened = Forum.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def client(forum: Forum) -> TestClient:
    return TestClient(site(forum))  # without its worker: what happens is done by the cheat


@pytest.fixture
def post(forum: Forum) -> Receipt:
    """Done before it is paid."""
    return forum.flow.perform(Discussion(title="Which tea?"), actor="ann")


def cheat(client: TestClient, name: str, receipt: Receipt) -> None:
    assert client.post(f"/cheat/{name}/{receipt.invoice_id}").status_code == 204


def now(forum: Forum, receipt: Receipt) -> Receipt:
    return forum.flow.get(receipt.action_id, actor="ann", proof=receipt.proof)


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("pay", State.PAID, None),
        ("pay-less", State.FAILED, FailureReason.UNDERPAID),
        ("pay-late", State.PAID, None),
        ("expire", State.FAILED, FailureReason.EXPIRED),
        ("hold", State.PENDING, None),
        ("duplicate", State.PAID, None),
    ],
)
def test_what_becomes_of_it(
    forum: Forum,
    client: TestClient,
    post: Receipt,
    name: str,
    state: State,
    reason: FailureReason | None,
) -> None:
    cheat(client, name, post)
    found = now(forum, post)
    assert (found.state, found.failure_reason) == (state, reason)
    more = sats(10) if name == "duplicate" else sats(5) if name == "pay-less" else sats(0)
    assert forum.flow.balance("ann") == more


def test_every_cheat_is_tried_here() -> None:
    assert set(CHEATS) == {"pay", "pay-less", "pay-late", "expire", "hold", "duplicate"}


def test_a_payment_on_its_way_arrives(forum: Forum, client: TestClient, post: Receipt) -> None:
    cheat(client, "hold", post)
    cheat(client, "pay", post)
    assert now(forum, post).state is State.PAID


@pytest.fixture
def comment(forum: Forum, client: TestClient, post: Receipt) -> Receipt:
    """Paid before it is done, as nobody is logged in."""
    cheat(client, "pay", post)
    return forum.flow.perform(Comment(parent_id=post.action_id, text="Green"), actor=None)


def test_money_is_held_until_it_is_taken(
    forum: Forum, client: TestClient, comment: Receipt
) -> None:
    cheat(client, "hold", comment)
    assert now(forum, comment).state is State.CAPTURING
    assert forum.bank is not None
    assert forum.bank.total_held() == sats(50)
    cheat(client, "pay", comment)
    assert now(forum, comment).state is State.PAID
    assert forum.bank.total_held() == sats(0)


def test_a_second_payment_of_a_hold_can_be_claimed(
    forum: Forum, client: TestClient, comment: Receipt
) -> None:
    cheat(client, "duplicate", comment)
    found = now(forum, comment)
    assert (found.state, found.unclaimed) == (State.PAID, sats(50))


def test_what_is_refused(client: TestClient, post: Receipt) -> None:
    assert client.post(f"/cheat/steal/{post.invoice_id}").status_code == 404
    assert client.post("/cheat/pay/no-such-invoice").status_code == 404
    elsewhere = {"origin": "https://evil.example"}
    path = f"/cheat/pay/{post.invoice_id}"
    assert client.post(path, headers=elsewhere).status_code == 403
