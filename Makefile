# Tallystick. `make help` lists the targets; every target sets up .venv in this clone first.
SHELL := /bin/bash
BIN := .venv/bin
SHARED := $(or $(TALLYSTICK_SHARED),../shared)
DEMO := build/demo
.DEFAULT_GOAL := help

.PHONY: help setup services demo real test check bench quality soak clean

help:  ## Show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.ready: requirements/dev.txt pyproject.toml scripts/setup.sh scripts/debian.sh
	@bash scripts/setup.sh dev .venv

.venv-bench/.ready: requirements/bench.txt pyproject.toml scripts/setup.sh scripts/debian.sh
	@bash scripts/setup.sh bench .venv-bench

.venv-feast/.ready: requirements/feast.txt scripts/setup.sh scripts/debian.sh
	@bash scripts/setup.sh feast .venv-feast

setup: .venv/.ready  ## Set up .venv (the other targets do it themselves)

services:  ## Find or add what tests start: Redis, NATS, and a Java runtime for Spark
	@bash scripts/services.sh

demo: .venv/.ready  ## The main job on the simulated bank: load, labels, train, backtest, decide, verify, report
	$(BIN)/tally demo $(DEMO) --json $(DEMO)/summary.json

real: .venv/.ready  ## The main job on real data: 30,000 card clients of ../shared/data/taiwan.csv
	TALLYSTICK_SHARED="$(abspath $(SHARED))" $(BIN)/tally -p examples/card_issuer run --json build/card_issuer.json
	TALLYSTICK_SHARED="$(abspath $(SHARED))" $(BIN)/python bench/card_issuer.py examples/card_issuer

test: check services  ## Checks, all tests and a small demo
	$(BIN)/python -m pytest -n 2 --dist loadfile
	$(BIN)/tally demo build/small --customers 800 --months 6 --fresh --json build/small/summary.json

check: .venv/.ready  ## ruff, mypy --strict and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv-bench/.ready .venv-feast/.ready  ## Ratios against named peers, in the same run
	.venv-bench/bin/python -m bench

quality: .venv-bench/.ready  ## Models beside four peers on real data: the same folds and columns, repeated
	TALLYSTICK_SHARED="$(abspath $(SHARED))" .venv-bench/bin/python -m bench.quality

soak: .venv/.ready services  ## The counted proofs, whole
	TALLYSTICK_SOAK=1 $(BIN)/python -m pytest -n 2 -m soak

clean:  ## Remove what was built; .venv stays
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
