"""Streams of receipts: at once, on every change, resumed, and for their owner only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from paidflow.web.changes import Changes, Listener
from tests.waiting import wait_until
from tests.wall import Note
from tests.web.site import Site, events
from tests.web.test_router import perform, problem


def pay(site: Site, receipt: dict[str, Any]) -> None:
    site.bank.pay(receipt["invoice_id"])
    site.flow.sync("sandbox", receipt["invoice_id"])


def test_one_action(site: Site) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    with events(ann, f"/actions/{receipt['action_id']}/events") as told:
        kind, version, first = next(told)
        assert (kind, first["state"], version) == ("receipt", "PENDING", receipt["version"])
        pay(site, receipt)
        kind, version, second = next(told)
        assert (kind, second["state"], version) == ("receipt", "PAID", second["version"])
        assert second["proof"] is None
    wait_until(lambda: site.client().get("/health").json()["listening"] == 0)


async def told_everything(changes: Changes) -> AsyncIterator[str]:
    """The actions that change, from the first of them on."""
    listener = Listener(everything=True)
    await asyncio.to_thread(changes.add, listener)
    try:
        yield "listening\n"
        while True:
            for action_id in await listener.wait():
                yield f"{action_id}\n"
    finally:
        changes.remove(listener)


def test_an_application_listens_to_the_same_changes(
    flow: PaidFlow, sandbox: SandboxGateway
) -> None:
    changes = Changes(flow)
    site = Site(flow, sandbox, changes=changes)
    site.app.add_api_route("/all", lambda: StreamingResponse(told_everything(changes)))
    with site, site.client().stream("GET", "/all") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "listening"
        assert site.client().get("/health").json()["listening"] == 1
        action_id = perform(site.client("ann"))["action_id"]
        assert next(lines) == action_id


def test_one_action_goes_on_where_it_was(site: Site) -> None:
    ann = site.client("ann")
    receipt = perform(ann)
    path = f"/actions/{receipt['action_id']}/events"
    pay(site, receipt)
    with events(ann, path, last_event_id=str(receipt["version"])) as told:
        assert next(told)[2]["state"] == "PAID"


def test_with_a_proof(site: Site) -> None:
    receipt = perform(site.client())
    proof = site.client(payment_proof=receipt["proof"])
    with events(proof, f"/actions/{receipt['action_id']}/events") as told:
        next(told)
        pay(site, receipt)
        assert next(told)[2]["state"] == "PAID"


def test_all_actions_of_an_actor(site: Site) -> None:
    ann = site.client("ann")
    with events(ann, "/events") as told:
        kind, position, _ = next(told)
        assert kind == "ready"
        first = perform(ann)
        perform(site.client("bob"))
        second = perform(ann)
        seen = [next(told)]
        while seen[-1][2]["action_id"] != second["action_id"]:  # one may change more than once
            seen.append(next(told))
    assert {found["action_id"] for _, _, found in seen} == {
        first["action_id"],
        second["action_id"],
    }
    positions = [position, *(at for _, at, _ in seen)]
    assert positions == sorted(set(positions))


def test_an_actor_who_was_away(site: Site) -> None:
    ann = site.client("ann")
    with events(ann, "/events") as told:
        _, position, _ = next(told)
    receipt = perform(ann)
    perform(site.client("bob"))
    with events(ann, "/events", last_event_id=str(position)) as told:
        assert next(told)[0] == "ready"
        assert next(told)[2]["action_id"] == receipt["action_id"]
    with events(ann, "/events", last_event_id=str(position + 1_000_000)) as told:
        assert [next(told)[0], next(told)[0]] == ["ready", "reset"]


def test_a_change_of_another_process(site: Site, flow: PaidFlow) -> None:
    ann = site.client("ann")
    with events(ann, "/events") as told:
        next(told)
        receipt = flow.perform(Note(text="from elsewhere"), actor="ann")
        assert next(told)[2]["action_id"] == receipt.action_id


def test_nobody_has_no_stream(site: Site) -> None:
    problem(site.client().get("/events"), 401, "login_required")


def test_the_server_ends_while_somebody_listens(site: Site) -> None:
    ann = site.client("ann")
    with events(ann, "/events") as told:
        next(told)
        assert site.client().get("/health").json()["listening"] == 1
