#!/usr/bin/env bash
# Runs the tests of the room that holds `unsafe`, and of the rooms that drive it hardest, under AddressSanitizer, and
# those of the former under Miri where it is installed.
#
# Usage: scripts/sanitize.sh [TEST-FILTER...]      the filters default to: store types keyspace script
#        POLLUX_ROUNDS=5000 scripts/sanitize.sh    longer random runs
#
# Both need a nightly toolchain. Only the binary installs our counting allocator over jemalloc; the tests of the library
# allocate through the system's, so every entry is a block that the sanitizer watches.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { echo "sanitize: $*" >&2; }

if ! cargo +nightly --version >/dev/null 2>&1 && ! { command -v rustup >/dev/null \
  && rustup toolchain install nightly --profile minimal --no-self-update >/dev/null 2>&1; }; then
  say "no nightly toolchain, and it cannot be installed: rustup toolchain install nightly"
  if [ -n "${CI:-}" ]; then exit 1; fi
  exit 0
fi
miri=("$@")
if [ $# = 0 ]; then set -- store:: types:: keyspace:: script::; miri=(store::); fi
host=$(rustc -vV | sed -n 's/^host: //p')
export POLLUX_ROUNDS="${POLLUX_ROUNDS:-50}"

say "AddressSanitizer: tests named $*"
RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS=detect_leaks=1 CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitize" \
  cargo +nightly test --locked --lib --target "$host" -- "$@"
if cargo +nightly miri --version >/dev/null 2>&1; then
  say "Miri: tests named ${miri[*]}"
  MIRIFLAGS="-Zmiri-disable-isolation" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri" \
    cargo +nightly miri test --locked --lib -- "${miri[@]}"
else
  say "Miri is not installed; only AddressSanitizer was run"
fi
