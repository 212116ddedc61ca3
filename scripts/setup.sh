#!/usr/bin/env bash
# Installs what the tests compare with and the machine lacks: a real redis-server and its tools, Tcl for the official
# suites, valgrind to count instructions, Python for the scripts, hexdump and nc for the lessons of docs/LAB.md,
# Chromium to look at the live page. Does nothing when all of it is there.
#
# Usage: scripts/setup.sh             installs what is missing, if that needs no password
#        scripts/setup.sh --missing   prints the command that would install it, and installs nothing
#
# Knows Debian and its children (apt-get) and macOS (brew). Nobody is asked for a password: what cannot be installed
# without one is named, with the command to type, and the tests say which of their parts they leave out. Where CI is
# set, leaving something out is a failure, because a green run that compared nothing would say more than it knows.
set -euo pipefail

say() { echo "setup: $*" >&2; }

is_missing() {   # is_missing PROGRAM: not to be found on PATH
  ! command -v "$1" >/dev/null 2>&1
}

# What each platform calls the package that brings a program.
debian="redis-server:redis-server redis-cli:redis-tools redis-benchmark:redis-tools tclsh:tcl valgrind:valgrind
        python3:python3 hexdump:bsdextrautils nc:netcat-openbsd cc:gcc make:make ps:procps chromium:chromium"
# valgrind does not run on today's macOS; Tcl, nc, cc, make and ps come with the system.
mac="redis-server:redis redis-cli:redis redis-benchmark:redis python3:python3"

missing_packages() {   # the packages of the programs that are missing, each once, on one line
  local pair list=""
  for pair in $pairs; do
    if is_missing "${pair%%:*}"; then
      case " $list " in
        *" ${pair##*:} "*) ;;
        *) list="$list${list:+ }${pair##*:}" ;;
      esac
    fi
  done
  echo "$list"
}

can_be_root() {   # without a password
  [ "$(id -u)" = 0 ] || { ! is_missing sudo && sudo -n true 2>/dev/null; }
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
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

if ! is_missing apt-get; then
  system=debian pairs=$debian by_hand="sudo apt-get install"
elif [ "$(uname -s)" = Darwin ]; then
  system=mac pairs=$mac by_hand="brew install"
  # Where there is no brew, it is the first thing to get.
  if is_missing brew; then by_hand="see https://brew.sh, then: brew install"; fi
else
  system=other pairs=$debian by_hand="by this system's own means, under Debian's names:"
fi

packages=$(missing_packages)
if [ "${1:-}" = --missing ]; then
  if [ -n "$packages" ]; then echo "$by_hand $packages"; fi
  exit 0
fi
if [ -z "$packages" ]; then exit 0; fi

# Word splitting is meant in what follows: one package a word.
if [ "$system" = debian ] && can_be_root; then
  say "installing $packages"
  install_debian $packages || say "apt-get could not install all of it"
elif [ "$system" = mac ] && ! is_missing brew; then
  say "installing $packages"
  brew install --quiet $packages || say "brew could not install all of it"
fi

packages=$(missing_packages)
if [ -n "$packages" ]; then
  say "missing, and not to be had without a person: $packages"
  say "to get it: $by_hand $packages"
  if [ -n "${CI:-}" ]; then exit 1; fi
fi
