#!/usr/bin/env bash
# Runs the tests of the rooms that hold `unsafe` under AddressSanitizer, and under Miri where it is installed.
#
# Usage: scripts/sanitize.sh [TEST-FILTER...]      the filters default to: store
#
# Both need a nightly toolchain. Only the binary installs our counting allocator over jemalloc; the tests of the library
# allocate through the system's, so every entry is a block that the sanitizer watches.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { echo "sanitize: $*" >&2; }

if ! cargo +nightly --version >/dev/null 2>&1; then
  say "no nightly toolchain: rustup toolchain install nightly"
  if [ -n "${CI:-}" ]; then exit 1; fi
  exit 0
fi
if [ $# = 0 ]; then set -- store; fi
host=$(rustc -vV | sed -n 's/^host: //p')

for filter in "$@"; do
  say "AddressSanitizer: tests named $filter"
  RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS=detect_leaks=1 CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitize" \
    cargo +nightly test --locked --lib --target "$host" -- "$filter"
done
if cargo +nightly miri --version >/dev/null 2>&1; then
  for filter in "$@"; do
    say "Miri: tests named $filter"
    MIRIFLAGS="-Zmiri-disable-isolation" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri" \
      cargo +nightly miri test --locked --lib -- "$filter"
  done
else
  say "Miri is not installed; only AddressSanitizer was run"
fi
