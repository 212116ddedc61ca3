#!/usr/bin/env python3
"""Throughput beside every other server on the machine, measured so that a small and noisy machine can still decide.

Our release binary, and each redis-server and valkey-server found (on PATH, in PEERS_DIR/bin, or named by --peers), run
side by side without persistence. All are pinned to one core and the load generator to another; who is not being
measured is stopped. Rounds are interleaved, ours theirs ours theirs, and the median counts, so noise meets all alike.

  scripts/bench.py                                  SET GET INCR LPUSH LPOP SADD HSET ZADD MSET at pipeline depths 1 16 64
  scripts/bench.py --tests SET,GET --depths 16 --rounds 7
  scripts/bench.py --tests all --depths 16 --keyspace 1000000 --peers valkey-server --only valkey-server
  scripts/bench.py --memory 1000000                 bytes per key: 16-byte keys, 32-byte values
  scripts/bench.py --connections 5000               what an idle connection costs, and requests/s with that many
  scripts/bench.py --peers redis=/opt/redis/src/redis-server,mine=target/old/pollux

Read two numbers together: requests per second say what a client gets, and the server's own CPU time per request says
what it cost, which stays comparable when the generator, and not the server, is the limit. `x ours` above 1 means that
we answer more, or spend less.
"""

import argparse
import csv
import io
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
R = "__rand_int__"

# name: (the command as the generator takes it, what has to be there before)
TESTS = {
    "PING": (["PING"], None),
    "SET": (["SET", "key:" + R, "{value}"], None),
    "GET": (["GET", "key:" + R], "keys"),
    "INCR": (["INCR", "counter:" + R], None),
    "LPUSH": (["LPUSH", "mylist", "{value}"], None),
    "RPUSH": (["RPUSH", "mylist", "{value}"], None),
    "LPOP": (["LPOP", "mylist"], "list"),
    "SADD": (["SADD", "myset", "element:" + R], None),
    "HSET": (["HSET", "myhash", "field:" + R, "{value}"], None),
    "HGET": (["HGET", "myhash", "field:" + R], "hash"),
    "ZADD": (["ZADD", "myzset", R, "element:" + R], None),
    "SPOP": (["SPOP", "myset"], "set"),
    "ZPOPMIN": (["ZPOPMIN", "myzset"], "zset"),
    # One of as many elements as the key space has, all in one value.
    "SADD_LARGE": (["SADD", "myset", "element:" + R], "set"),
    "SISMEMBER": (["SISMEMBER", "myset", "element:" + R], "set"),
    "ZADD_LARGE": (["ZADD", "myzset", R, "element:" + R], "zset"),
    "ZSCORE": (["ZSCORE", "myzset", "element:" + R], "zset"),
    "ZRANK": (["ZRANK", "myzset", "element:" + R], "zset"),
    "ZRANGE_LARGE": (["ZRANGE", "myzset", "{middle}", "{middle+99}"], "zset"),
    "HGETALL_100": (["HGETALL", "small"], "small hash"),
    "SMEMBERS_100": (["SMEMBERS", "small"], "small set"),
    "ZRANGE_100": (["ZRANGE", "small", "0", "-1"], "small zset"),
    "XRANGE_100": (["XRANGE", "small", "-", "+"], "small stream"),
    "SINTER": (["SINTER", "one", "two"], "two sets"),
    "LRANGE_100": (["LRANGE", "mylist", "0", "99"], "list"),
    "MSET": (["MSET"] + ["key:" + R, "{value}"] * 10, None),
    "XADD": (["XADD", "mystream", "*", "field", "{value}"], None),
    "EVAL": (["EVAL", "return redis.call('GET', KEYS[1])", "1", "key:" + R], "keys"),
}
# These eat what was there.
EMPTIED = ("LPOP", "SPOP", "ZPOPMIN")
USUAL = "SET,GET,INCR,LPUSH,LPOP,SADD,HSET,ZADD,MSET"


# ------------------------------------------------------------------------------------------------------------ servers

def encode(*args):
    args = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(arg), arg) for arg in args)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cores():
    """(the servers' core, the generator's core), or None where processes cannot be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    mine = sorted(os.sched_getaffinity(0))
    return {mine[0]}, {mine[-1]}


class Contender:
    """A running server and what it cost so far."""

    def __init__(self, name, binary):
        self.name, self.binary = name, binary
        self.dir = tempfile.mkdtemp(prefix="bench-")
        self.port = free_port()
        pin = cores()
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.dir,
             "--maxclients", "20000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir,
            preexec_fn=(lambda: os.sched_setaffinity(0, pin[0])) if pin else None)
        deadline = time.time() + 20
        while True:
            if self.process.poll() is not None or time.time() > deadline:
                raise SystemExit("bench: %s does not start: %s" % (name, binary))
            try:
                self.ask("PING")
                break
            except OSError:
                time.sleep(0.02)
        found = [line for line in self.ask("INFO", "server").decode().splitlines()
                 if line.startswith(("redis_version:", "valkey_version:"))]
        self.version = found[-1].split(":")[1] if found else "?"

    def ask(self, *args):
        """One command; the text of a one-line or bulk reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(encode(*args))
            file = connection.makefile("rb")
            line = file.readline()
            if not line:
                raise ConnectionError
            return file.read(int(line[1:])) if line[:1] == b"$" and line != b"$-1\r\n" else line[1:-2]

    def feed(self, requests, lines=1):
        """Pipelines requests whose replies have so many lines each, half a megabyte at a time."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=300) as connection:
            batch, size = [], 0
            for request in requests:
                batch.append(request)
                size += len(request)
                if size > 1 << 19 or len(batch) == 5000:
                    self._exchange(connection, batch, lines)
                    batch, size = [], 0
            self._exchange(connection, batch, lines)

    @staticmethod
    def _exchange(connection, batch, lines):
        if not batch:
            return
        connection.sendall(b"".join(batch))
        seen = 0
        while seen < len(batch) * lines:
            data = connection.recv(1 << 20)
            if not data:
                raise SystemExit("bench: a server closed the connection while it was being filled")
            seen += data.count(b"\n")

    def cpu_seconds(self):
        """CPU time of all its threads; None where /proc is not there."""
        try:
            total = 0
            for thread in os.listdir("/proc/%d/task" % self.process.pid):
                with open("/proc/%d/task/%s/schedstat" % (self.process.pid, thread), encoding="ascii") as stat:
                    total += int(stat.read().split()[0])
            return total / 1e9
        except OSError:
            return None

    def resident(self):
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, text=True, check=False)
        return int(shown.stdout or 0) * 1024

    def used_memory(self):
        for line in self.ask("INFO", "memory").decode().splitlines():
            if line.startswith("used_memory:"):
                return int(line.split(":")[1])
        return 0

    def sleep(self):
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def find_binaries(named):
    """[(name, path)] of the peers: those named, else every one found, each binary once."""
    found = []
    for item in filter(None, (named or "").split(",")):
        name, eq, path = item.rpartition("=")
        path = shutil.which(path) or path
        if not os.access(path, os.X_OK):
            raise SystemExit("bench: no such server: " + path)
        found.append((name if eq else os.path.basename(path), path))
    folders = [os.environ.get("PEERS_DIR"), os.path.expanduser("~/.cache/pollux-peers"), os.path.expanduser("~/.cache/peers")]
    for program in ("redis8-server", "valkey-server", "redis-server"):
        paths = [os.path.join(folder, "bin", program) for folder in folders if folder] + [shutil.which(program)]
        found += [(program, path) for path in paths if path and os.access(path, os.X_OK)][:1]
    seen, unique = set(), []
    for name, path in found:
        if os.path.realpath(path) not in seen:
            seen.add(os.path.realpath(path))
            unique.append((name, path))
    return unique


def find_generator():
    """The words that start the generator: `pollux bench`, which saturates a server; else a redis-benchmark."""
    ours = os.path.join(ROOT, "target", "release", "pollux")
    if os.access(ours, os.X_OK):
        return [ours, "bench"]
    other = find_benchmark()
    return [other] if other else None


def find_benchmark():
    """valkey-benchmark or redis-benchmark, the newest found."""
    folders = [os.environ.get("PEERS_DIR"), os.path.expanduser("~/.cache/pollux-peers"), os.path.expanduser("~/.cache/peers")]
    for program in ("valkey-benchmark", "redis8-benchmark", "redis-benchmark"):
        for folder in filter(None, folders):
            path = os.path.join(folder, "bin", program)
            if os.access(path, os.X_OK):
                return path
        if shutil.which(program):
            return shutil.which(program)
    return None


# --------------------------------------------------------------------------------------------------------- throughput

def prepare(server, what, opts, count):
    server.ask("FLUSHALL")
    value = b"x" * opts.size

    def filled(command, key, words, elements):
        """An aggregate of so many elements, a hundred at a time."""
        for first in range(0, elements, 100):
            yield encode(command, key, *(word for i in range(first, min(first + 100, elements)) for word in words(i)))

    def element(i):
        return b"element:%012d" % i

    # What pops empties needs an element for each request.
    size = max(opts.keyspace, count + 100)
    requests = {
        None: lambda: (),
        "keys": lambda: (encode(b"SET", b"key:%012d" % i, value) for i in range(opts.keyspace)),
        "list": lambda: filled(b"RPUSH", b"mylist", lambda i: [value], size),
        "hash": lambda: filled(b"HSET", b"myhash", lambda i: [b"field:%012d" % i, value], opts.keyspace),
        "set": lambda: filled(b"SADD", b"myset", lambda i: [element(i)], size),
        "zset": lambda: filled(b"ZADD", b"myzset", lambda i: [i * 7919 % size, element(i)], size),
        "small hash": lambda: filled(b"HSET", b"small", lambda i: [element(i), value], 100),
        "small set": lambda: filled(b"SADD", b"small", lambda i: [element(i)], 100),
        "small zset": lambda: filled(b"ZADD", b"small", lambda i: [i, element(i)], 100),
        "small stream": lambda: (encode(b"XADD", b"small", b"%d-1" % (i + 1), b"field", value) for i in range(100)),
        "two sets": lambda: (*filled(b"SADD", b"one", lambda i: [element(i)], 10000),
                             *filled(b"SADD", b"two", lambda i: [element(i + 5000)], 10000)),
    }[what]
    # XADD answers with two lines.
    lines = 2 if what == "small stream" else 1
    server.feed(requests(), lines)


def generate(server, opts, command, depth, count, clients):
    """One run of the generator. {rps, p50, p99 in ms, cpu in microseconds per request}, or None if it failed."""
    pin = cores()
    middle = opts.keyspace // 2
    values = {"{value}": "x" * opts.size, "{middle}": str(middle), "{middle+99}": str(middle + 99)}
    for name, value in values.items():
        command = [word.replace(name, value) for word in command]
    line = [*opts.generator, "-h", "127.0.0.1", "-p", str(server.port), "-n", str(count), "-c", str(clients), "-P", str(depth), "-r",
            str(opts.keyspace), "--csv", *command]
    before = server.cpu_seconds()
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False,
                          preexec_fn=(lambda: os.sched_setaffinity(0, pin[1])) if pin else None)
    after = server.cpu_seconds()
    rows = [row for row in csv.reader(io.StringIO(done.stdout)) if len(row) >= 8 and row[1] != "rps"]
    if done.returncode or not rows or "rror" in done.stderr:
        return None
    rps, _, _, p50, _, p99, _ = map(float, rows[-1][-7:])
    return {"rps": rps, "p50": p50, "p99": p99, "cpu": (after - before) / count * 1e6 if before is not None else float("nan")}


def throughput(contenders, opts, clients):
    for depth in opts.depths:
        for name in opts.tests:
            command, needs = TESTS[name]
            # Where a reply takes as long as a thousand others, a few do.
            quick = 200 * min(depth, 10) if name in ("SINTER",) else 2000 * min(depth, 10)
            fastest, alive = 0, []
            for server in contenders:
                server.wake()
                prepare(server, needs, opts, quick)
                first = generate(server, opts, command, depth, quick, clients)
                if first:
                    alive.append(server)
                    fastest = max(fastest, first["rps"])
                server.sleep()
            count = max(quick, int(fastest * opts.seconds))
            runs = {server.name: [] for server in alive}
            for round_number in range(opts.rounds):
                for server in alive:
                    server.wake()
                    if round_number == 0 or name in EMPTIED:
                        prepare(server, needs, opts, count)
                    got = generate(server, opts, command, depth, count, clients)
                    if got:
                        runs[server.name].append(got)
                    server.sleep()
            show(name, depth, count, contenders, runs)


def show(name, depth, count, contenders, runs):
    """A block of lines for a test, ours first."""
    median = {who: {key: statistics.median(run[key] for run in each) for key in each[0]} for who, each in runs.items() if each}
    ours = median.get(contenders[0].name)
    print("%s, pipeline %d, %d requests" % (name, depth, count))
    for server in contenders:
        mine = median.get(server.name)
        if not mine:
            print("  %-16s not supported" % server.name)
            continue
        line = "  %-16s %10s/s  %7.2f us CPU  p50 %7.3f ms  p99 %7.3f ms" % (
            server.name, "{:,.0f}".format(mine["rps"]), mine["cpu"], mine["p50"], mine["p99"])
        if ours and server is not contenders[0]:
            line += "   ours x %.2f in rate, x %.2f in CPU" % (ours["rps"] / mine["rps"], mine["cpu"] / ours["cpu"])
        print(line)
    sys.stdout.flush()


# ------------------------------------------------------------------------------------------------ memory, connections

def memory(contenders, opts):
    count = opts.memory
    print("%d keys of 16 bytes with values of 32: bytes per key" % count)
    for server in contenders:
        server.wake()
        server.ask("FLUSHALL")
        time.sleep(0.5)
        used, resident = server.used_memory(), server.resident()
        started = time.time()
        server.feed((encode(b"SET", b"key:%012d" % i, b"value:%026d" % i) for i in range(count)))
        took = time.time() - started
        print("  %-16s %6.1f by used_memory, %6.1f by resident size (%.1f s to fill)" %
              (server.name, (server.used_memory() - used) / count, (server.resident() - resident) / count, took), flush=True)
        server.ask("FLUSHALL")
        server.sleep()


def connections(contenders, opts):
    count = opts.connections
    print("%d idle connections: bytes each, then requests with as many" % count)
    for server in contenders:
        server.wake()
        used, resident = server.used_memory(), server.resident()
        held = []
        for _ in range(count):
            held.append(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            held[-1].sendall(b"PING\r\n")
        for connection in held:
            connection.recv(64)
        time.sleep(1.5)
        print("  %-16s %6.0f by used_memory, %6.0f by resident size" %
              (server.name, (server.used_memory() - used) / count, (server.resident() - resident) / count), flush=True)
        for connection in held:
            connection.close()
        server.sleep()
    throughput(contenders, opts, count)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server (target/release/pollux)")
    add("--peers", help="further servers: [name=]path, comma separated")
    add("--only", help="only these contenders beside ours, by name, comma separated; - for none")
    add("--generator", type=str.split, default=find_generator(),
        help="`pollux bench`, or a redis-benchmark or valkey-benchmark (%(default)s)")
    add("--tests", default=USUAL, help="all, or of: " + " ".join(TESTS))
    add("--depths", default="1,16,64", help="pipeline depths (%(default)s)")
    add("--rounds", type=int, default=3, help="interleaved rounds; the median counts (%(default)s)")
    add("--seconds", type=float, default=1.0, help="length of one run on the fastest server (%(default)s)")
    add("--clients", type=int, default=50, help="connections of the generator (%(default)s)")
    add("--keyspace", type=int, default=100000, help="random keys and elements are one of so many (%(default)s)")
    add("--size", type=int, default=3, help="bytes of a value (%(default)s)")
    add("--memory", type=int, metavar="KEYS", help="measure bytes per key instead")
    add("--connections", type=int, metavar="N", help="measure idle connections, then throughput with N of them")
    opts = parser.parse_args()
    opts.tests = list(TESTS) if opts.tests == "all" else [name.upper() for name in opts.tests.split(",")]
    opts.depths = [int(depth) for depth in opts.depths.split(",")]
    unknown = [name for name in opts.tests if name not in TESTS]
    if unknown:
        parser.error("no such test: " + unknown[0])
    if not opts.generator and not opts.memory:
        parser.error("no generator found; `make build` makes one")
    if opts.generator and opts.generator[1:] == ["bench"] and len(set().union(*(cores() or ()))) == 2:
        # With a core of its own it may look for replies all the time, and the server pays for waking nobody.
        opts.generator.append("--spin")
    raise_file_limit()
    ours = shutil.which(opts.bin) or opts.bin
    peers = find_binaries(opts.peers)
    if opts.only:
        peers = [(name, path) for name, path in peers if name in opts.only.split(",")]
    contenders = []
    try:
        for name, path in [("ours", os.path.abspath(ours))] + peers:
            contenders.append(Contender(name, path))
        print("servers: " + ", ".join("%s %s" % (server.name, server.version) for server in contenders))
        if opts.generator:
            print("generator: %s, %d connections%s" % (" ".join([os.path.basename(opts.generator[0]), *opts.generator[1:]]), opts.clients,
                                                       "" if cores() else "; processes cannot be pinned on this system"))
        for server in contenders:
            server.sleep()
        if opts.memory:
            memory(contenders, opts)
        elif opts.connections:
            connections(contenders, opts)
        else:
            throughput(contenders, opts, opts.clients)
    finally:
        for server in contenders:
            server.stop()
    return 0


def raise_file_limit():
    """Thousands of connections need as many descriptors, here and in the servers we start."""
    try:
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))
    except (ImportError, ValueError, OSError):
        pass


if __name__ == "__main__":
    sys.exit(main())
