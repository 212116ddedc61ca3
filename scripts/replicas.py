#!/usr/bin/env python3
"""What replication costs: our primary with our replica, then the same with each real server that is found.

  full sync   a primary with many keys, written to all the while, gets its first replica: how long until the link is up,
              what both spent (children included; the writes that came meanwhile are taken off, each at what one cost
              before), how much memory the primary took for it (at its peak; of that the stream that is kept for the
              replica, the keys that were written meanwhile, and the rest), how long its other clients waited (p99.9 and
              longest of a small request, before and meanwhile), and how much of a second its loop was ready to run and
              had no core, which is the machine's part in that
  apply       a replica that was stopped catches up with a long stretch of the stream: CPU a command
  cost        CPU a write on the primary, first without and then with one replica in the same process, until the replica
              has all of it

  scripts/replicas.py                              everything, with 2,000,000 keys
  scripts/replicas.py --keys 200000 --parts apply --peers ~/valkey-server

Rounds alternate between the servers. Waits of all rounds are taken together, of other figures the middle one is shown.
CPU comes from /proc, so this needs Linux; ratios between servers of one run are what stays true on a busy machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "peers"))

from servers import Server, find_program, find_tool

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 300
# What both sides are started with: a backlog that holds everything, and a replica that nobody gives up on.
FLAGS = ["--repl-diskless-sync-delay", "0", "--repl-backlog-size", "1gb", "--repl-timeout", "600",
         "--client-output-buffer-limit", "replica 0 0 0"]
VALUE = 32
QUIET_S = 5


def cpu(server):
    """Seconds of the processor, those of children that ended included."""
    with open("/proc/%d/stat" % server.process.pid, encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def without_core(server):
    """Seconds that the first thread was ready to run and had no core."""
    with open("/proc/%d/schedstat" % server.process.pid, encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e9


def processed(connection):
    return int(info(connection, "stats")["total_commands_processed"])


def resident(server):
    """Bytes that belong to the server and its children alone."""
    total = 0
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, text=True, check=False)
    for pid in [str(server.process.pid), *children.stdout.split()]:
        try:
            with open("/proc/%s/smaps_rollup" % pid, encoding="ascii") as file:
                total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return total


def info(connection, section="replication"):
    lines = connection("INFO", section).text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def wait_until(true, what):
    deadline = time.time() + PATIENCE
    while not true():
        if time.time() > deadline:
            raise SystemExit("replicas: no end of waiting for %s" % what)
        time.sleep(0.01)


class Load:
    """redis-benchmark writing to `server` until stopped; `count` requests, or as many as there is time for."""

    def __init__(self, server, keys, count=10 ** 9, clients=10, depth=1):
        self.process = subprocess.Popen(
            [find_tool("benchmark"), "-p", str(server.port), "-c", str(clients), "-P", str(depth), "-n", str(count), "-r", str(keys),
             "-q", "SET", "key:__rand_int__", "x" * VALUE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self):
        self.process.wait()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Probe(threading.Thread):
    """One client that asks a small thing every millisecond and keeps how long each answer took."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.connection, self.waits, self.is_over = server.connect(60), [], False
        self.start()

    def run(self):
        while not self.is_over:
            asked = time.perf_counter()
            self.connection("GET", "probe")
            self.waits.append(time.perf_counter() - asked)
            time.sleep(0.001)

    def end(self):
        self.is_over = True
        self.join()
        return self.waits


def is_linked(replica):
    state = info(replica)
    return state.get("master_link_status") == "up" and state.get("master_sync_in_progress") == "0"


class Memory:
    """What a primary takes, and at its peak of what it consists. A new key is taken to cost what the old ones do."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.base, self.stream_base, self.keys_base = self.look()
        self.key_bytes = int(info(connection, "memory")["used_memory"]) / self.keys_base
        self.most, self.stream, self.keys = self.base, self.stream_base, self.keys_base

    def look(self):
        stream = int(info(self.connection, "memory")["mem_total_replication_buffers"])
        return resident(self.server), stream, int(self.connection("DBSIZE").text())

    def sample(self):
        now = self.look()
        if now[0] > self.most:
            self.most, self.stream, self.keys = now

    def parts(self):
        grown = self.most - self.base
        stream, keys = self.stream - self.stream_base, (self.keys - self.keys_base) * self.key_bytes
        return {
            "memory +%": 100 * grown / self.base, "stream MB": stream / 1e6, "new keys MB": keys / 1e6,
            "the rest +%": 100 * (grown - stream - keys) / self.base,
        }


def full_sync(binary, opts):
    primary, replica = Server(binary, "primary", FLAGS), Server(binary, "replica", FLAGS)
    try:
        at_primary, at_replica = primary.connect(120), replica.connect(120)
        at_primary("DEBUG", "POPULATE", opts.keys, "key", VALUE)
        load = Load(primary, opts.keys)
        time.sleep(1)
        # Writes before: what one of them costs, with the probe.
        probe, spent, done, idle = Probe(primary), cpu(primary), processed(at_primary), without_core(primary)
        time.sleep(QUIET_S)
        write = (cpu(primary) - spent) / (processed(at_primary) - done)
        quiet_idle, quiet = (without_core(primary) - idle) / QUIET_S, probe.end()
        memory = Memory(primary, at_primary)
        probe, started, idle = Probe(primary), time.time(), without_core(primary)
        spent, done, replica_spent = cpu(primary), processed(at_primary), cpu(replica)
        at_replica("REPLICAOF", "127.0.0.1", primary.port)
        while not is_linked(at_replica):
            memory.sample()
            time.sleep(0.05)
            if time.time() - started > PATIENCE:
                raise SystemExit("replicas: the link does not come up")
        seconds = time.time() - started
        idle, busy = (without_core(primary) - idle) / seconds, probe.end()
        time.sleep(0.3)                             # a child that served is counted when it was waited for
        writes = processed(at_primary) - done
        result = {
            "seconds": seconds, "writes meanwhile k": writes / 1e3,
            "CPU primary s": cpu(primary) - spent - write * writes, "CPU replica s": cpu(replica) - replica_spent,
            **memory.parts(),
            "quiet waits": quiet, "waits": busy, "quiet no core s/s": quiet_idle, "no core s/s": idle,
        }
        load.stop()
        return result
    finally:
        primary.discard()
        replica.discard()


def caught_up(at_primary, at_replica):
    return int(info(at_replica).get("slave_repl_offset", -1)) >= int(info(at_primary)["master_repl_offset"])


def joined(binary):
    """A primary and its replica, in step."""
    primary, replica = Server(binary, "primary", FLAGS), Server(binary, "replica", FLAGS)
    at_replica = replica.connect(120)
    at_replica("REPLICAOF", "127.0.0.1", primary.port)
    wait_until(lambda: is_linked(at_replica), "the link")
    return primary, replica, primary.connect(120), at_replica


def apply(binary, opts):
    primary, replica, at_primary, at_replica = joined(binary)
    try:
        replica.process.send_signal(19)             # SIGSTOP
        Load(primary, opts.keys, opts.commands, clients=50, depth=16).wait()
        spent = cpu(replica)
        replica.process.send_signal(18)             # SIGCONT
        started = time.time()
        wait_until(lambda: caught_up(at_primary, at_replica), "the replica")
        return {"us a command": (cpu(replica) - spent) / opts.commands * 1e6, "seconds": time.time() - started}
    finally:
        primary.discard()
        replica.discard()


def cost(binary, opts):
    primary, replica = Server(binary, "primary", FLAGS), Server(binary, "replica", FLAGS)
    at_primary, at_replica = primary.connect(120), replica.connect(120)

    def writes(is_done):
        spent = cpu(primary)
        Load(primary, opts.keys, opts.commands, clients=50, depth=16).wait()
        while not is_done():
            time.sleep(0.1)
        return (cpu(primary) - spent) / opts.commands * 1e6

    try:
        writes(lambda: True)                        # the keys are there afterwards
        without = writes(lambda: True)
        at_replica("REPLICAOF", "127.0.0.1", primary.port)
        wait_until(lambda: is_linked(at_replica) and caught_up(at_primary, at_replica), "the link")
        time.sleep(0.5)
        with_one = writes(lambda: caught_up(at_primary, at_replica))
    finally:
        primary.discard()
        replica.discard()
    return {"us alone": without, "us with one": with_one, "more %": 100 * (with_one / without - 1)}


def middle(rounds):
    """One column: of waits p99.9 and the longest in milliseconds, and how they compare; of the rest the median."""
    column = {}
    for row, first in rounds[0].items():
        if not isinstance(first, list):
            column[row] = statistics.median(one[row] for one in rounds)
            continue
        waits = sorted(wait for one in rounds for wait in one[row])
        name = row.replace("waits", "").strip()
        column[(name + " p99.9 ms").strip()] = waits[int(len(waits) * 0.999)] * 1e3
        column[(name + " longest ms").strip()] = waits[-1] * 1e3
    if "quiet p99.9 ms" in column:
        column["p99.9 of quiet"] = column["p99.9 ms"] / column["quiet p99.9 ms"]
    return column


PARTS = {"sync": full_sync, "apply": apply, "cost": cost}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="ours (%(default)s)")
    parser.add_argument("--peers", default=",".join(filter(None, [find_program("redis8-server", "redis-server"), find_program("valkey-server")])),
                        help="real servers, comma separated (%(default)s)")
    parser.add_argument("--keys", type=int, default=2_000_000)
    parser.add_argument("--commands", type=int, default=2_000_000, help="writes of apply and cost (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--parts", default="sync,apply,cost", help="(%(default)s)")
    opts = parser.parse_args()
    servers = [("ours", opts.bin)] + [(os.path.basename(path).replace("-server", ""), path) for path in opts.peers.split(",") if path]
    for part in opts.parts.split(","):
        rounds = {name: [] for name, _ in servers}
        for at in range(opts.rounds):
            for name, binary in servers:
                print("replicas: %s, %s, %d of %d" % (part, name, at + 1, opts.rounds), file=sys.stderr, flush=True)
                rounds[name].append(PARTS[part](binary, opts))
        found = {name: middle(each) for name, each in rounds.items()}
        print("\n%-18s" % part + "".join("%14s" % name for name in found))
        for row in found["ours"]:
            print("%-18s" % row + "".join("%14.2f" % found[name][row] for name in found), flush=True)


if __name__ == "__main__":
    sys.exit(main())
