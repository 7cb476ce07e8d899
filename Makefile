# A new machine needs Python 3.13 and make; all else is installed here, pinned with hashes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.13
BIN := .venv/bin
# Runs what takes long quietly, says every ten seconds that it goes on, and shows its output when it fails.
ALIVE := $(PYTHON) -m tools.alive
# pip, which comes with Python, takes ten times as long; both refuse what has not the hash of the lock.
UV := $(BIN)/uv pip install --require-hashes --python
export UV_HTTP_TIMEOUT := 300
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup demo up build deploy test test-all faults faults-all mutants check format lint types imports template secrets audit botocore tables iam lock clean

help: ## Show what there is to make.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed .venv-sam/.installed .venv-checkov/.installed ## Create the environments from their locks.

# What ships without a wheel is built by the pinned setuptools and not by one that is fetched for it.
.venv/.installed: requirements/build.txt requirements/dev.txt pyproject.toml
	@$(ALIVE) "Making .venv" $(PYTHON) -m venv .venv
	@$(ALIVE) "Installing uv" $(BIN)/python -m pip install --require-hashes --requirement requirements/build.txt
	@$(ALIVE) "Installing the tests, the linters and the local cloud" $(UV) $(BIN)/python --no-build-isolation --requirement requirements/dev.txt
	@$(ALIVE) "Installing finetune" $(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# The SAM CLI and the local cloud pin different releases of botocore, so each has an environment of its own.
.venv-sam/.installed: requirements/sam.txt | .venv/.installed
	@$(ALIVE) "Making .venv-sam" $(PYTHON) -m venv .venv-sam
	@$(ALIVE) "Installing the SAM CLI" $(UV) .venv-sam/bin/python --only-binary :all: --requirement requirements/sam.txt
	@touch $@

# checkov pins a boto3 of two years ago.
.venv-checkov/.installed: requirements/checkov.txt | .venv/.installed
	@$(ALIVE) "Making .venv-checkov" $(PYTHON) -m venv .venv-checkov
	@$(ALIVE) "Installing checkov" $(UV) .venv-checkov/bin/python --only-binary :all: --requirement requirements/checkov.txt
	@touch $@

demo: setup ## Run the example project end to end on this machine, without an AWS account.
	@$(BIN)/python -m local run examples/shop-assistant/dataset.jsonl

up: setup ## Keep the local cloud running and print how to use it.
	@$(BIN)/python -m local up

build: setup ## Build the template and the layer with the SAM CLI.
	PATH="$(CURDIR)/.venv-sam/bin:$$PATH" sam build

deploy: setup ## Deploy to your AWS account: make deploy EMAIL=you@example.com [REGION=us-west-2]
	@test -n "$(EMAIL)" || { echo "Say who gets the mails: make deploy EMAIL=you@example.com" >&2; exit 2; }
	@$(MAKE) build
	PATH="$(CURDIR)/.venv-sam/bin:$$PATH" sam deploy $(if $(REGION),--region "$(REGION)") --parameter-overrides NotificationEmail="$(EMAIL)"

PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10
# Of the layer, by lines and branches, in the processes of the tests; deployed functions run in processes of their own. It takes
# half as much of the processor's time again, so only `make test-all` has it.
COVERAGE := --cov --cov-report=term

test: setup ## Run every test; finds a browser for those of the report, or installs one.
	@$(BIN)/python -m tests.browser.chromium
	$(PYTEST)

test-all: setup ## Run every test at its full size, which takes an hour, and say how much of the layer they reach.
	@$(BIN)/python -m tests.browser.chromium
	$(PYTEST) $(COVERAGE) --full-size

FAULTS := $(BIN)/python -m tests.simulation faults --processes 2

faults: setup ## Try 2,500 faults in the simulated pipeline, or LIMIT, by SEED, and say which promises break.
	$(FAULTS) --limit $(or $(LIMIT),2500) --seed $(or $(SEED),1)

faults-all: setup ## Try every fault there is in the simulated pipeline, which takes hours.
	$(FAULTS)

mutants: setup ## Put defects that would cost money, mails or the model in service into a copy, one by one, and say which no test notices.
	$(BIN)/python -m tools.mutants

check: setup format lint types imports template secrets test ## The definition of done: everything CI runs.

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .
	$(BIN)/complexipy layers functions finetune_cli local tools benchmarks --max-complexity-allowed 20 --failed --plain --cache-dir build/complexipy
	$(BIN)/python -m tools.gate

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

template:
	.venv-sam/bin/sam validate --lint

secrets: setup ## Look for secrets in every commit.
	$(BIN)/python -m tools.audit secrets

audit: setup ## Ask OSV whether a pinned dependency has a known weakness, and say how old the locks are.
	$(BIN)/python -m tools.audit dependencies

botocore: setup ## Compare the newest botocore with the pinned one for the operations that are used.
	$(BIN)/python -m tools.botocore_changes

tables: setup ## Write the tables and the picture of the documentation, and catalog.json, anew from their sources.
	$(BIN)/python -m tools.tables

iam: setup ## Write AWS's reference of the actions that the template grants anew, from the pinned package.
	$(BIN)/python -m tools.iam_reference

LOCK := $(BIN)/uv pip compile --quiet --python-version 3.13 --universal --generate-hashes --no-header

lock: setup ## Pin the dependencies again.
	$(LOCK) requirements/dev.in --output-file requirements/dev.txt
	$(LOCK) requirements/build.in --constraint requirements/dev.txt --output-file requirements/build.txt
	$(LOCK) layers/finetune/requirements.in --constraint requirements/dev.txt --output-file layers/finetune/requirements.txt
	$(LOCK) requirements/sam.in --output-file requirements/sam.txt
	$(LOCK) requirements/checkov.in --output-file requirements/checkov.txt

clean: ## Remove what was built, but not the environments.
	rm -rf .aws-sam build out
