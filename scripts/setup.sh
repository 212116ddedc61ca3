#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: a real redis-server and its tools to compare with, Tcl for the
# official suites, valgrind to count instructions, Python for the scripts, hexdump and nc for the lessons of docs/LAB.md.
# Does nothing when all of it is there.
#
# Usage: scripts/setup.sh
#
# Knows Debian and its children (apt-get) and macOS (brew). Elsewhere it names what is missing and goes on: the tests
# say which of their parts they leave out. Where CI is set, leaving something out is a failure, because a green run
# that compared nothing would say more than it knows.
set -euo pipefail

say() { echo "setup: $*" >&2; }

missing() {   # missing PROGRAM: not to be found on PATH
  ! command -v "$1" >/dev/null 2>&1
}

# What each platform calls the package that brings a program.
debian=(redis-server:redis-server redis-cli:redis-tools redis-benchmark:redis-tools tclsh:tcl valgrind:valgrind
        python3:python3 hexdump:bsdextrautils nc:netcat-openbsd cc:gcc make:make ps:procps)
# valgrind does not run on today's macOS; Tcl, nc, cc, make and ps come with the system.
mac=(redis-server:redis redis-cli:redis redis-benchmark:redis python3:python3)

wanted() {   # wanted PROGRAM:PACKAGE...: the packages of the programs that are missing, each once
  local pair
  for pair in "$@"; do
    if missing "${pair%%:*}"; then echo "${pair##*:}"; fi
  done | sort -u
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else say "not root and no sudo: cannot run: $*"; return 1
  fi
}

install_debian() {
  # Debian starts a redis-server on 6379 when it is installed on a machine with a running init. The answer 101 of a
  # policy file is Debian's own way to say "install, do not start"; one that is already there is left alone.
  local policy=/usr/sbin/policy-rc.d ours=no
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    ours=yes
  fi
  local status=0
  as_root apt-get update -qq || say "apt-get update failed; trying with the lists that are here"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || status=$?
  if [ "$ours" = yes ]; then as_root rm -f "$policy"; fi
  return "$status"
}

if command -v apt-get >/dev/null 2>&1; then
  pairs=("${debian[@]}")
  packages=$(wanted "${pairs[@]}")
  if [ -n "$packages" ]; then
    say "installing" $packages
    # Word splitting is meant: one package a word.
    install_debian $packages || say "apt-get could not install all of it"
  fi
elif [ "$(uname -s)" = Darwin ]; then
  pairs=("${mac[@]}")
  packages=$(wanted "${pairs[@]}")
  if [ -n "$packages" ]; then
    if missing brew; then say "no brew: please install" $packages
    else say "installing" $packages; brew install --quiet $packages || say "brew could not install all of it"
    fi
  fi
else
  pairs=("${debian[@]}")
fi

still=$(wanted "${pairs[@]}")
if [ -n "$still" ]; then
  say "still missing:" $still
  if [ -n "${CI:-}" ]; then exit 1; fi
fi
