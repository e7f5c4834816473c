"""Programs on the eventsourcing library next to paidflow: one log, one database, both stores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

import pytest
from eventsourcing.application import Application, ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, ProgrammingError, Tracking
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.system import ProcessApplication, SingleThreadedRunner, System

from paidflow import PaidFlow, State, Worker
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Paid
from paidflow.store.mapper import ActionEvent
from paidflow.store.tracking import TrackedView
from tests.wall import Note

SECONDS_MAX = 60
MODULE = "paidflow.store.persistence"
SPACE = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class Friend(Aggregate):
    """An aggregate of the application's own, with a UUID."""

    @event("Met")
    def __init__(self, name: str) -> None:
        self.name = name
        self.gifts = 0

    @event("GiftGiven")
    def give(self) -> None:
        self.gifts += 1


class Friends(Application[UUID]):
    """Keeps friends, and snapshots of them."""

    is_snapshotting_enabled = True


class Counts(TrackedView):
    """How often something happened."""

    def create(self) -> None:
        with self.store.transaction("append") as tx:
            tx.execute("create table counts (what text primary key, number bigint not null)")

    def count(self, what: str, tracking: Tracking) -> None:
        with self.tracking(tracking) as tx:
            tx.execute(
                "insert into counts (what, number) values (:what, 1)"
                " on conflict (what) do update set number = counts.number + 1",
                what=what,
            )

    def all(self) -> dict[str, int]:
        with self.reading() as tx:
            rows = tx.execute("select what, number from counts").fetchall()
        return {row["what"]: row["number"] for row in rows}


class Counting(Projection[Counts]):
    """Reads what paidflow and the application write, from one log."""

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        pass

    @process_event.register
    def _(self, action: ActionEvent, tracking: Tracking) -> None:
        self.view.count(action.event.name, tracking)

    @process_event.register
    def _(self, met: Friend.Met, tracking: Tracking) -> None:
        self.view.count("met", tracking)


class Badge(Aggregate):
    """What somebody gets for a gift or a paid action."""

    def __init__(self, name: str) -> None:
        self.name = name

    @staticmethod
    def create_id(name: str) -> UUID:
        return uuid5(SPACE, name)


class Badges(ProcessApplication[UUID]):
    """Follows the friends, and what paidflow writes into the same log."""

    @singledispatchmethod
    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        pass

    @policy.register
    def _(self, gift: Friend.GiftGiven, processing_event: ProcessingEvent[UUID]) -> None:
        processing_event.collect_events(Badge(name=f"giver {gift.originator_id}"))

    @policy.register
    def _(self, action: ActionEvent, processing_event: ProcessingEvent[UUID]) -> None:
        if isinstance(action.event, Paid):
            processing_event.collect_events(Badge(name=f"payer {action.originator_id}"))


@pytest.fixture
def env(store_url: str, flow: PaidFlow) -> dict[str, str]:
    """The settings of an application on the tables of the flow."""
    return {"PERSISTENCE_MODULE": MODULE, "PAIDFLOW_URL": store_url}


@pytest.fixture
def friends(env: dict[str, str]) -> Iterator[Friends]:
    with Friends(env=env) as app:
        yield app
    app.close()


def pay(flow: PaidFlow, bank: SandboxGateway) -> str:
    """A paid action; returns its id."""
    receipt = flow.perform(Note(text="gm"), actor="ann")
    bank.pay(receipt.invoice_id or "")
    paid = flow.sync("sandbox", receipt.invoice_id or "")
    assert paid is not None
    assert paid.state is State.PAID
    return receipt.action_id


def test_own_aggregates_live_next_to_actions(
    flow: PaidFlow, sandbox: SandboxGateway, friends: Friends
) -> None:
    before = pay(flow, sandbox)
    friend = Friend(name="bob")
    friend.give()
    friends.save(friend)
    friends.take_snapshot(friend.id)
    unpaid = flow.perform(Note(text="gm"), actor="ann")
    friend.give()
    friends.save(friend)
    copy: Friend = friends.repository.get(friend.id)
    assert (copy.id, copy.name, copy.gifts) == (friend.id, "bob", 2)
    assert friends.repository.get(friend.id, version=1).gifts == 0
    Worker(flow).run_until_idle()
    assert flow.cancel(unpaid.action_id, actor="ann").state is State.FAILED
    assert flow.history(before, actor="ann")[-1].event == "paid-action.hook-done"
    log = [type(read).__name__ for read in _events(friends)]
    assert log.count("ActionEvent") >= 6
    assert (log.count("Met"), log.count("GiftGiven")) == (1, 2)


def _events(app: Application[UUID]) -> list[Any]:
    found = app.recorder.select_notifications(None, 1000)
    return [app.mapper.to_domain_event(notification) for notification in found]


def test_actions_cannot_be_written_by_an_application(
    flow: PaidFlow, sandbox: SandboxGateway, friends: Friends
) -> None:
    pay(flow, sandbox)
    with pytest.raises(ProgrammingError, match="only written by paidflow"):
        friends.save(_events(friends)[0])


def test_a_projection_counts_both_exactly_once(
    flow: PaidFlow, sandbox: SandboxGateway, env: dict[str, str]
) -> None:
    view = Counts(flow.store, "Counting")
    view.create()
    pay(flow, sandbox)
    for friends_made in (1, 2):
        with ProjectionRunner(
            application_class=Friends, projection_class=Counting, view_class=Counts, env=env
        ) as runner:
            recorded = runner.app.save(Friend(name="bob"))
            runner.wait(recorded[-1].notification.id, timeout=SECONDS_MAX)
            assert runner.view.all() == {
                "paid-action.requested": 1,
                "paid-action.invoice-attached": 1,
                "paid-action.payment-seen": 1,
                "paid-action.paid": 1,
                "met": friends_made,
            }
        runner.view.close()


def test_a_view_writes_nothing_for_an_old_position(flow: PaidFlow) -> None:
    view = Counts(flow.store, "view")
    view.create()
    view.count("one", Tracking("log", 5))
    for position in (4, 5):
        with pytest.raises(IntegrityError):
            view.count("one", Tracking("log", position))
    Counts(flow.store, "another view").count("another", Tracking("log", 4))
    assert view.all() == {"one": 1, "another": 1}
    with pytest.raises(ZeroDivisionError), view.tracking(Tracking("log", 6)):
        raise ZeroDivisionError
    assert view.max_tracking_id("log") == 5


def test_a_process_application_follows(
    flow: PaidFlow, sandbox: SandboxGateway, env: dict[str, str]
) -> None:
    action_id = pay(flow, sandbox)
    with SingleThreadedRunner(System(pipes=[[Friends, Badges]]), env=env) as runner:
        friend = Friend(name="bob")
        friend.give()
        runner.get(Friends).save(friend)
        badges = runner.get(Badges)
        for name in (f"giver {friend.id}", f"payer {action_id}"):
            assert badges.repository.get(Badge.create_id(name)).name == name
        at = badges.recorder.max_tracking_id("Friends")
        assert at is not None
        with pytest.raises(IntegrityError):
            badges.recorder.insert_events([], tracking=Tracking("Friends", at))
        for app in (runner.get(Friends), badges):
            app.close()
