# Every target sets up what it needs first. On a fresh clone, `make demo` or `make test` is enough.

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# Two workers; one file's tests stay together, since they share the servers they start.
# Files in the order of their names: whole products, which take long, come before units, which even out the end.
PYTEST := $(PY) -m pytest
PYTEST_FLAGS ?= -n 2 --dist loadfile --no-loadscope-reorder

export VENV
# Compiled tests are kept, whatever the caller's shell says: to compile them all takes longer than to collect them.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-cinema test check lint types imports purity format canary contracts fuzz mutants bench docs soak lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup:  ## make .venv, if it is missing or the requirements changed
	@sh tools/bootstrap.sh

demo: setup  ## a server, a private computation, its certificate, and a lie that is caught
	@$(PY) examples/demo/demo.py

demo-cinema: setup  ## over 18, and nothing else: issuer, holder and cinema in a browser (ARGS=--check: without one)
	@$(PY) -m examples.cinema.cinema $(ARGS)

test: check  ## set up, check, and run the whole suite
	@sh tools/bootstrap.sh --for-tests
	$(PYTEST) $(PYTEST_FLAGS) $(ARGS)

check: lint types imports purity docs  ## style, types, import rules, purity, documents

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy
	cd oracle && $(abspath $(BIN))/mypy --config-file ../pyproject.toml *.py

imports: setup
	@PYTHONPATH=src $(BIN)/lint-imports --no-cache

purity: setup
	@$(PY) -m tools.check_purity
	@$(PY) -m tools.check_tree

format: setup  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

canary: setup  ## search for a secret everywhere outside of the enclave, and show that it would be found
	@sh tools/bootstrap.sh --for-tests
	$(PYTEST) tests/canary $(ARGS)

contracts: setup  ## build the contracts from source, with compilers fetched into .toolchain (ARGS=--check compares)
	@$(PY) -m tools.build_contracts $(ARGS)

fuzz: setup  ## fuzz one parser: make fuzz ARGS="encoding --seconds 60"; without ARGS it lists them
	@$(PY) -m fuzz.run $(or $(ARGS),--list)

mutants: setup  ## change one thing at a time where proofs are checked (ARGS=core/cose.py); takes half an hour
	@$(PY) -m tools.mutants $(ARGS)

bench: setup  ## measure, each figure beside its floor (ARGS=--large for a ledger of a million entries)
	@$(PY) -m bench $(ARGS)

docs: setup  ## check links, help texts and paths in the documents (ARGS=--write refreshes the help)
	@$(PY) -m tools.check_docs $(if $(filter docs,$(MAKECMDGOALS)),$(ARGS))

soak: setup  ## the tests that run for minutes
	$(PYTEST) -m soak $(ARGS)

lock: setup  ## compile requirements/*.txt again (ARGS=--upgrade for newer versions)
	@UV=$(BIN)/uv sh tools/lock.sh $(ARGS)

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build .toolchain
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
