from __future__ import annotations

from paidflow import PaidFlow
from paidflow.payments.sandbox import SandboxGateway
from tests.cli import shop
from tests.cli.conftest import Run
from tests.flow.support import pay
from tests.wall import Note


def test_rebuild(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    shop.open_views(flow).run_until_idle()
    pay(flow, bank, flow.perform(Note(text="gm"), actor="ann"))
    told = run("rebuild", "journal", "--views", "tests.cli.shop:open_new_views").stdout
    assert "100 %" in told
    assert told.endswith("journal is live\n")
    (lag,) = shop.open_new_views(flow).lag()
    assert (lag.version, lag.state, lag.positions) == (2, "live", 0)


def test_what_cannot_be_rebuilt(run: Run, flow: PaidFlow) -> None:
    assert "--views" in run("rebuild", "journal", code=2).stderr
    views = ("--views", "tests.cli.shop:open_views")
    assert "there is no view x" in run("rebuild", "x", *views, code=2).stderr
    views = ("--views", "tests.cli.shop:open_bank")
    assert "cannot be loaded" in run("rebuild", "journal", *views, code=2).stderr
