"""The part of the tests that says whether a version of Python or PostgreSQL will do."""

from __future__ import annotations

PART = (
    "tests/test_layers.py",
    "tests/test_money.py",
    "tests/states",
    "tests/store/test_transaction.py",
    "tests/store/test_eventlog.py",
    "tests/store/test_schema.py",
    "tests/store/test_role.py",
    "tests/store/test_sequencer.py",
    "tests/flow/test_perform.py",
    "tests/flow/test_hold.py",
    "tests/flow/test_late.py",
    "tests/flow/test_joining.py",
    "tests/flow/test_aio.py",
    "tests/test_worker.py",
    "tests/views/test_folding.py",
    "tests/contrib",
    "tests/examples",
    "tests/docs/test_stories.py",
)

PYTEST = ("-m", "pytest", "-q", "-m", "not soak and not pgbouncer", "-n", "2", *PART)
