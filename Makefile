# The project's commands. All paths are relative: the clone may lie anywhere, also where a path has a space.
#   PYTHON      the interpreter that .venv is made from (3.11 to 3.13)
#   JOBS        test processes at once, 3 by default, of which some wait:  make test JOBS=0 for none beside the first
#   ARGS        more arguments for pytest:  make test ARGS="tests/timing -k dst"
#   FAULTS_SCALE  how much of make faults:  make faults FAULTS_SCALE=0.1 ARGS="-k engines"
#   PORT        the port of the web interface:  make run PORT=3001
#   LOCK_FLAGS  more arguments for the resolver:  make lock LOCK_FLAGS=--upgrade

PYTHON ?= python3
JOBS ?= 3
SUPPORTED = import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or \
	sys.exit("make: %s is Python %d.%d; needed is 3.11, 3.12 or 3.13: make install PYTHON=/path/to/python3.12" \
	% ((sys.executable,) + sys.version_info[:2]))
APT = apt-get -qq -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=60

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install lock format lint test coverage bench faults nightly browser pooler run demo stop docs clean distclean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: .venv/.installed ## Make .venv with everything in requirements.lock, and this project

.venv/.installed: requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
	    echo 'make: there is no "$(PYTHON)" here; install Python 3.11, 3.12 or 3.13,' \
	        'or name it: make install PYTHON=/path/to/python3.12' >&2; exit 1; }
	@"$(PYTHON)" -c '$(SUPPORTED)'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo 'make: "$(PYTHON)" has no venv or ensurepip; on Debian and Ubuntu: apt-get install python3-venv' >&2; \
	    exit 1; }
	@.venv/bin/python -c 'import pip; $(SUPPORTED)' 2>/dev/null || "$(PYTHON)" -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock: ## Resolve pyproject.toml into requirements.lock; pins stay unless they must move
	@"$(PYTHON)" -c '$(SUPPORTED)'
	"$(PYTHON)" -m venv --clear build/uv
	build/uv/bin/python -m pip install --quiet uv
	build/uv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --extra embedded --extra dev --custom-compile-command "make lock" \
	    --output-file requirements.lock $(LOCK_FLAGS) pyproject.toml

format: install ## Put the Python files in shape
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

lint: install ## Check style, types, the direction of imports and the query files
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy --explicit-package-bases benchmarks
	.venv/bin/lint-imports
	.venv/bin/python .ci/check_queries.py

test: install browser pooler ## Run the tests; ARGS go to pytest
	.venv/bin/python -m pytest -n $(JOBS) $(ARGS)

coverage: install pooler ## Measure what of resources/ the tests reach; fails under 95 % of the branches
	@mkdir -p build/coverage && chmod 1777 build/coverage
	.venv/bin/python -m pytest -n $(JOBS) --cov --cov-report=json:build/coverage/report.json $(ARGS) \
	    tests/resources tests/tenancy tests/edits tests/sensors tests/engines tests/ops tests/project \
	    tests/cli/test_audit.py
	.venv/bin/python .ci/check_coverage.py \
	    $$(setpriv --reuid=65534 --regid=65534 --clear-groups test -w build/coverage 2>/dev/null \
	        || echo --elsewhere) \
	    build/coverage/report.json docs/coverage.md

bench: install ## Measure the engines beside the ways of other products; ARGS="--images 2000 --json build/engines.json"
	.venv/bin/python -m benchmarks.engines $(ARGS)

faults: install pooler ## Kill, stop and cut off everything for hours, and count what fired; FAULTS_SCALE=0.1 for a tenth
	FAULTS_PROFILE=long .venv/bin/python -m pytest -s -n 0 $(ARGS) tests/faults

nightly: install pooler ## Run the model tests, those of timing and locks, a million simulated fires, then coverage by both routes
	HYPOTHESIS_PROFILE=nightly .venv/bin/python -m pytest -s -n 0 \
	    tests/resources/test_run_model.py tests/resources/test_work_item_model.py
	HYPOTHESIS_PROFILE=nightly .venv/bin/python -m pytest -n $(JOBS) tests/timing tests/auditing
	HYPOTHESIS_PROFILE=nightly .venv/bin/python -m pytest -n 0 tests/locks tests/cli/test_demo.py
	HYPOTHESIS_PROFILE=nightly .venv/bin/python -m pytest -s -n 0 tests/simulation/test_simulation.py
	TEST_ROUTES=all $(MAKE) coverage

browser: ## Install Debian's Chromium for the browser test, where that is possible
	@found() { test -x /usr/bin/chromium && test -x /usr/bin/chromedriver; }; \
	if ! found && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo 'make: installing chromium and chromium-driver'; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    { $(APT) update && $(APT) install -y --no-install-recommends chromium chromium-driver; } </dev/null; \
	fi; \
	found || printf '%s\n' \
	    '************************************************************************' \
	    '* NO BROWSER: /usr/bin/chromium or /usr/bin/chromedriver is missing.   *' \
	    '* THE BROWSER TEST WILL BE SKIPPED. To run it, as root:                *' \
	    '*     apt-get install chromium chromium-driver                         *' \
	    '************************************************************************' >&2

pooler: ## Install Debian's PgBouncer for the tests behind a pooler, where that is possible
	@found() { PATH="$$PATH:/usr/sbin" command -v pgbouncer >/dev/null; }; \
	if ! found && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo 'make: installing pgbouncer'; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    { $(APT) update && $(APT) install -y --no-install-recommends pgbouncer; } </dev/null; \
	fi; \
	found || printf '%s\n' \
	    '************************************************************************' \
	    '* NO POOLER: pgbouncer is missing.                                     *' \
	    '* THE TESTS BEHIND A POOLER WILL BE SKIPPED. To run them, as root:     *' \
	    '*     apt-get install pgbouncer                                        *' \
	    '************************************************************************' >&2

run: install ## Start PostgreSQL, the daemon and the web interface; PORT is optional
	.venv/bin/scheduler up $(if $(PORT),--port "$(PORT)")

demo: install ## Show the product on example data
	.venv/bin/scheduler demo

stop: ## Stop the embedded PostgreSQL server
	@if [ -x .venv/bin/scheduler ]; then .venv/bin/scheduler server stop; \
	else echo 'make: nothing is installed here, so there is nothing to stop'; fi

docs: install ## Write docs/schema.md and its fingerprint from the database's catalog, the diagrams of the states, the table of docs/timing.md
	@mkdir -p build
	.venv/bin/scheduler db document > build/schema.md
	mv build/schema.md docs/schema.md
	.venv/bin/scheduler db document --fingerprint > build/fingerprint.txt
	mv build/fingerprint.txt sql/catalog/fingerprint.txt
	.venv/bin/python -m resources.state_diagrams docs/state_machine.md
	.venv/bin/python -m tests.timing.differences docs/timing.md

clean: ## Delete what can be made again; keeps .venv and the data in .scheduler
	rm -rf build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . \( -path ./.venv -o -path ./.scheduler -o -path ./.git \) -prune -o \
	    -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## Delete .venv too, and .scheduler with the embedded database and ALL ITS DATA
	@echo 'make: deleting .venv, and .scheduler with the embedded database and all its data; data elsewhere stays'
	@$(MAKE) --no-print-directory stop || :
	@for pid in $$(find .scheduler -name postmaster.pid -exec head -n 1 {} \; 2>/dev/null); do \
	    if kill -0 "$$pid" 2>/dev/null; then \
	        echo "make: process $$pid still uses .scheduler; nothing of it was deleted" >&2; exit 1; fi; done
	rm -rf .scheduler .venv
