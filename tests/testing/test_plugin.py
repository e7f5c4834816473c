"""Installing paidflow gives pytest the fixture, and costs nothing until a test asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

ACTIONS = """
    import pytest
    from paidflow import Context, PaidAction, Refused, State, sats

    class Line(PaidAction):
        kind = "line"
        optimistic = True
        text: str

        def cost(self, ctx):
            return sats(10)

        def perform(self, ctx):
            if self.text == "spam":
                raise Refused("no spam")
            ctx.tx.execute("insert into wall values (:id, :text)", id=ctx.action_id, text=self.text)

    @pytest.fixture
    def paidflow_actions():
        return [Line]

    @pytest.fixture
    def paidflow_setup():
        def create(flow):
            with flow.transaction() as tx:
                tx.execute("create table wall (id text primary key, text text)")
        return create
"""

LIGHT = """
import sys
import pytest_paidflow
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {HEAVY})
assert not heavy, heavy
"""


def test_it_loads_nothing_heavy() -> None:
    heavy = {"paidflow", "pydantic", "transitions", "sqlite3", "psycopg", "eventsourcing", "httpx"}
    program = LIGHT.replace("{HEAVY}", repr(heavy))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_fixture_is_there(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(ACTIONS)
    pytester.makepyfile("""
        from paidflow import State
        from conftest import Line

        def test_it_is_paid(paidflow):
            receipt = paidflow.flow.perform(Line(text="gm"), actor="ann")
            assert receipt.state is State.PENDING
            assert paidflow.pay(receipt).state is State.PAID

        def test_each_has_its_own(paidflow):
            assert paidflow.sandbox.books() == []
            paidflow.when(Line(text="gm")).pays().then_paid()
    """)
    pytester.runpytest().assert_outcomes(passed=2)


def test_it_says_what_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(paidflow): pass")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*write a fixture paidflow_actions that returns their classes*"])


def test_an_error_that_nobody_looked_at_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(ACTIONS)
    pytester.makepyfile("""
        from paidflow import Refused
        from conftest import Line

        def test_looked_at(paidflow):
            paidflow.when(Line(text="spam")).then_raises(Refused)

        def test_not_looked_at(paidflow):
            paidflow.when(Line(text="spam"))

        def test_failed_anyway(paidflow):
            paidflow.when(Line(text="spam"))
            assert False, "its own reason"
    """)
    result = pytester.runpytest()
    result.assert_outcomes(passed=2, failed=1, errors=2)


@pytest.mark.empty
def test_the_database_can_be_another(pytester: pytest.Pytester, postgres_dsn: str) -> None:
    pytester.makeconftest(ACTIONS)
    pytester.makepyfile(f"""
        import pytest
        from conftest import Line

        @pytest.fixture
        def paidflow_url():
            return {postgres_dsn!r}

        def test_it(paidflow):
            assert "Postgres" in type(paidflow.flow.store).__name__
            with paidflow.crash_at("perform.request.before"):
                paidflow.flow.perform(Line(text="gm"), actor="ann")
            paidflow.when(Line(text="gm")).expires().then_failed()
    """)
    pytester.runpytest().assert_outcomes(passed=1)
