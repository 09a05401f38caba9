# `make demo` and `make test` are all the set-up there is. After the first run both work offline.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach v,python3.13 python3.12 python3.11 python3,$(shell $(v) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(v))))
PACKAGES := mysterybot scenarios exporters conversations probes replies
SERVERS := postfix dovecot-core dovecot-imapd dovecot-lmtpd prometheus prometheus-alertmanager
HAS_BROWSER = $(BIN)/python -c 'import os; from probes.form import find, settings; find.find_browser(settings.BrowserSettings(), os.environ)' >/dev/null 2>&1
ROOT_ON_DEBIAN := $(shell [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo yes)

.PHONY: help demo test check format bench eval lock clean

help:  ## what there is to make
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

demo: $(VENV)/.installed $(VENV)/.browser  ## watch a mystery customer at work on an embedded company
	@$(BIN)/mysterybot demo $(ARGS)

test: $(VENV)/.dev $(VENV)/.browser $(VENV)/.servers check  ## everything that is checked before a change lands
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## put the code into its one form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev $(VENV)/.browser  ## measure; prints a table and writes bench.json
	$(BIN)/python -m benchmarks $(ARGS)

eval: $(VENV)/.dev  ## measure the reading of replies on labelled mail: make eval CORPUS=folder
	@[ -n "$(CORPUS)" ] || { echo "make eval CORPUS=folder: which folder? docs/replies.md tells its form" >&2; exit 2; }
	@$(BIN)/python -m tests.replies.evaluation "$(CORPUS)"

lock: $(VENV)/.dev  ## choose the newest dependencies anew (needs uv)
	printf 'setuptools>=77\n' > $(VENV)/build.in
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		pyproject.toml $(VENV)/build.in -o requirements.lock
	uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		pyproject.toml --group dev $(VENV)/build.in -c requirements.lock -o requirements-dev.lock

clean:  ## forget what was made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info bench.json

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "mysterybot needs Python 3.11 or newer with venv (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON); this is done once." >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --no-index --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# A browser where one can be had; without one the visits through forms are left out, and it is said so.
$(VENV)/.browser: $(VENV)/.installed
	@$(HAS_BROWSER) \
	|| { [ -n "$(ROOT_ON_DEBIAN)" ] && { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium-headless-shell || DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; } >/dev/null 2>&1; } \
	|| $(BIN)/python -m playwright install --only-shell chromium >/dev/null 2>&1 \
	|| echo "No browser could be installed; everything but the web forms works. mysterybot doctor says more."
	@! $(HAS_BROWSER) || touch $@

# Real servers for the tests, where we may install them; elsewhere these tests are skipped, and say so.
$(VENV)/.servers:
	@mkdir -p $(VENV)
	@if [ -n "$(ROOT_ON_DEBIAN)" ]; then \
		missing=$$(for p in $(SERVERS); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
		[ -z "$$missing" ] || { made=; [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; made=1; }; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
		[ -z "$$made" ] || rm -f /usr/sbin/policy-rc.d; }; \
	else echo "Not root on Debian: tests against Postfix, Dovecot and Prometheus are skipped unless these are installed."; fi
	@touch $@
