#!/usr/bin/env bash
# Builds the servers Pollux is measured against, and lays out their test suites, outside the repository:
#
#   DIR/bin/      redis8-server redis8-cli redis8-benchmark valkey-server valkey-cli valkey-benchmark
#   DIR/suites/   redis-8.0 valkey-9      unpacked source trees; `make compat SUITE=DIR/suites/redis-8.0` runs one
#
# Usage: scripts/peers.sh [DIR]      DIR defaults to $PEERS_DIR, else ~/.cache/pollux-peers
#
# The sources are Debian's own source packages, taken through apt from the mirror this machine already uses, with lists
# kept in DIR/apt so that the system's own lists and packages stay as they are. What is there already is kept, so a
# second call takes no time. On macOS it fetches nothing: brew has `redis` and `valkey`, which the scripts find on PATH.
set -euo pipefail

dir=${1:-${PEERS_DIR:-$HOME/.cache/pollux-peers}}
releases="sid forky trixie"     # newest first: the newest release that has the wanted version gives it
say() { echo "peers: $*" >&2; }

if ! command -v apt-get >/dev/null 2>&1; then
  say "this needs apt-get. Elsewhere unpack a redis 8.0 source tree yourself, build it with make, and name it:"
  say "  PEERS_DIR=DIR with DIR/bin/redis8-server, or PEERS=/path/to/redis-server make bench"
  exit 1
fi
mkdir -p "$dir/bin" "$dir/suites" "$dir/src" "$dir/apt/lists/partial"
dir=$(cd "$dir" && pwd)

mirror() {   # the first Debian archive this machine's apt is set up with
  cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    tr ' ' '\n' | grep -E '^[a-z]+://.*/debian/?$' | head -n 1
}

private_apt() {   # private_apt TOOL ARGS...: an apt tool that sees only our list of sources
  local tool=$1; shift
  "$tool" -qq -o "Dir::Etc::SourceList=$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o "Dir::State::Lists=$dir/apt/lists" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}

refreshed=no
refresh_lists() {
  [ "$refreshed" = no ] || return 0
  local archive release
  archive=$(mirror)
  [ -n "$archive" ] || { say "apt is not set up with a Debian archive"; return 1; }
  for release in $releases; do
    # The archive's key may be newer than this system's keyring; what is built here is only ever compared with.
    echo "deb-src [trusted=yes] $archive $release main"
  done >"$dir/apt/sources.list"
  private_apt apt-get update || say "some lists could not be refreshed"
  refreshed=yes
}

unpack() {   # unpack PACKAGE VERSION-PREFIX FOLDER
  local package=$1 prefix=$2 folder=$dir/suites/$3 version tarball
  if [ -d "$folder/src" ]; then return 0; fi
  refresh_lists
  version=$(private_apt apt-cache showsrc "$package" 2>/dev/null | awk '$1 == "Version:" { print $2 }' |
    grep -E "^([0-9]+:)?$prefix" | sort -V | tail -n 1)
  [ -n "$version" ] || { say "no source package of $package $prefix in: $releases"; return 1; }
  say "fetching $package $version"
  (cd "$dir/src" && private_apt apt-get source --download-only "$package=$version" >/dev/null)
  version=${version#*:}
  tarball=$(ls "$dir/src/${package}_${version%-*}".orig.tar.* | grep -v '\.asc$' | head -n 1)
  mkdir -p "$folder.part"
  tar xf "$tarball" -C "$folder.part" --strip-components=1
  mv "$folder.part" "$folder"
}

build() {   # build FOLDER OWN-NAME KEPT-NAME: keeps OWN-NAME-server and its tools as KEPT-NAME-*
  local src=$dir/suites/$1/src own=$2 kept=$3 program
  if [ -x "$dir/bin/$kept-server" ]; then return 0; fi
  say "building $1"
  make -C "$src" -j2 BUILD_TLS=no USE_SYSTEMD=no "$own-server" "$own-cli" "$own-benchmark" >"$dir/src/$kept.log" 2>&1 ||
    { tail -n 20 "$dir/src/$kept.log" >&2; return 1; }
  for program in server cli benchmark; do cp "$src/$own-$program" "$dir/bin/$kept-$program"; done
}

for tool in cc make; do
  command -v "$tool" >/dev/null 2>&1 || { say "needs $tool: scripts/setup.sh installs it"; exit 1; }
done
unpack redis 8.0 redis-8.0
build redis-8.0 redis redis8
unpack valkey 9 valkey-9
build valkey-9 valkey valkey
say "in $dir:" $(ls "$dir/bin")
