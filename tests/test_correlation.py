"""The application's own id is on the events and on the log lines of what it does."""

from __future__ import annotations

import logging

import pytest

from paidflow import PaidFlow, correlated
from paidflow.correlation import about, current
from paidflow.errors import InvalidArguments
from paidflow.operating.timeline import timeline
from paidflow.payments.sandbox import SandboxGateway
from tests.flow.support import pay
from tests.wall import Note


def ids(flow: PaidFlow, action_id: str) -> list[str]:
    return [moment.correlation_id for moment in timeline(flow, action_id).moments]


def test_it_is_on_the_events(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    with correlated("request-7"):
        receipt = flow.perform(Note(text="gm"), actor="ann")
    with correlated("webhook-8"), correlated("webhook-9"):
        pay(flow, sandbox, receipt)
    first, second, *others = ids(flow, receipt.action_id)
    assert [first, second, *set(others)] == ["request-7", "request-7", "webhook-9"]


def test_without_one_each_command_has_its_own(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    pay(flow, sandbox, receipt)
    assert len(set(ids(flow, receipt.action_id))) == 2


def test_it_is_on_the_log_lines(
    flow: PaidFlow, sandbox: SandboxGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    receipt = flow.perform(Note(text="gm", raises={"on_paid": -1}), actor="ann")
    with correlated("webhook-8"):
        pay(flow, sandbox, receipt)
    found = [vars(r) for r in caplog.records if "on_paid" in r.getMessage()]
    assert found
    for record in found:
        assert record["action_id"] == receipt.action_id
        assert record["correlation_id"] == "webhook-8"


def test_it_ends_with_the_block() -> None:
    with correlated("request-7"):
        assert current() == "request-7"
    with pytest.raises(ZeroDivisionError), correlated("request-7"):
        1 / 0  # noqa: B018
    assert about("a") == {"action_id": "a", "correlation_id": None}


@pytest.mark.parametrize("wrong", ["", "x" * 201, "a\0b"])
def test_ids_that_are_none(wrong: str) -> None:
    with pytest.raises(InvalidArguments), correlated(wrong):
        pass
