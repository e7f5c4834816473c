PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# More options for pytest, e.g. `make test ARGS="-n 2 -k refund"`.
ARGS ?=

.PHONY: venv demo demo-reset demo-story docs test test-pgbouncer test-pythons test-postgres check
.PHONY: test-browser test-gateways test-lightning public-api
.PHONY: soak soak-short conformance
.PHONY: bench bench-short bench-memory bench-forum bench-listeners profile mutants schema-dump clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $@

# A forum in a browser, at http://127.0.0.1:8000; what is written there is kept.
demo: venv
	$(BIN)/python -m examples.forum build/demo

demo-reset:
	rm -rf build/demo

# Eight stories in such a forum, told and checked.
demo-story: venv
	$(BIN)/python -m examples.forum_story

# The site, in build/site.
docs: venv
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --builder html docs build/site

test: venv
	$(BIN)/python -m pytest -m "not soak and not pgbouncer and not browser and not gateways and \
		not lightning" -n 2 --dist worksteal $(ARGS)

# Renews docs/conformance.md; reports on other gateways are put into docs/conformance/ by hand, with
# e.g. `make test-gateways ARGS="--conformance-report docs/conformance/NAME.json"`.
conformance: venv
	mkdir -p docs/conformance
	$(BIN)/python -m pytest tests/testing/conformance/test_sandbox_conformance.py -n 2 \
		--conformance-report docs/conformance/sandbox.json $(ARGS)
	$(BIN)/python -m paidflow.testing.conformance.table docs/conformance/*.json \
		--into docs/conformance.md

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

# Gateways against real servers; the first run installs them in a cache outside of this folder.
test-gateways: venv
	$(BIN)/python -m pytest -m gateways -n 2 --dist loadscope tests/gateways $(ARGS)

# Payments between real nodes; the first run builds lnd and btcd with Go, which takes long.
test-lightning: venv
	$(BIN)/python tests/gateways/lightning/build.py
	$(BIN)/python -m pytest -m lightning tests/gateways/lightning $(ARGS)

# In a real Chromium, the one of the distribution. It may never answer, as when a window is to be closed
# that goes to another page; then the process of that test is ended, and another one goes on.
test-browser: venv
	$(BIN)/python -m pytest -m browser -n 2 --dist worksteal --timeout 240 --timeout-method thread \
		tests/browser $(ARGS)

# A part of the tests on each Python that can be found, and on each PostgreSQL.
test-pythons:
	$(PYTHON) tests/versions/pythons.py $(ARGS)

test-postgres: venv
	$(BIN)/python tests/versions/postgres.py $(ARGS)

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/mypy tests/typing
	$(BIN)/python -m pytest -q tests/test_layers.py tests/mutants/test_patches.py

# Renews the list of public names, after they were changed on purpose.
public-api: venv
	$(BIN)/python -m tests.api.public --write

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

# The pages of a forum with one million items and ten million acts. It takes an hour, and 50 GB of
# the disk that TMPDIR is on; with ARGS=--short, one percent of that.
bench-forum: venv
	$(BIN)/python -m benchmarks --measure n --measure o --measure p --measure q --measure r $(ARGS)

# 200 listeners and 50 clients at a web application, for a minute.
bench-listeners: venv
	$(BIN)/python -m benchmarks.listeners $(ARGS)

# Where the time of a lifecycle goes, and its round trips.
profile: venv
	$(BIN)/python -m benchmarks.profile $(ARGS)

mutants: venv
	$(BIN)/python tests/mutants/run.py

# Keeps this version's program and a dump of its tables for the tests of the next version; REF names
# a commit if it is not the working tree.
schema-dump: venv
	$(BIN)/python -m tests.fixtures.schema_dump $(REF)

clean:
	rm -rf .venv build dist .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
