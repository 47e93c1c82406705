# The only entry for developers and CI. `make help` prints itself from the sentences behind `##`.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types contracts house fuzz corpus bench docs lock clean

help:  ## Say what can be made.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## Make .venv from the hashed lock file; quick when nothing has changed.

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rowferry needs Python 3.11 or later: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making .venv from requirements.lock (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install  ## Run the whole thing: server, workers, a messy file, its ledger and its error file. DEMO_KEEP=0 ends by itself.
	@$(BIN)/rowferry demo

test: install lint types  ## Run all checks and all tests. ARGS='-k words' picks some.
	$(BIN)/pytest -n 2 $(ARGS)

lint: install  ## Check style, and that the code is formatted.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install  ## Check types twice, strictly: mypy and pyright find different things.
	$(BIN)/mypy
	$(BIN)/pyright

contracts: install  ## Check alone who may import whom (make test does it too).
	$(BIN)/lint-imports

house: install  ## Check alone the rules of the house: contracts, names, budgets, docs, SQL.
	$(BIN)/pytest tests/house

fuzz: install  ## Ask every operation of the four OpenAPI documents 500 made-up questions. FUZZ_EXAMPLES=N asks fewer; FUZZ_NOTES=FILE takes a cut run up again.
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-500} $(BIN)/pytest -n 2 tests/e2e/api/test_schemathesis.py $(ARGS)

corpus: install  ## Score the reader on files from the outside world at ../shared/corpus: right, wrong, left out and why; Pollock both ways.
	@PYTHONPATH=tests $(BIN)/python tests/corpus/score.py

bench: install  ## Measure all rows of benchmarks/README.md, about ten minutes. ARGS='--only import --rows 100000' picks.
	$(BIN)/python benchmarks/import.py $(ARGS)

docs: install  ## Make the reference pages and the map in README.md anew from the code.
	$(BIN)/python docs/generate.py

lock:  ## Choose versions anew and write requirements.lock (needs uv).
	uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --quiet -o requirements.lock

clean:  ## Take away what make made. Data of `rowferry up` stay.
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
