"""An actor has so many unpaid invoices and no more, whoever counts them."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from paidflow import PaidFlow
from paidflow.errors import TooManyOpenInvoices
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.wall import Note, open_wall

MOST = 4
HOUR_S = 3_600
AT_ONCE = 8


@pytest.fixture
def flows(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock
) -> Generator[tuple[PaidFlow, PaidFlow]]:
    """Two programs on one database; each knows only what it has done itself."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(
                open_wall(
                    store_url,
                    {"sandbox": sandbox},
                    clock=clock,
                    create=create,
                    open_invoices_max=MOST,
                )
            )
            for create in (True, False)
        ]
        yield opened[0], opened[1]


def open_invoices(sandbox: SandboxGateway) -> int:
    return sum(book.status == "open" for book in sandbox.books())


def test_what_other_programs_opened_counts(
    flows: tuple[PaidFlow, PaidFlow], sandbox: SandboxGateway
) -> None:
    first, second = flows
    for _ in range(MOST):
        first.perform(Note(text="gm"), actor="ann")
    with pytest.raises(TooManyOpenInvoices):
        second.perform(Note(text="gm"), actor="ann")
    assert open_invoices(sandbox) == MOST  # that of the refused one is closed again
    second.perform(Note(text="gm"), actor="bob")


def test_who_was_refused_is_counted_before_the_gateway_is_asked(
    flows: tuple[PaidFlow, PaidFlow], sandbox: SandboxGateway
) -> None:
    first, second = flows
    made = [first.perform(Note(text="gm"), actor="ann") for _ in range(MOST)]
    with pytest.raises(TooManyOpenInvoices):
        second.perform(Note(text="gm"), actor="ann")
    calls = len(sandbox.calls())
    with pytest.raises(TooManyOpenInvoices):
        second.perform(Note(text="gm"), actor="ann")
    assert len(sandbox.calls()) == calls
    first.cancel(made[0].action_id, actor="ann")
    second.perform(Note(text="gm"), actor="ann")


def test_it_is_forgotten_after_an_hour(
    flows: tuple[PaidFlow, PaidFlow], sandbox: SandboxGateway, clock: ManualClock
) -> None:
    first, second = flows
    for _ in range(MOST):
        first.perform(Note(text="gm"), actor="ann")
    for _ in range(2):
        with pytest.raises(TooManyOpenInvoices):
            second.perform(Note(text="gm"), actor="ann")
    calls = len(sandbox.calls())
    clock.tick(HOUR_S)
    with pytest.raises(TooManyOpenInvoices):
        second.perform(Note(text="gm"), actor="ann")
    assert len(sandbox.calls()) > calls


def test_many_at_once(flows: tuple[PaidFlow, PaidFlow], sandbox: SandboxGateway) -> None:
    def perform(number: int) -> bool:
        try:
            flows[number % 2].perform(Note(text="gm"), actor="ann")
        except TooManyOpenInvoices:
            return False
        return True

    for _ in range(3):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(perform, range(16)))
    assert not perform(0)
    assert not perform(1)
    assert MOST <= open_invoices(sandbox) < MOST + 16
