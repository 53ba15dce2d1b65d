# Everything that one does with Chancery, one command each, on a machine with a Rust toolchain and a C compiler.

CARGO ?= cargo
DATA ?= data
TARGET := $(or $(CARGO_TARGET_DIR),target)
NEXTEST_PROFILE ?= $(if $(CI),ci,default)

.PHONY: dist chaos compose-test image deb deb-test released docs help run test test-browser test-postgresql databases screenshots bench bench-build lint fuzz tools judges browser nextest
.DEFAULT_GOAL := help

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/    make \1\t\2/p' Makefile | expand -t 24

run: tools ## Build the release, and run all of Chancery on the folder data/ with a local test CA
	$(CARGO) build --release --bin chancery
	$(TARGET)/release/chancery up --data-dir $(DATA) --test-ca

# What is not installed is found there, behind all that is.
test: export PATH := $(PATH):$(CURDIR)/.tools/bin
test: tools judges browser databases nextest ## Run every test, on real servers
	$(CARGO) build --workspace --all-targets
	$(CARGO) nextest run --workspace --profile $(NEXTEST_PROFILE)

test-browser: export PATH := $(PATH):$(CURDIR)/.tools/bin
test-browser: tools judges browser nextest ## Run every story in a browser; `make test` runs a third of them
	$(CARGO) build --workspace --all-targets
	$(CARGO) nextest run --workspace --profile $(NEXTEST_PROFILE) --ignore-default-filter -E 'test(/^browser::/)'

# What is left out: what looks into SQLite's own files, and what runs on both in `make test` already.
test-postgresql: export PATH := $(PATH):$(CURDIR)/.tools/bin
test-postgresql: export CHANCERY_TEST_DATABASE := postgresql
test-postgresql: tools judges browser databases nextest ## Run all stories and all tests of services on PostgreSQL
	$(CARGO) build --workspace --all-targets
	$(CARGO) nextest run --workspace --profile postgresql

screenshots: export PATH := $(PATH):$(CURDIR)/.tools/bin
screenshots: tools browser nextest ## Picture every page, light, dark and 390 px wide, in target/screenshots
	$(CARGO) build --bin chancery
	$(CARGO) nextest run -p tests --run-ignored only --ignore-default-filter -E 'test(screenshots_of_every_page)'

# Rows of the table of promises, each as often as it says there. R22 has its clocks in its own crate.
CHAOS_TESTS := test(/^chaos::/) + test(/^races::/) + test(/^secrets::/)
CLOCK_TESTS := package(acme-agent) & (test(/sanity/) + test(/a_clock_/))

chaos: export PATH := $(PATH):$(CURDIR)/.tools/bin
chaos: export CHAOS := $(abspath $(TARGET))/chaos.txt
chaos: tools databases nextest ## Break everything, as often as the table of promises says, for some hours; as root, for disks and networks
	rm -f $(CHAOS)
	$(CARGO) build --workspace --all-targets
	-$(CARGO) nextest run -p tests --profile chaos -E '$(CHAOS_TESTS)'
	@$(CARGO) nextest run -E '$(CLOCK_TESTS)' && verdict=reached || verdict='NOT REACHED'; \
		printf '%-4s %-12s %s\n' R22 "$$verdict" 'clocks that jump, against the last event and the CA: see the tests of acme-agent' >>$(CHAOS)
	@sort -V $(CHAOS); ! grep -q 'NOT REACHED' $(CHAOS)

ENGINE = $(shell docker info >/dev/null 2>&1 && echo docker || echo podman)

image: dist ## Build the images of Chancery for containers, of a release that is built here
	$(ENGINE) build --tag chancery --build-arg BINARY=built --file Containerfile .
	$(ENGINE) build --tag chancery-setup --target setup --build-arg BINARY=built --file Containerfile .

OUTAGE ?= 5
PARTS ?= first outages replicas kek cluster

compose-test: tools dist ## Bring compose.yaml up, and use and break it from outside; OUTAGE=60 for long outages, PARTS=cluster for one part
	OUTAGE=$(OUTAGE) PARTS='$(PARTS)' containers/test

deb: tools dist ## Build the Debian package, with the NATS server that it needs, in target/debian
	packaging/deb $(TARGET)/dist/chancery $(TARGET)/debian

deb-test: deb ## Install that package in a Debian of its own, in a container with systemd, and try it there
	packaging/test $(TARGET)/debian/chancery_*.deb

bench: export CHANCERY_BIN = $(TARGET)/dist/chancery
bench: tools dist ## Measure what people get against the limits of this machine; writes target/bench.json
	tools/fetch lego nginx caddy browser databases
	$(CARGO) build --release --bin bench
	$(TARGET)/release/bench

dist: ## Build what people get: smaller and faster than the release of `make run`, and a quarter of an hour in the making
	$(CARGO) build --profile dist --bin chancery

bench-build: ## Measure a clean debug build, and .ci/run on the folder that it leaves
	tests/bench/build-times

lint: export PATH := $(PATH):$(CURDIR)/.tools/bin
lint: ## Format, clippy, documentation and contracts, with every warning an error
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items
	tools/fetch buf
	buf lint proto
	buf breaking proto --against proto/released.binpb

released: ## Note proto/ as released: from then on nothing in it may be taken away or changed
	tools/fetch buf
	buf build proto --exclude-source-info -o proto/released.binpb

# The test fails where it wrote something; a second run shows that all is as it must be.
docs: nextest ## Write docs/events.md and docs/asyncapi.yaml anew from proto/ and the golden files
	-$(CARGO) nextest run --workspace -E 'binary(documents)'
	$(CARGO) nextest run --workspace -E 'binary(documents)'

FUZZ_SECONDS ?= 60
FUZZ_TARGETS := import pem pkcs12 pkcs7 pkcs8 jks certificate csr

# RUSTC_BOOTSTRAP: the sanitizer is a flag of the nightly compiler that the stable one has, too. What is found
# beside the seeds stays in target/, so that the corpus stays as small as it was made.
fuzz: ## Fuzz each parser of certificates and keys for a minute
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	cd shared/pki/fuzz && for target in $(FUZZ_TARGETS); do \
		mkdir -p target/found/$$target && RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target target/found/$$target corpus/$$target \
			-- -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -max_len=16384 || exit 1; \
	done

tools: ## Get nats-server, Pebble and its DNS server into .tools/bin
	@tools/fetch

judges: ## Get the programs that read what we write, and write what we read, into .tools/bin
	@tools/fetch judges

browser: ## Get a Chromium, its driver and axe-core into .tools/bin
	@tools/fetch browser

databases: ## Get a PostgreSQL for tests into .tools/bin
	@tools/fetch databases

nextest:
	@$(CARGO) nextest --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-nextest
