"""Every event arrives, in order for each action, whatever the subscribers and processes do."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from paidflow import PaidFlow, Worker, checkpoints
from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.outgoing.back_off import PAUSES_S, BackOff
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.message import Message
from paidflow.outgoing.subscriber import Callback
from paidflow.outgoing.webhook import Webhook
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.events import Paid
from paidflow.testing import ManualClock
from tests.outgoing.receiver import (
    EVEN,
    SECRET,
    Answer,
    Notebook,
    Receiver,
    Request,
    log_by_action,
    queued,
)
from tests.views.support import load, paid_notes
from tests.waiting import LONG_S, wait_until
from tests.wall import open_wall


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def deliveries(flow: PaidFlow, *subscribers: Callback | Webhook) -> Deliveries:
    return Deliveries(flow, subscribers, start="beginning", back_off=EVEN)


def webhook(receiver: Receiver, name: str = "shop", timeout_s: float = 20.0) -> Webhook:
    return Webhook(name, receiver.url, secrets=[SECRET], timeout_s=timeout_s)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_everything_arrives_once_and_in_order(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    load(flow, sandbox, clock, steps=60)
    deliveries(flow, webhook(receiver)).run_until_idle()
    truth = log_by_action(flow)
    assert {action_id: receiver.of(action_id) for action_id in truth} == truth
    assert len(receiver.requests) == sum(map(len, truth.values())) > 60
    assert queued(flow) == 0


def test_only_the_wanted_events_are_sent(
    flow: PaidFlow, sandbox: SandboxGateway, notebook: Notebook
) -> None:
    notes = paid_notes(flow, sandbox, 3)
    deliveries(flow, Callback("mail", notebook, events=(Paid,))).run_until_idle()
    assert [message.action_id for message in notebook.messages] == notes
    assert all(isinstance(message.event, Paid) for message in notebook.messages)


def test_what_is_refused_keeps_back_only_its_own_action(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    bad, good = paid_notes(flow, sandbox, 2)
    truth = log_by_action(flow)
    receiver.answer = lambda r: Answer(500 if r.action_id == bad and r.sequence == 2 else 204)
    sending = deliveries(flow, webhook(receiver))
    sending.run_until_idle()
    assert receiver.of(good) == truth[good]
    assert receiver.of(bad) == [1, 2]
    first, *behind = sending.undelivered()
    assert (first.reason, first.tries, first.topic) == ("500", 1, "paid-action.invoice-attached@1")
    assert [line.tries for line in behind] == [0] * (len(truth[bad]) - 2)

    receiver.answer = lambda r: Answer()
    clock.tick(PAUSES_S[0])
    sending.run_until_idle()
    assert receiver.of(bad) == [1, 2, *truth[bad][1:]]
    assert len({r.id for r in receiver.requests if r.action_id == bad and r.sequence == 2}) == 1
    assert sending.undelivered() == []


def test_a_dead_endpoint_keeps_nobody_waiting(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    paid_notes(flow, sandbox, 12)
    url = f"http://127.0.0.1:{closed_port()}/"
    dead = Webhook("dead", url, secrets=[SECRET])
    sending = deliveries(flow, dead, webhook(receiver))
    sending.run_until_idle()
    assert len(receiver.requests) == sum(map(len, log_by_action(flow).values()))
    states = {s.name: s for s in sending.subscriptions()}
    assert states["shop"].waiting == states["shop"].failures == states["shop"].behind == 0
    assert states["dead"].failures >= EVEN.failures_max
    assert states["dead"].resume_at is not None
    assert states["dead"].waiting == len(receiver.requests)
    assert {line.reason for line in sending.undelivered() if line.tries} == {"ConnectError"}


def test_a_dead_endpoint_is_asked_with_one_message_and_growing_pauses(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, notebook: Notebook
) -> None:
    paid_notes(flow, sandbox, 30)
    notebook.refuses = lambda message: True
    sending = Deliveries(
        flow, [Callback("mail", notebook)], start="beginning", back_off=EVEN, together=1
    )
    sending.run_until_idle()
    assert len(notebook.messages) == EVEN.failures_max
    silences: list[float] = []
    for asked in range(EVEN.failures_max + 1, EVEN.failures_max + 10):
        before = clock.now()
        resume_at = sending.subscriptions()[0].resume_at
        assert resume_at is not None
        clock.tick((resume_at - before).total_seconds() - 1)
        assert sending.run_until_idle() == 0
        clock.tick(1)
        sending.run_until_idle()
        assert len(notebook.messages) == asked
        silences.append((resume_at - before).total_seconds())
    assert silences == [5, 10, 20, 40, 80, 160, 300, 300, 300]

    notebook.refuses = lambda message: False
    for _ in range(len(PAUSES_S)):
        clock.tick(86_400)
        sending.run_until_idle()
    assert queued(flow) == 0
    assert sending.subscriptions()[0].failures == 0
    arrived = {(m.action_id, m.sequence) for m in notebook.messages}
    assert len(arrived) == sum(map(len, log_by_action(flow).values()))


def test_a_slow_endpoint_keeps_nobody_waiting(
    flow: PaidFlow, sandbox: SandboxGateway, receiver: Receiver
) -> None:
    paid_notes(flow, sandbox, 4)
    total = sum(map(len, log_by_action(flow).values()))
    answers, stop = threading.Event(), threading.Event()
    with Receiver() as slow:
        slow.answer = lambda r: Answer() if answers.wait(LONG_S) else Answer(500)
        sending = deliveries(flow, webhook(slow, "slow"), webhook(receiver))
        running = threading.Thread(target=sending.run, args=[stop])
        running.start()
        try:
            wait_until(lambda: len(receiver.requests) == total, "the quick one waits")
            wait_until(lambda: len(slow.requests) > 0, "the slow one was not asked")
            assert len(slow.requests) < total
            answers.set()
            wait_until(lambda: len(slow.requests) == total, "the slow one was forgotten")
        finally:
            answers.set()
            stop.set()
            running.join()
    assert len(receiver.requests) == total
    assert queued(flow) == 0


def test_a_timeout_says_nothing_so_it_is_sent_again(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    (note,) = paid_notes(flow, sandbox, 1)
    done = threading.Event()

    def silent_once(_: object) -> Answer:
        if len(receiver.requests) == 1:
            done.wait(LONG_S)
        return Answer()

    receiver.answer = silent_once
    impatient = deliveries(flow, webhook(receiver, timeout_s=1.0))
    impatient.run_until_idle()
    done.set()
    (line, *_) = impatient.undelivered()
    assert (line.tries, line.reason) == (1, "ReadTimeout")
    clock.tick(PAUSES_S[0])
    deliveries(flow, webhook(receiver)).run_until_idle()
    first, second, *_ = receiver.requests
    assert first.id == second.id
    assert first.body == second.body
    assert receiver.of(note) == [1, *log_by_action(flow)[note]]


def test_a_restart_in_the_middle_loses_and_repeats_nothing(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    flow = open_wall(store_url, {"sandbox": sandbox}, clock=clock)
    paid_notes(flow, sandbox, 8)
    truth = log_by_action(flow)
    stop = threading.Event()

    def stop_after_ten(_: object) -> Answer:
        if len(receiver.requests) == 10:
            stop.set()
        return Answer()

    receiver.answer = stop_after_ten
    sending = Deliveries(flow, [webhook(receiver)], start="beginning", together=2)
    sending.run(stop)
    assert 10 <= len(receiver.requests) < sum(map(len, truth.values()))
    flow.close()

    receiver.answer = lambda r: Answer()
    flow = open_wall(store_url, {"sandbox": sandbox}, clock=clock, create=False)
    deliveries(flow, webhook(receiver)).run_until_idle()
    assert {action_id: receiver.of(action_id) for action_id in truth} == truth
    flow.close()


def test_pauses_grow_until_it_is_given_up_shown_and_sent_again(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, notebook: Notebook
) -> None:
    (note,) = paid_notes(flow, sandbox, 1)
    truth = log_by_action(flow)[note]
    notebook.refuses = lambda message: message.sequence == 2
    back_off = BackOff(failures_max=1000, chance=lambda: 0.0)
    sending = Deliveries(flow, [Callback("mail", notebook)], start="beginning", back_off=back_off)
    sending.run_until_idle()
    pauses: list[float] = []
    for tries in range(1, len(PAUSES_S) + 1):
        (line, *_) = sending.undelivered()
        assert (line.tries, line.reason) == (tries, "ValueError")
        assert line.next_try_at is not None
        pause_s = (line.next_try_at - clock.now()).total_seconds()
        pauses.append(pause_s)
        clock.tick(pause_s - 1)
        assert sending.run_until_idle() == 0
        clock.tick(1)
        sending.run_until_idle()
    assert pauses == list(PAUSES_S) == sorted(set(PAUSES_S))
    (line, *behind) = sending.undelivered()
    assert line.given_up_at == clock.now()
    assert line.next_try_at is None
    assert (
        line.sentence == "paid-action.invoice-attached@1 was given up after 10 tries: ValueError."
    )
    assert len(behind) == len(truth) - 2
    assert sending.subscriptions()[0].given_up == 1

    clock.tick(days=100)
    assert sending.run_until_idle() == 0
    notebook.refuses = lambda message: False
    assert sending.requeue("mail", "another") == 0
    assert sending.requeue("mail", note) == 1
    sending.run_until_idle()
    assert notebook.by_action()[note] == [1, *[2] * 10, *truth[1:]]
    assert len({message.id for message in notebook.messages}) == len(truth)
    assert sending.undelivered() == []


def test_all_that_was_given_up_can_be_sent_again_or_dropped(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    clock: ManualClock,
    notebook: Notebook,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, two = paid_notes(flow, sandbox, 2)
    truth = log_by_action(flow)
    notebook.refuses = lambda message: message.sequence == 1
    sending = Deliveries(
        flow,
        [Callback("mail", notebook)],
        start="beginning",
        back_off=BackOff(pauses_s=(), chance=lambda: 0.0),
    )
    sending.run_until_idle()
    assert [line.given_up_at is not None for line in sending.undelivered()][:3] == [
        True,
        True,
        False,
    ]
    assert sending.requeue("mail") == 2
    sending.run_until_idle()
    assert notebook.by_action() == {one: [1, 1], two: [1, 1]}
    assert sending.drop("mail", one) == 1
    assert f"mail is not told 1 events of action {one}" in caplog.messages
    sending.run_until_idle()
    assert notebook.by_action() == {one: [1, *truth[one]], two: [1, 1]}


def test_two_runners_share_the_work(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    flows = [
        open_wall(store_url, {"sandbox": sandbox}, clock=clock, create=not number)
        for number in range(2)
    ]
    paid_notes(flows[0], sandbox, 25)
    truth = log_by_action(flows[0])
    both, seen = threading.Barrier(2), set[str]()

    def wait_for_the_other(request: Request) -> Answer:
        if request.path not in seen:
            seen.add(request.path)
            both.wait(LONG_S)
        return Answer()

    def run(number: int) -> None:
        hook = Webhook("shop", f"{receiver.url}/{number}", secrets=[SECRET])
        sending = Deliveries(flows[number], [hook], start="beginning", back_off=EVEN, together=1)
        while sending.subscriptions()[0].behind or queued(flows[number]):
            sending.run_once()

    receiver.answer = wait_for_the_other
    threads = [threading.Thread(target=run, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {action_id: receiver.of(action_id) for action_id in truth} == truth
    assert seen == {"/hook/0", "/hook/1"}
    for flow in flows:
        flow.close()


def test_a_runner_that_sleeps_past_its_lease_does_no_harm(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, notebook: Notebook
) -> None:
    (note,) = paid_notes(flow, sandbox, 1)
    truth = log_by_action(flow)[note]
    asleep, wakes = threading.Event(), threading.Event()

    def sleeps(message: Message) -> None:
        asleep.set()
        wakes.wait(LONG_S)
        raise ValueError

    sleeper = Deliveries(flow, [Callback("mail", sleeps)], start="beginning", back_off=EVEN)
    sleeper.run_once()
    thread = threading.Thread(target=sleeper.run_once)
    thread.start()
    assert asleep.wait(LONG_S)
    other = deliveries(flow, Callback("mail", notebook))
    assert other.run_until_idle() == 0  # it is leased
    clock.tick(121)
    other.run_until_idle()
    wakes.set()
    thread.join()
    assert notebook.by_action()[note] == truth
    assert queued(flow) == 0  # the failure of the sleeper brought nothing back


def test_nothing_is_sent_inside_a_transaction(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    paid_notes(flow, sandbox, 2)
    inside: list[bool] = []

    def look(message: Message) -> None:
        inside.append(checkpoints.in_transaction())
        with flow.store.transaction("own") as tx:  # and it may write
            tx.execute("select 1")

    deliveries(flow, Callback("mail", look)).run_until_idle()
    assert set(inside) == {False}
    assert queued(flow) == 0


def test_who_wants_no_more_is_left_alone(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    (note,) = paid_notes(flow, sandbox, 1)
    receiver.answer = lambda r: Answer(410)
    sending = deliveries(flow, webhook(receiver))
    sending.run_until_idle()
    clock.tick(days=30)
    assert sending.run_until_idle() == 0
    assert len(receiver.requests) == 1
    assert sending.subscriptions()[0].gone_at is not None
    receiver.answer = lambda r: Answer()
    sending.resume("shop")
    sending.run_until_idle()
    assert receiver.of(note) == [1, *log_by_action(flow)[note]]
    with pytest.raises(InvalidArguments):
        sending.resume("nobody")


def test_the_receiver_may_ask_for_a_longer_pause(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, receiver: Receiver
) -> None:
    paid_notes(flow, sandbox, 1)
    receiver.answer = lambda r: Answer(503, (("retry-after", "77"),))
    sending = deliveries(flow, webhook(receiver))
    sending.run_until_idle()
    (line, *_) = sending.undelivered()
    assert line.next_try_at == clock.now() + timedelta(seconds=77)
    receiver.answer = lambda r: Answer(503, (("retry-after", "1"),))
    clock.tick(77)
    sending.run_until_idle()
    (line, *_) = sending.undelivered()
    assert line.next_try_at == clock.now() + timedelta(seconds=PAUSES_S[1])


def test_a_new_subscriber_begins_where_it_is_told(
    flow: PaidFlow, sandbox: SandboxGateway, notebook: Notebook
) -> None:
    old, new = Notebook(), Notebook()
    paid_notes(flow, sandbox, 1)
    Deliveries(flow, [Callback("old", old)], start="beginning")
    Deliveries(flow, [Callback("new", new)])
    (later,) = paid_notes(flow, sandbox, 1)
    # It is remembered: only a new one is asked where to begin.
    sending = Deliveries(flow, [Callback("old", old), Callback("new", new)])
    sending.run_until_idle()
    assert old.by_action() == log_by_action(flow)
    assert set(new.by_action()) == {later}


def test_a_subscriber_can_be_forgotten(
    flow: PaidFlow, sandbox: SandboxGateway, notebook: Notebook
) -> None:
    paid_notes(flow, sandbox, 1)
    notebook.refuses = lambda message: True
    sending = deliveries(flow, Callback("mail", notebook))
    sending.run_until_idle()
    assert sending.forget("mail") == queued_before(flow)
    assert sending.subscriptions() == []
    assert queued(flow) == sending.run_until_idle() == 0


def queued_before(flow: PaidFlow) -> int:
    """All events of the log: none had arrived."""
    return sum(map(len, log_by_action(flow).values()))


def test_a_name_belongs_to_one_subscriber(flow: PaidFlow, notebook: Notebook) -> None:
    with pytest.raises(InvalidConfiguration, match="two subscribers have the name mail"):
        deliveries(flow, Callback("mail", notebook), Callback("mail", notebook))


def test_archived_events_arrive(
    flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock, notebook: Notebook
) -> None:
    paid_notes(flow, sandbox, 3)
    Worker(flow).run_until_idle()
    truth = log_by_action(flow)
    clock.tick(3600)
    assert flow.store.archive(clock.now()) == 3
    deliveries(flow, Callback("mail", notebook)).run_until_idle()
    assert notebook.by_action() == truth


def test_no_secret_and_no_text_is_said_or_kept(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    receiver: Receiver,
    notebook: Notebook,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    paid_notes(flow, sandbox, 2)
    notebook.refuses = lambda message: True
    receiver.answer = lambda r: Answer(500, (), b"the text of a person")
    hook = webhook(receiver)
    sending = deliveries(flow, hook, Callback("mail", notebook))
    sending.run_until_idle()
    signature = receiver.requests[0].headers["webhook-signature"].removeprefix("v1,")
    said = "\n".join(f"{r.name} {r.getMessage()} {r.__dict__}" for r in caplog.records)
    said += repr(hook) + repr(vars(hook)) + repr(sending.undelivered()) + repr(sending)
    said += repr(notebook.messages)
    assert "shop did not acknowledge" in said
    assert "mail did not acknowledge" in said
    for secret in (SECRET, SECRET[6:], "0123456789abcdef0123", signature, "text of a person"):
        assert secret not in said
