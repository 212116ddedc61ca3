#!/usr/bin/env bash
# A primary, two replicas and three sentinels, to try out what happens when the primary dies.
#
#   scripts/ha.sh start            starts them, and says how to talk to them
#   scripts/ha.sh status           who leads, and who follows
#   scripts/ha.sh kill             kills the primary with SIGKILL, and waits until another one leads
#   scripts/ha.sh stop             stops everything
#
# Servers listen on PORT (7000) and the two ports behind it, sentinels on PORT + 1000 and the two behind that. Files
# are in DIR (below the system's temporary folder). BIN is our server (target/release/pollux); SENTINEL is an unmodified
# redis-server or valkey-server, or a redis-sentinel.
#
#   PORT=7500 DIR=/tmp/ha scripts/ha.sh start

set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
port=${PORT:-7000}
dir=${DIR:-${TMPDIR:-/tmp}/pollux-ha-$port}
bin=${BIN:-$here/target/release/pollux}
name=pollux

die() {
    echo "ha: $*" >&2
    exit 1
}

find_program() {
    local program folder
    for program in "$@"; do
        for folder in "${PEERS_DIR:-}" "$HOME/.cache/pollux-peers" "$HOME/.cache/peers"; do
            if [ -x "$folder/bin/$program" ]; then
                echo "$folder/bin/$program"
                return
            fi
        done
        if command -v "$program"; then
            return
        fi
    done
    return 1
}

cli=$(find_program redis8-cli redis-cli valkey-cli) || die "there is no redis-cli; scripts/setup.sh installs it"

ask() {
    local to=$1
    shift
    "$cli" -p "$to" "$@" 2>/dev/null
}

# The port of the server that the sentinels hold for the primary.
primary() {
    local offset
    for offset in 1000 1001 1002; do
        if ask $((port + offset)) sentinel get-master-addr-by-name "$name" | sed -n 2p | grep .; then
            return
        fi
    done
}

wait_for() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 300; tries++)); do
        if "$@"; then
            return
        fi
        sleep 0.1
    done
    die "$what: not within 30 seconds; see $dir"
}

answers() {
    [ "$(ask "$1" ping)" = PONG ]
}

knows_all() {
    local facts
    facts=$(ask "$1" info sentinel | tr -d '\r')
    [[ $facts == *"status=ok"*"slaves=2,sentinels=3"* ]]
}

start() {
    local sentinel=${SENTINEL:-} number at
    [ -x "$bin" ] || die "there is no $bin; make build"
    if [ -z "$sentinel" ]; then
        sentinel=$(find_program redis8-server redis-server valkey-server) || die "there is no server that can be a sentinel"
    fi
    [ ! -e "$dir/pids" ] || die "already there, in $dir; scripts/ha.sh stop"
    mkdir -p "$dir"
    for number in 0 1 2; do
        at=$((port + number))
        mkdir -p "$dir/server-$number"
        {
            echo "port $at"
            echo "dir \"$dir/server-$number\""
            echo "logfile log"
            echo "repl-diskless-sync-delay 0"
            [ $number = 0 ] || echo "replicaof 127.0.0.1 $port"
        } >"$dir/server-$number/pollux.conf"
        "$bin" "$dir/server-$number/pollux.conf" >/dev/null 2>&1 </dev/null &
        echo "$! $at" >>"$dir/pids"
        wait_for "server $at" answers "$at"
    done
    for number in 0 1 2; do
        at=$((port + 1000 + number))
        mkdir -p "$dir/sentinel-$number"
        {
            echo "port $at"
            echo "dir \"$dir/sentinel-$number\""
            echo "logfile log"
            echo "sentinel monitor $name 127.0.0.1 $port 2"
            echo "sentinel down-after-milliseconds $name 1000"
            echo "sentinel failover-timeout $name 10000"
        } >"$dir/sentinel-$number/sentinel.conf"
        "$sentinel" "$dir/sentinel-$number/sentinel.conf" --sentinel >/dev/null 2>&1 </dev/null &
        echo "$! $at" >>"$dir/pids"
        wait_for "sentinel $at" answers "$at"
    done
    for number in 0 1 2; do
        wait_for "what sentinel $number knows" knows_all $((port + 1000 + number))
    done
    echo "Servers on $port to $((port + 2)), sentinels on $((port + 1000)) to $((port + 1002)), files in $dir."
    echo "  $cli -p $((port + 1000)) sentinel get-master-addr-by-name $name"
    echo "  scripts/ha.sh kill      and watch: tail -f $dir/sentinel-0/log"
}

status() {
    local number role
    echo "The sentinels say: the primary is on port $(primary)."
    for number in 0 1 2; do
        role=$(ask $((port + number)) role | head -1) || role=
        echo "  $((port + number)): ${role:-does not answer}"
    done
}

leads_elsewhere() {
    local now
    now=$(primary)
    [ -n "$now" ] && [ "$now" != "$1" ] && [ "$(ask "$now" role | head -1)" = master ]
}

kill_primary() {
    local old pid
    old=$(primary)
    [ -n "$old" ] || die "no sentinel answers"
    pid=$(awk -v at="$old" '$2 == at { print $1 }' "$dir/pids" | tail -1)
    [ -n "$pid" ] || die "port $old is none of ours"
    kill -9 "$pid"
    wait_for "another primary" leads_elsewhere "$old"
    status
    # It comes back as whatever its files say, and the sentinels make a replica of it.
    "$bin" "$dir/server-$((old - port))/pollux.conf" >/dev/null 2>&1 </dev/null &
    echo "$! $old" >>"$dir/pids"
    echo "Port $old is started again, and will follow $(primary) in a moment."
}

stop() {
    [ -e "$dir/pids" ] || die "nothing is running in $dir"
    while read -r pid _; do
        kill -9 "$pid" 2>/dev/null || true
    done <"$dir/pids"
    rm -r "$dir"
}

case ${1:-} in
start) start ;;
status) status ;;
kill) kill_primary ;;
stop) stop ;;
*) sed -n '2,14s/^# \{0,1\}//p' "$0" ;;
esac
