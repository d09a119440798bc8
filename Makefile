# The two commands of the README are `make up` and `make test`; the rest serves developers.
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: install check test bench up down golden

$(VENV)/installed: pyproject.toml
	bash scripts/setup.sh
	touch $@

install: $(VENV)/installed

check: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m pytest tests/house

test: install check
	$(PY) -m pytest tests
