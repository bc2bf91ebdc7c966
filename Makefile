# The task runner: `make help` lists the targets. BIN is where the environment's programs are.
BIN ?= .venv/bin
WORKERS ?= 5 # more than cores: the tests wait more than they compute
ALONE = $(BIN)/python -m pytest -p no:cacheprovider
PYTEST = $(ALONE) -n $(WORKERS) --dist worksteal

# With it each of the thousands of processes that the tests start would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help test fast elsewhere check chaos bench mutation redis ci

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

test: ## all tests, on the wheel's Valkey
	$(ALONE) -m alone $$(grep -rl --include='*.py' mark.alone tests/unit)
	$(PYTEST) -m "not alone"

fast: ## the loop while editing: unit tests, in under a minute
	$(ALONE) -m alone $$(grep -rl --include='*.py' mark.alone tests/unit)
	$(PYTEST) -m "not alone" tests/unit

elsewhere: ## what another Python (BIN) may break, as a background job of a shell, which ignores SIGINT
	trap '' INT; $(PYTEST) -m "not alone" --ignore=tests/unit/producer/execution/test_trace_context.py \
		tests/unit/producer tests/integration/connection/test_tls.py \
		tests/integration/connection/test_sentinel.py tests/integration/producer/test_process_end.py

check: ## ruff, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

chaos: ## five minutes of faults; SEED=N repeats them, CLUSTER=1 strikes a cluster, TEST_REDIS_SERVER=redis-server Debian's
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster)

bench: ## the benchmark guard: ratios to baselines of the same run
	$(BIN)/python -m tests.benchmarks --short

mutation: ## each guard taken out in turn: the tests notice
	$(BIN)/python -m tests.mutation

# Not what starts the wheel's server, nor what is about local files, processes and pages, whatever the server is.
OTHER_SERVER = $(addprefix --ignore=tests/integration/,projector/embedded test_readme.py test_closed_pipe.py \
	producer/spool producer/test_producer_run.py producer/test_process_end.py producer/test_producer_cli.py \
	producer/test_run_context.py producer/test_import.py producer/test_redaction.py connection/test_passwords.py \
	connection/test_password_file.py connection/test_trouble.py projector/query/test_read_cli.py \
	$(addprefix projector/query/test_,every_command.py on_a_terminal.py questions.py json_documents.py show.py trail.py \
	check.py history.py read_history.py read_running.py failure_kinds.py actions.py merging.py several_cli.py) \
	$(addprefix projector/fleet/test_,archiving.py idle.py registry.py shares.py trouble.py) projector/top \
	projector/partitions/test_each.py producer/partitions/test_partitions.py producer/partitions/test_partitions_cli.py \
	projector/search/test_log_cli.py projector/search/test_recent_since.py projector/archive_faults \
	projector/evidence projector/export projector/archiving/test_bounded.py \
	projector/metrics projector/monitoring projector/tracing projector/web) \
	$(addprefix --ignore=tests/chaos/short/test_,spools.py vandals.py rebuild.py history_checker.py)
redis: ## the server tests, the faults of the short chaos among them, on Debian's Redis
	TEST_REDIS_SERVER=redis-server $(PYTEST) -m server $(OTHER_SERVER) tests/integration tests/chaos

ci: ## everything that CI does once all is installed; mypy leaves a core idle, and the benchmarks want both to themselves
	$(MAKE) -j2 check test
	$(MAKE) redis
	$(MAKE) mutation
	$(MAKE) bench
