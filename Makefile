# The two commands: `make demo` and `make test`. Each does its own set-up, in .venv beside this file.
# Recipes are silent and set-up speaks on stderr, so `make demo ARGS="--no-serve --json"` prints JSON
# only. PYTHON=... names the interpreter to use, ARGS="..." is passed on.
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help demo test test-deep lint format build docs lock clean core dev

BIN := .venv/bin
export PYTHON
# Set-up compiles nothing: byte code is kept as it is met, or each of the many processes compiles anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	echo 'make demo       the whole job on this machine (ARGS="--no-serve --json" prints what it did)'
	echo 'make test       all tests but the long campaigns (ARGS="-k word" picks some)'
	echo 'make test-deep  the long campaigns'
	echo 'make lint       ruff, mypy, import-linter'
	echo 'make format     let ruff rewrite the sources'
	echo 'make build      the contract artifact and the web files, which are committed; needs Node.js'
	echo 'make docs       docs/commands.md, http.md and settings.md anew from the code'
	echo 'make lock       requirements/*.lock anew from pyproject.toml'
	echo 'make clean      remove .venv and everything built; .touchstone (your data) stays'

demo: core
	exec $(BIN)/touchstone demo $(ARGS)

test: dev
	exec $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not deep" $(ARGS)

test-deep: dev
	exec $(BIN)/pytest -n 0 -m deep $(ARGS)

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: dev
	cd contracts && npm ci --silent --no-audit --no-fund
	$(BIN)/python contracts/build.py
	cd web && npm ci --silent --no-audit --no-fund && npm run --silent check && npm run --silent build

docs: dev
	$(BIN)/python .make/reference.py

lock: dev
	.make/lock

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	rm -rf *.egg-info contracts/node_modules contracts/build web/node_modules
	find ledger api scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

core dev:
	.make/setup $@
