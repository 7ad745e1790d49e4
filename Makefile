# Each target works as the first command in a fresh clone, with Python 3.11 or newer and no uv:
# where uv is missing or too old, one is put into .uv/ and used from there.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

PYTHON ?= python3
UV_MINIMUM := 0.13.6
UV_PINNED := 0.13.9

UV_THERE := $(shell there=$$(uv --version 2>/dev/null | cut -d' ' -f2 || true); \
	printf '%s\n' $(UV_MINIMUM) "$$there" | sort -V -C && echo uv || true)
UV := $(or $(UV_THERE),.uv/bin/uv)
RUN := $(UV) run --no-sync

# A test may leave out its annotations, and is checked where it has them.
UNTYPED := --allow-untyped-defs --allow-incomplete-defs --allow-untyped-calls --no-check-untyped-defs

.PHONY: help demo test format lint types arch unit docs wheels cov agreement soak bench bench-peers bench-live lock clean

help: ## Explain every target (this is what a bare `make` does)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/.synced ## Backtest the example, a momentum strategy; tables and a picture in results/
	$(RUN) ml4t backtest examples/momentum.py --prices examples/data/us_stocks_daily.parquet \
		--config examples/momentum.toml --out results/momentum

test: lint types arch unit docs wheels ## Everything below that checks: what must pass before a push

format: .venv/.synced ## Format the code and mend what the linter can mend
	$(RUN) ruff check --fix
	$(RUN) ruff format

lint: .venv/.synced ## Check format and style
	$(RUN) ruff format --check
	$(RUN) ruff check

types: .venv/.synced ## Check the types, strictly
	$(RUN) mypy
	@# One package at a time, since two may have a test module of the same name.
	for tests in packages/*/tests; do MYPYPATH="$$tests" $(RUN) mypy $(UNTYPED) "$$tests"; done

arch: .venv/.synced ## Check who imports whom
	$(RUN) lint-imports --no-logo

unit: .venv/.synced ## Run the tests of each package and those of the whole
	$(RUN) pytest -n auto --dist worksteal --ignore=tests-integration/test_documentation.py

docs: .venv/.synced ## Run every example in the documents and docstrings
	$(RUN) pytest --doctest-modules packages/*/src tests-integration/test_documentation.py

wheels: .venv/.synced ## Build each wheel and test it alone in an empty environment
	$(RUN) python tests-integration/wheels/gate.py

cov: .venv/.synced ## Measure what the tests run, branches included
	$(RUN) coverage run -m pytest --doctest-modules --ignore=tests-integration/test_gates.py
	$(RUN) coverage report

agreement: .venv/.synced ## Run what other engines ran; rewrites docs/reference/agreement.md and profiles.md
	ML4T_WRITE_AGREEMENT=1 $(RUN) pytest packages/ml4t-backtest/tests/oracles \
		packages/ml4t-backtest/tests/test_profiles.py

DAYS ?= 10000
KILLS ?= 1000

soak: .venv/.synced ## Simulate DAYS trading days with faults and kill an engine KILLS times
	$(RUN) python -m ml4t.live.testing.soak days --days $(DAYS)
	$(RUN) python -m ml4t.live.testing.soak crash --kills $(KILLS)

bench: .venv/.synced ## Measure the speed of the backtest; rewrites the tables of docs/reference/speed.md
	$(RUN) python -m benchmarks bench

bench-peers: .venv/.synced ## The same in other libraries, each installed into an environment of its own
	UV="$(UV)" $(RUN) python -m benchmarks peers

bench-live: .venv/.synced ## Measure the live runtime: decisions, journal, kill switch, restart
	$(RUN) python -m benchmarks live

lock: | $(filter .uv/%,$(UV)) ## Write uv.lock anew after a change of dependencies
	$(UV) lock

clean: ## Delete what these targets made, the environments included
	rm -rf .venv .uv dist htmlcov .coverage .coverage.* .hypothesis
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find benchmarks packages tests-integration -name __pycache__ -type d -prune -exec rm -rf {} +

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --only-binary=:all: uv==$(UV_PINNED)

# The stamp is newer than what it was made from, so that a second run costs nothing.
.venv/.synced: pyproject.toml uv.lock $(wildcard packages/*/pyproject.toml) | $(filter .uv/%,$(UV))
	$(UV) sync --locked
	touch $@
