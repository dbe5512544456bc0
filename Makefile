# What a visitor, a contributor and CI run. Every target sets up what it needs; nothing has to be installed by hand but Rust.
#
#   make demo            builds intap and audits a recorded enrolment that a firewall hindered
#   make test            format, lints, documentation and all tests
#   make bench           criterion benchmarks on generated traffic
#   make bench-compare   intap against `tcpdump -w /dev/null` on the same file

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# The same results on every machine, whatever its language, clock and terminal.
export TZ := UTC
export LC_ALL := C
export CARGO_TERM_COLOR ?= auto
export CARGO_TERM_PROGRESS_WHEN ?= never
export RUST_BACKTRACE ?= 1

# The enrolment that the demonstration audits.
DEMO := fixtures/captures/span_duplicates/capture.pcap

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: setup
setup: ## install what the build needs and is missing
	@scripts/setup.sh

.PHONY: demo
demo: setup ## build intap and audit a recorded enrolment that a firewall hindered
	cargo build --release --locked --no-default-features --bin intap
	@scripts/demo.sh target/release/intap $(DEMO)

# Lints and documentation read the dependencies' interfaces only; they come first because they are quick and fail early.
# Examples make rustdoc see the dependencies with the same features as the tests do, so that nothing is built twice.
.PHONY: lint
lint: setup ## format, lints and documentation, warnings denied
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --lib --examples

.PHONY: test
test: lint ## everything CI checks
	cargo test --locked --doc
	if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --locked; else cargo test --locked --lib --bins --tests; fi

.PHONY: bench
bench: setup ## criterion benchmarks on generated traffic
	cargo bench --locked --no-default-features --bench '*'

.PHONY: bench-compare
bench-compare: setup ## intap against tcpdump on the same generated file
	scripts/bench-compare.sh
