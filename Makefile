# Everything runs in .venv, which is made from the pinned files in requirements/. Start with `make help`.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Tools that keep caches need a home; in a bare container there may be none.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/$(VENV)/home
endif
# As pip does, uv trusts what the system trusts: behind a proxy that looks into TLS, only that names its authority.
export UV_SYSTEM_CERTS ?= 1
FAST := not airflow and not postgres and not object_store and not slow
# Percent of branches and lines of both packages; a little under what the tests reach without Airflow.
FLOOR := 97
# Since October 2025 MinIO's community edition comes as source alone; this is the last commit of its main branch.
MINIO := github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED) ## make or update .venv from the pinned requirements

# `sync` also removes what the pinned file no longer names. A version manager's shim may be on the path and still
# fail, hence each candidate is run.
$(INSTALLED): requirements/dev.txt requirements/uv.txt pyproject.toml
	@if ! [ -x $(BIN)/python ]; then \
	  for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	    if $$candidate -c 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	  done; \
	  if [ -z "$${python:-}" ]; then \
	    echo "No Python 3.11 or later with venv was found. Install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  $$python -m venv $(VENV); \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.PHONY: object-stores
object-stores: .cache/swift/.installed $(if $(shell command -v go),.cache/minio/.$(lastword $(subst -, ,$(MINIO)))) ## install Swift and build MinIO, for the tests

.cache/swift/.installed: requirements/swift.txt $(INSTALLED)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .cache/swift
	@$(BIN)/uv pip sync --quiet --python .cache/swift/bin/python requirements/swift.txt
	@touch $@

# Some minutes, once for each pin.
.cache/minio/.%:
	@echo "Building MinIO, which takes some minutes"
	@rm -rf .cache/minio && mkdir -p .cache/minio
	@GOBIN=$(CURDIR)/.cache/minio GOFLAGS= nice go install $(MINIO)
	@touch $@

.PHONY: serve
serve: $(INSTALLED) ## run the registry on loopback, its data in ~/.model-registry
	$(BIN)/model-registry serve

.PHONY: env
env: .env ## make .env with a random secret for each that docker-compose.yml asks for

# What is there is kept: the databases know it. A secret of 32 bytes, in the form that Airflow's Fernet key has to have.
.env: docker-compose.yml
	@touch $@ && chmod 600 $@
	@for name in $$(grep -o '[A-Z0-9_]*:?' $< | tr -d ':?' | sort -u); do \
	  grep -q "^$$name=" $@ || printf '%s=%s\n' "$$name" "$$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')" >> $@; \
	done

.PHONY: demo
demo: $(INSTALLED) ## run the registry and a real Airflow together (ONCE=1: run the story once and exit)
	$(BIN)/python -m tests.demo $(if $(ONCE),--once)

.PHONY: test
test: object-stores coverage-domain ## every test, with a real Airflow, PostgreSQL and object stores
	$(BIN)/pytest -m "not airflow and not campaign" -n 2 --dist loadfile $(ARGS)
	# By themselves: what loads the machine makes everything beside it slow, and itself.
	$(BIN)/pytest -m campaign $(ARGS)
	$(BIN)/pytest -m airflow $(ARGS)

.PHONY: test-fast
test-fast: $(INSTALLED) ## tests without Airflow, PostgreSQL, object stores and the slow ones
	$(BIN)/pytest -m "$(FAST)" $(ARGS)

.PHONY: campaign
campaign: $(INSTALLED) ## do harm to real services and judge them; the report goes to campaign.json (ARGS="--only kills", ARGS=--continue)
	$(BIN)/python -m tests.campaign --output campaign.json $(ARGS)

.PHONY: coverage
coverage: object-stores coverage-domain ## all tests without Airflow, with branch coverage; fails below its floor
	$(BIN)/pytest -m "not airflow" -n 2 --dist loadfile --cov --cov-fail-under=$(FLOOR) $(ARGS)

# What the registry decides is tested in every branch, by the tests of fixed cases alone: what random ones reach is luck.
.PHONY: coverage-domain
coverage-domain: $(INSTALLED) ## the decisions' tests of fixed cases; fails unless they walk every branch
	$(BIN)/pytest tests/domain -q -m "not hypothesis" --cov --cov-report=
	$(BIN)/coverage report --include='registry_service/domain/*' --fail-under=100

.PHONY: lint
lint: $(INSTALLED) ## format check, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: check
check: lint coverage-domain test-fast ## lint, the decisions in every branch, the fast tests: what to run before a commit

.PHONY: format
format: $(INSTALLED) ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(INSTALLED) ## measure the service beside what the machine allows (ARGS: options that every benchmark takes)
	@$(BIN)/python benchmarks/_all.py $(ARGS)

.PHONY: bench-peers
bench-peers: $(INSTALLED) .cache/mlflow/.installed ## measure the service beside MLflow's server too
	@$(BIN)/python benchmarks/_all.py --peers $(ARGS)

# In an environment of its own: it asks for other releases than the service does.
.cache/mlflow/.installed: requirements/mlflow.txt $(INSTALLED)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .cache/mlflow
	$(BIN)/uv pip sync --quiet --python .cache/mlflow/bin/python requirements/mlflow.txt
	@touch $@

.PHONY: screenshots
screenshots: $(INSTALLED) ## take the pictures of docs/images anew, in a real browser
	@$(BIN)/python -m tests.web.ui.screenshots

.PHONY: wheels
wheels: $(INSTALLED) ## build sdist and wheel into dist/
	$(BIN)/python -m build --installer uv --outdir dist .

.PHONY: requirements
requirements: ## compile the pinned requirement files anew (UPGRADE=1: newest releases)
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml --output-file requirements/client.txt
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml --extra service --extra s3 --output-file requirements/service.txt
	$(BIN)/uv pip compile $(COMPILE) pyproject.toml --extra dev --output-file requirements/dev.txt
	$(BIN)/uv pip compile $(COMPILE) --group pyproject.toml:swift --output-file requirements/swift.txt
	grep '^uv==' requirements/dev.txt > requirements/uv.txt

# No addresses: the files are the same wherever packages come from.
COMPILE = --quiet --universal --no-annotate --no-header --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## remove .venv, caches and builds (what `make serve` keeps in ~/.model-registry stays)
	rm -rf $(VENV) campaign.json dist build .cache .coverage htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
