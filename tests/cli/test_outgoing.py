from __future__ import annotations

from paidflow import PaidFlow
from tests.cli import shop
from tests.cli.conftest import Run
from tests.wall import Note

DELIVERIES = ("--deliveries", "tests.cli.shop:open_deliveries")


def test_nothing_waits(run: Run, flow: PaidFlow) -> None:
    assert run("undelivered", *DELIVERIES).stdout == "everything was acknowledged\n"


def test_what_was_given_up_is_listed_and_sent_again(run: Run, flow: PaidFlow) -> None:
    first = flow.perform(Note(text="gm"), actor="ann").action_id
    second = flow.perform(Note(text="gm"), actor="bob").action_id
    shop.open_deliveries(flow).run_until_idle()
    done = run("undelivered", *DELIVERIES, code=1)
    head, *lines = done.stdout.splitlines()
    assert head.split()[:3] == ["subscriber", "action", "event"]
    given_up = [line for line in lines if line.rstrip().endswith("ValueError")]
    assert sorted(line.split()[1] for line in given_up) == sorted((first, second))
    assert "Some were given up" in done.stderr

    one = run("undelivered", *DELIVERIES, "--requeue", "mail", "--action", first, code=1)
    assert one.stdout.startswith("requeued 1 events for mail\n")
    dropped = run("undelivered", *DELIVERIES, "--drop", "mail", "--action", second)
    assert dropped.stdout.startswith(f"dropped 1 events of {second} for mail\n")
    resumed = run("undelivered", *DELIVERIES, "--resume", "mail")
    assert resumed.stdout.startswith("mail is sent to again\n")


def test_what_does_not_fit(run: Run, flow: PaidFlow) -> None:
    assert "--deliveries" in run("undelivered", code=2).stderr
    assert "--action" in run("undelivered", *DELIVERIES, "--drop", "mail", code=2).stderr
    wrong = ("--deliveries", "tests.cli.shop:open_views")
    assert "is no Deliveries" in run("undelivered", *wrong, code=2).stderr
    nobody = run("undelivered", *DELIVERIES, "--resume", "nobody", code=2)
    assert "there is no subscriber nobody" in nobody.stderr
