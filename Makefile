# The task runner: `make help` lists the targets. BIN is where the environment's programs are.
BIN ?= .venv/bin
WORKERS ?= 4 # more than cores: the tests wait more than they compute
ALONE = $(BIN)/python -m pytest -p no:cacheprovider
PYTEST = $(ALONE) -n $(WORKERS) --dist worksteal

.PHONY: help test fast check chaos bench mutation redis ci

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

test: ## all tests, on the wheel's Valkey
	$(ALONE) -m alone tests/unit
	$(PYTEST) -m "not alone"

fast: ## the loop while editing: unit tests, in under a minute
	$(ALONE) -m alone tests/unit
	$(PYTEST) -m "not alone" tests/unit

check: ## ruff, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

chaos: ## five minutes of faults; SEED=N repeats them, TEST_REDIS_SERVER=redis-server takes Debian's Redis
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED))

bench: ## the benchmark guard: ratios to baselines of the same run
	$(BIN)/python -m tests.benchmarks --short

mutation: ## each guard taken out in turn: the tests notice
	$(BIN)/python -m tests.mutation

redis: ## the server tests, the short chaos among them, on Debian's Redis
	TEST_REDIS_SERVER=redis-server $(PYTEST) -m server

ci: check test redis mutation bench ## everything that CI does once all is installed
