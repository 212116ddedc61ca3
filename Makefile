# Everything a person does with Pollux, by name. `make` alone lists it.
#
# Runs with GNU make 3.81 and the bash 3.2 of macOS as well as with Debian's. Variables go on the command line:
#   make run ARGS="--port 7000"      make compat SUITE=~/redis-8.0 UNITS=unit/type/hash      make fuzz SECONDS=600

SHELL := /bin/bash
CARGO ?= cargo
PYTHON ?= python3
export PYTHONDONTWRITEBYTECODE := 1

# BIN names another server to run the scripts against, for example a real redis-server.
TARGET := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release/pollux
ifeq ($(BIN),)
binary := $(RELEASE)
built := build
else
binary := $(BIN)
built :=
endif

# One test more at a time than there are processors, for some of them only wait.
threads := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

ARGS ?=
PAGE ?= 6380
SUITE ?=
UNITS ?=
SECONDS ?= 60
SEED ?=
PEERS ?=
N ?=
LESSON ?=

.PHONY: help run build release setup test test-build test-rust test-peers test-course lesson lesson-named book race fmt fmt-check clippy sanitize bench compat instructions \
	instructions-check memory memory-check suite-named fuzz ecosystem peers clean

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' Makefile

run: build ## start the server on port 6379 and its page on 6380 (PAGE=0: no page; ARGS= as for redis-server)
	$(RELEASE) $(ARGS) --page-port $(PAGE)

build: ## the server, target/release/pollux
	$(CARGO) build --release --locked --bin pollux

release: ## the fastest server, target/best/pollux: takes twice as long to build, and needs a few percent less of the processor
	$(CARGO) build --profile best --locked --bin pollux

setup: ## install what the tests need: redis-server, redis-tools, tcl, valgrind (nothing when present)
	scripts/setup.sh

test: ## all that must pass before a change lands; says how long each part took and what it had to leave out
	@MAKE="$(MAKE)" scripts/test.sh setup test-build test-rust build test-peers test-course instructions-check memory-check

test-build: ## compile the tests
	@if $(CARGO) nextest --version >/dev/null 2>&1; then $(CARGO) nextest run --locked --no-run; \
	else $(CARGO) test --locked --no-run; fi

test-rust: ## unit tests, transcripts, simulations, the tidy test
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked --test-threads $(threads) && $(CARGO) test --locked --doc --quiet; \
	else $(CARGO) test --locked; fi

test-peers: $(built) ## the real redis-cli and redis-benchmark, and a real server's replies, against the binary
	$(PYTHON) tests/peers/run.py --bin $(binary)

test-course: $(built) ## the checks of the course's exercises on right answers and wrong ones, the book, a short race
	$(PYTHON) tests/course/run.py --bin $(binary)

# Only lesson 11 needs the server.
lesson: lesson-named $(if $(filter 11,$(N)),$(built)) ## check your answer to an exercise of docs/course (N=3, LESSON=file or command)
	@$(PYTHON) tests/course/lesson.py $(N) --bin $(binary) $(if $(LESSON),--program "$(LESSON)")

lesson-named:
	@test -n "$(N)" || { echo "make lesson N=3    checks .lessons/3.* or LESSON=path/to/yours; docs/course has the exercises"; exit 2; }

fmt: ## lay the code out as rustfmt likes it
	$(CARGO) fmt

fmt-check:
	$(CARGO) fmt --check

clippy: ## the lints of Cargo.toml, as errors
	$(CARGO) clippy --locked --all-targets -- -D warnings

sanitize: ## the rooms with unsafe under AddressSanitizer, and Miri where it is installed
	scripts/sanitize.sh

bench: $(built) ## throughput beside every redis-server and valkey-server found (PEERS= adds, ARGS= options)
	$(PYTHON) scripts/bench.py --bin $(binary) $(if $(PEERS),--peers "$(PEERS)") $(ARGS)

race: $(built) ## redis-benchmark's own tests beside every server found, as a page: target/race.html (PEERS=, ARGS=)
	$(PYTHON) scripts/race.py --bin $(binary) $(if $(PEERS),--peers "$(PEERS)") $(ARGS)

book: ## the course and the other documents as a site: target/book/index.html
	$(PYTHON) scripts/book.py

compat: suite-named $(built) ## an official Tcl suite, unit by unit (SUITE=unpacked source tree, UNITS=unit/type/hash,...)
	$(PYTHON) scripts/compat.py "$(SUITE)" --bin $(binary) $(if $(UNITS),--units "$(UNITS)") $(ARGS)

suite-named:
	@test -n "$(SUITE)" || { echo "make compat SUITE=/path/to/an/unpacked/redis-8.0 (scripts/peers.sh fetches one)"; exit 2; }

instructions: $(built) ## instructions per request, counted by callgrind (ARGS=--update keeps them as the ceiling)
	$(PYTHON) scripts/instructions.py --bin $(binary) $(ARGS)

instructions-check: $(built)
	$(PYTHON) scripts/instructions.py --bin $(binary) --check

memory: $(built) ## bytes per key and member, and where they are (ARGS=--update keeps them as the ceiling)
	$(PYTHON) scripts/memory.py --bin $(binary) $(ARGS)

memory-check: $(built)
	$(PYTHON) scripts/memory.py --bin $(binary) --check

fuzz: $(built) ## random commands and random bytes for SECONDS=60, replies compared with a real server's (SEED=)
	SECONDS=$(SECONDS) $(if $(SEED),SEED=$(SEED)) $(CARGO) test --release --test fuzz -- --nocapture
	$(PYTHON) tests/peers/differ.py --bin $(binary) --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))
	$(PYTHON) tests/peers/garbage.py --bin $(binary) --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))
	$(PYTHON) tests/peers/lua.py --bin $(binary) --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

ecosystem: $(built) ## queues, locks and limiters from npm and PyPI, against the binary and a real server (not part of test)
	scripts/ecosystem.sh --bin $(binary) $(ARGS)

peers: ## build redis 8 and valkey 9 from Debian's sources, outside the repository (15 minutes)
	scripts/peers.sh

clean: ## remove what was built
	$(CARGO) clean
