# The two commands of the README are `make up` and `make test`; the rest serves developers.
SHELL := /bin/bash
BIN := .venv/bin
# Two at a time, each beside a cluster of its own; what looks at the whole machine or at its ports runs alone.
PAIRED := $(patsubst %,tests/e2e/test_%.py,kubectl kubectl_operations promises_of_pods promises_of_workloads \
	promises_of_storage cli bad_input batch clients helm)

# What the agent does, over a runtime that is put first on PATH (recorded_pods has an older one's words).
AGENT := $(patsubst %,tests/e2e/test_%.py,pods node_life pod_network limits resize promises_of_pods kills leaks \
	machine registries security csi eviction storage services alignment runtime_features) tests/wire/node

.PHONY: setup setup-dev up down check test bench golden soak fuzz newer

setup:
	@bash scripts/setup.sh
setup-dev:
	@bash scripts/setup.sh dev

up: setup                 ## a running three-tier application on this machine
	@bash scripts/shop.sh

down: setup               ## stop it and leave the machine as it was
	@$(BIN)/knarr down --purge

check: setup-dev          ## style, types, import walls, tidiness
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/house

test: check               ## everything CI runs
	$(BIN)/python -m pytest tests/unit tests/conformance tests/sim tests/wire -n 2
	$(BIN)/python -m pytest $(PAIRED) -n 2 --dist loadfile
	$(BIN)/python -m pytest tests/e2e $(addprefix --ignore=,$(PAIRED)) --durations=10

bench: setup-dev          ## every claim against its figure
	$(BIN)/python -m bench

golden: setup-dev         ## rewrite the golden files; read the diff
	$(BIN)/python -m pytest tests -k golden --golden-rewrite

soak: setup-dev           ## new examples for every law; two thousand seeds of the simulation; then kill every process two hundred times; hours
	KNARR_NEW_EXAMPLES=1 $(BIN)/python -m pytest -n 2 tests/unit tests/conformance
	KNARR_SIM_ROUNDS=2000 $(BIN)/python -m pytest -n 2 tests/sim
	KNARR_KILL_ROUNDS=200 KNARR_LEAK_PODS=2000 $(BIN)/python -m pytest --timeout 7200 tests/e2e/test_kills.py tests/e2e/test_leaks.py

newer: setup-dev          ## the agent's tests over the containerd and runc of a newer Debian, laid into build/newer; half an hour
	scripts/newer_runtime.sh build/newer
	PATH=$(CURDIR)/build/newer:$$PATH KNARR_NEWER_RUNTIME=$(CURDIR)/build/newer $(BIN)/python -m pytest $(AGENT)

fuzz: setup-dev           ## a million hostile requests, fuzzed languages, answers against OpenAPI; twenty minutes; goes on where it stopped
	$(BIN)/python -m tests.hostile
