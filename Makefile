# A new machine needs Python 3.13, make and, for the tests, a browser; all else is installed here, pinned with hashes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.13
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup browser demo up build deploy test check format lint types imports template tables lock clean

help: ## Show what there is to make.
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed .venv-sam/.installed ## Create both environments from their locks.

# What ships without a wheel is built by the pinned setuptools and not by one that pip would fetch for itself.
.venv/.installed: requirements/build.txt requirements/dev.txt pyproject.toml
	@echo "Setting up .venv: the tests, the linters and the local cloud (a minute or two, once)"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes --requirement requirements/build.txt
	@$(PIP) install --require-hashes --no-build-isolation --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The SAM CLI and the local cloud pin different releases of botocore, so each has an environment of its own.
.venv-sam/.installed: requirements/sam.txt
	@echo "Setting up .venv-sam: the SAM CLI (half a minute, once)"
	@$(PYTHON) -m venv .venv-sam
	@.venv-sam/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes --requirement requirements/sam.txt
	@touch $@

browser: setup ## Install Chromium for the tests where there is no browser, on Debian as root.
	@$(BIN)/python -m tests.browser.chromium 2>/dev/null || { echo "Installing Chromium"; apt-get -qq update; \
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; }
	@$(BIN)/python -m tests.browser.chromium

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

test: setup ## Run every test.
	@$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: setup format lint types imports template test ## The definition of done: everything CI runs.

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

template:
	.venv-sam/bin/sam validate --lint
	@mkdir -p build
	$(BIN)/python -m tools.translate template.yaml > build/translated.json
	$(BIN)/cfn-lint build/translated.json

tables: setup ## Write the tables and the picture of the documentation, and catalog.json, anew from their sources.
	$(BIN)/python -m tools.tables

LOCK := $(BIN)/uv pip compile --quiet --python-version 3.13 --universal --generate-hashes --no-header

lock: setup ## Pin the dependencies again.
	$(LOCK) requirements/dev.in --output-file requirements/dev.txt
	$(LOCK) requirements/build.in --constraint requirements/dev.txt --output-file requirements/build.txt
	$(LOCK) layers/finetune/requirements.in --constraint requirements/dev.txt --output-file layers/finetune/requirements.txt
	$(LOCK) requirements/sam.in --output-file requirements/sam.txt

clean: ## Remove what was built, but not the environments.
	rm -rf .aws-sam build out
