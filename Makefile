PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# More options for pytest, e.g. `make test ARGS="-n 2 -k refund"`.
ARGS ?=

.PHONY: venv demo demo-story test test-pgbouncer check soak soak-short
.PHONY: bench bench-short bench-memory profile mutants clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $@

demo: demo-story

demo-story: venv
	$(BIN)/python -m examples.forum_story

test: venv
	$(BIN)/python -m pytest -m "not soak and not pgbouncer" -n 2 --dist worksteal $(ARGS)

# A part of the tests again, through Debian's PgBouncer in transaction mode.
test-pgbouncer: venv
	PAIDFLOW_TEST_PGBOUNCER=yes $(BIN)/python -m pytest -m "not soak" -n 2 --dist worksteal \
		-k "not sqlite and not hint" tests/pgbouncer tests/store/test_library_cases.py \
		tests/store/test_eventlog.py tests/store/test_subscription.py \
		tests/store/test_transaction.py tests/store/test_lost_acknowledgement.py \
		tests/flow/test_perform.py tests/flow/test_settle.py tests/flow/test_hold.py \
		tests/flow/test_retry.py tests/flow/test_cancel.py tests/flow/test_late.py \
		tests/races/test_crowds.py "tests/races/test_pairs.py::test_one_winner[pay-cancel]" \
		"tests/races/test_pairs.py::test_one_winner[pay-worker]" tests/test_worker.py $(ARGS)

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_layers.py

soak: venv
	PAIDFLOW_SOAK=long $(BIN)/python -m pytest -m soak $(ARGS)

soak-short: venv
	PAIDFLOW_SOAK=short $(BIN)/python -m pytest -m soak $(ARGS)

# More options, e.g. `make bench-short ARGS="--side hand_written"`; at most 60 and 5 minutes.
bench: venv
	$(BIN)/python -m benchmarks $(ARGS)

bench-short: venv
	$(BIN)/python -m benchmarks --short $(ARGS)

# By how much a worker grows between 100,000 and 1,000,000 settlements.
bench-memory: venv
	$(BIN)/python -m benchmarks --measure k --settlements 1000000 $(ARGS)

# Where the time of a lifecycle goes, and its round trips.
profile: venv
	$(BIN)/python -m benchmarks.profile $(ARGS)

mutants: venv
	$(BIN)/python tests/mutants/run.py

clean:
	rm -rf .venv dist .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
