# The one door, for people and for CI.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := contracts chassis services/org-service services/user-service services/import-service services/notify-service services/web-console deploy/local
SOURCES := contracts chassis services deploy tests conftest.py

.PHONY: help install up down demo test test-unit test-security test-browser screenshots test-chaos test-load lint check generate bench bench-list bench-console lock

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	touch $@

install: $(VENV)/.installed ## .venv with everything and the broker's jars, once
	@$(BIN)/python -m instroom.stack.kafka_install

up: install ## the platform on the embedded stack, data kept in .instroom/
	$(BIN)/instroom up --detach

down: install ## stop it; the data stays
	$(BIN)/instroom down

demo: install ## the main job on the embedded stack (DEMO_EXIT=1 stops at the end)
	$(BIN)/python -m instroom.demo

test: install ## all tests that this machine can run, in two processes
	$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder

test-unit: install ## those that need no database and no broker
	$(BIN)/pytest contracts/tests chassis/tests/unit services/*/tests/unit

test-security: install ## every route with every token, and those that are none (part of test)
	$(BIN)/pytest tests/security chassis/tests/unit/test_access.py services/web-console/tests/unit/test_every_route.py

test-browser: install ## the console in a real browser (part of test; needs chromium, node and npm)
	$(BIN)/pytest tests/browser

screenshots: install ## the pictures of docs/screenshots, taken anew
	SCREENSHOTS=1 $(BIN)/pytest tests/browser

test-chaos: install ## nothing lost, nothing twice, at length: CASES=kills,poison ROWS=20000 SOAK=20 (short forms: part of test)
	$(BIN)/pytest tests/chaos -v -n 2 --dist loadgroup --no-loadscope-reorder --long --result docs/reliability.json $(addprefix --cases=,$(CASES)) $(addprefix --rows=,$(ROWS)) $(addprefix --soak=,$(SOAK))

test-load: install ## the slow ones with many rows (part of test)
	$(BIN)/pytest tests/load

lint: install ## fix what can be fixed
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

check: install ## verify only: lint, types, import rules, generated files
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m contracts_tools check

generate: install ## schemas, AsyncAPI, tables, language names, sample data
	$(BIN)/python -m contracts_tools generate
	$(BIN)/python deploy/local/sample/make_sample.py

$(VENV)/.installed-bench: requirements-bench.lock $(VENV)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bench.lock
	touch $@

bench: install $(VENV)/.installed-bench ## measure beside others in one run: ROWS=100000 ONLY=create,mails ROUNDS=1
	cd tests && ../$(BIN)/python -m load.bench --rows $(or $(ROWS),100000) --rounds $(or $(ROUNDS),1) $(if $(ONLY),--only $(ONLY))

bench-list: install ## measure the list of people alone: ROWS=100000
	$(BIN)/python tests/load/list_bench.py $(or $(ROWS),100000)

bench-console: install ## measure how soon a browser shows each page (needs chromium): TIMES=7
	$(BIN)/python tests/load/console_bench.py $(or $(TIMES),7)

lock: ## resolve requirements.lock and requirements-bench.lock anew (needs uv)
	uv pip compile --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --group dev pyproject.toml -o requirements.lock \
	  $(addprefix --no-emit-package ,instroom instroom-contracts instroom-chassis org-service user-service import-service notify-service web-console)
	uv pip compile --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	  --group bench -c requirements.lock -o requirements-bench.lock
