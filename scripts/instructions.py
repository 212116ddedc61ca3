#!/usr/bin/env python3
"""Counts the instructions our server spends on a request, outside the kernel, with valgrind's callgrind.

Instructions are not time, but they hardly vary: a busy machine, a cold cache or a noisy neighbour do not change them,
so a step of a few percent in a change is seen, and a ceiling can be part of the tests. What they do not see: system
calls, cache misses, contention.

  scripts/instructions.py                  a table: twelve commands at pipeline depths 1, 16 and 64
  scripts/instructions.py --by-function    where they go: a table of functions, for --depths 16 unless told otherwise
  scripts/instructions.py --check          compares with tests/instructions.json; 10 % more is a failure
  scripts/instructions.py --update         keeps today's numbers as the ceiling
  scripts/instructions.py --told replica   the same while a replica is told of all that changes; or log, for appendonly
  scripts/instructions.py --bin redis-server --tests GET --depths 16
  scripts/instructions.py --user '+@all ~a:* ~key:* (+get ~b:*)'      as a user with these rules
  scripts/instructions.py --confined       what two users with ten patterns and three selectors pay more than one who may all;
                                           with --check, more than 15 % is a failure
  scripts/instructions.py --options '--page-port 7001'                with more words for the server
  scripts/instructions.py --page           GET and SET without a page, with one, and with somebody who watches it

Fifty connections send `depth` requests each while the server is stopped, then it goes on and answers all of them: so
each turn of its loop finds the same work, however slow valgrind makes it. The counters are read before and after the
measured requests, so starting, filling and warming up cost nothing.

What happens by the clock (with --page: ten frames a second, and requests noted once in so many milliseconds) would come
many times as often for each request as it does without valgrind. So the server's clock runs slower there (`slow.c`), by
as much as makes a thousand requests last about as long as they do without. How many there were for a frame is told.
"""

import argparse
import bisect
import collections
import concurrent.futures
import glob
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import ceilings as kept
from bench import encode, free_port
from watched import Viewer

CEILINGS = os.path.join(ROOT, "tests", "instructions.json")
CONNECTIONS = 50
KEYS = 10000
ALLOWED = 1.10
TESTS = "GET,SET,INCR,LPUSH,RPOP,HSET,HGET,SADD,ZADD,MSET,LRANGE_100,XADD"


# Each gives the i-th request; keys are 16 bytes and met in a fixed scattered order.
def scattered(i):
    return i * 7919 % KEYS


COMMANDS = {
    "GET": lambda i: encode(b"GET", b"key:%012d" % scattered(i)),
    "SET": lambda i: encode(b"SET", b"key:%012d" % scattered(i), b"value:%026d" % i),
    "INCR": lambda i: encode(b"INCR", b"num:%012d" % scattered(i)),
    "LPUSH": lambda i: encode(b"LPUSH", b"mylist", b"xxx"),
    "PING": lambda i: encode(b"PING"),
    "HSET": lambda i: encode(b"HSET", b"myhash", b"field:%010d" % scattered(i), b"xxx"),
    "HGET": lambda i: encode(b"HGET", b"myhash", b"field:%010d" % scattered(i)),
    "SADD": lambda i: encode(b"SADD", b"myset", b"element:%08d" % scattered(i)),
    "ZADD": lambda i: encode(b"ZADD", b"myzset", b"%d" % scattered(i * 3), b"element:%08d" % scattered(i)),
    "LRANGE_100": lambda i: encode(b"LRANGE", b"range", b"0", b"99"),
    "RPOP": lambda i: encode(b"RPOP", b"mylist"),
    "MSET": lambda i: encode(b"MSET", *[word for nth in range(10) for word in (b"key:%012d" % scattered(i * 10 + nth), b"value:%026d" % i)]),
    "XADD": lambda i: encode(b"XADD", b"mystream", b"*", b"field", b"value:%08d" % i),
}


# A document of a kilobyte with thirty fields. One of its texts is long and short by turns.
def document(i):
    names = ["name", "email", "phone", "street", "city", "region", "country", "created", "balance", "level"]
    fields = ['"%s%d":%s' % (name, nth, (i, '"a text about it %06d"' % i, "%d.5" % (i % 1000))[(at + nth) % 3])
              for nth in range(3) for at, name in enumerate(names)]
    return ("{%s}" % ",".join(fields)).encode()


COMMANDS.update({
    "JSON": lambda i: encode(b"JSON.SET", b"doc:%012d" % i, b"$", document(i)),
    "JSON.GET": lambda i: encode(b"JSON.GET", b"doc:%012d" % scattered(i), b"$.street1"),
    "JSON.SET": lambda i: encode(b"JSON.SET", b"doc:%012d" % scattered(i), b"$.email0", b'"a text %s"' % (b"longer" * (i // KEYS % 2))),
    "JSON.NUMINCRBY": lambda i: encode(b"JSON.NUMINCRBY", b"doc:%012d" % scattered(i), b"$.level0", b"1"),
    "HINCRBY": lambda i: encode(b"HINCRBY", b"myhash", b"number:%010d" % scattered(i), b"1"),
})
# A script and a function of one GET, and one script that sets a key a hundred times.
SCRIPT = b"return redis.call('GET', KEYS[1])"
LIBRARY = b"#!lua name=mine\nredis.register_function('mine', function(keys, args) return redis.call('GET', keys[1]) end)"
CALLS = b"for i = 1, 100 do redis.call('SET', KEYS[1], i) end"
COMMANDS.update({
    "EVALSHA": lambda i: encode(b"EVALSHA", hashlib.sha1(SCRIPT).hexdigest().encode(), b"1", b"key:%012d" % scattered(i)),
    "FCALL": lambda i: encode(b"FCALL", b"mine", b"1", b"key:%012d" % scattered(i)),
    "CALLS_100": lambda i: encode(b"EVAL", CALLS, b"1", b"key:%012d" % scattered(i)),
})
# Line ends of a reply, where that is not one.
LINES = {"GET": 2, "EVALSHA": 2, "FCALL": 2, "HGET": 2, "RPOP": 2, "XADD": 2, "LRANGE_100": 201, "JSON.GET": 2, "JSON.NUMINCRBY": 2}
# What a server is started with so that somebody is told of changes. A replica of ours never acknowledges anything.
TOLD = {
    "nobody": ["--appendonly", "no"],
    "log": ["--appendonly", "yes", "--appendfsync", "no"],
    "replica": ["--appendonly", "no", "--repl-timeout", "3600", "--client-output-buffer-limit", "replica 0 0 0"],
}
# The ceilings have this for each of the others who may be told, besides the tests for a server that tells nobody.
ALSO_TOLD = [(told, ["SET"], [16]) for told in TOLD if told != "nobody"]
# Users whose rules have ten patterns of keys and three selectors. The keys of the tests begin with `key:0`: they are
# granted by the last pattern, or by the last selector among others that begin alike.
COMMANDS_GRANTED = "+@read +@write +@connection"
CONFINED = {
    "by the tenth pattern": COMMANDS_GRANTED + " " + " ".join("~%s:*" % name for name in "abcdefghi") +
                            " ~key:* (+get +set ~one:*) (+@string ~two:*) (+@all ~three:*)",
    "by the third selector": COMMANDS_GRANTED + " " + " ".join("~key:%d*" % digit for digit in range(1, 10)) +
                             " ~key:a* (+get +set ~key:b*) (+@string ~key:c*) (+@all ~key:0*)",
}
ALLOWED_CONFINED = 1.15
# Commands that do much are sent a tenth as often.
LONG = {"LRANGE_100", "MSET", "CALLS_100"}


class Counted:
    """The server under callgrind."""

    # Words for every server, the rules of the user that every connection is, and more of its environment.
    options, rules, environment = [], "", {}

    def __init__(self, binary, told, by_address=False):
        self.binary = binary
        self.dir = tempfile.mkdtemp(prefix="instructions-")
        self.port = free_port()
        self.out = os.path.join(self.dir, "callgrind.out")
        self.dumps = 0
        self.log = open(os.path.join(self.dir, "log"), "wb")
        # The server would start itself again to make room for its title, and valgrind would not follow.
        self.process = subprocess.Popen(
            ["sh", "-c", 'export POLLUX_HAS_ROOM=$$; exec "$@"', "sh", "valgrind", "--tool=callgrind", "-q", "--callgrind-out-file=" + self.out]
            + (["--dump-instr=yes", "--compress-pos=no", "--compress-strings=no"] if by_address else []) + [binary, "--port", str(self.port), "--bind",
             "127.0.0.1", "--save", "", "--set-proc-title", "no", "--dir", self.dir, *self.options] + TOLD[told],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.dir, env={**os.environ, **self.environment})
        deadline = time.time() + 120
        while True:
            if self.process.poll() is not None or time.time() > deadline:
                with open(self.log.name, encoding="utf-8", errors="replace") as text:
                    raise SystemExit("instructions: the server does not run under valgrind:\n" + text.read()[-3000:])
            try:
                self.connections = [self.connect() for _ in range(CONNECTIONS)]
                break
            except OSError:
                time.sleep(0.1)
        self.send(0, encode(b"PING"))
        self.lines(0, 1)
        if self.rules:
            self.send(0, encode(b"ACL", b"SETUSER", b"counted", b"on", b"nopass", *self.rules.encode().split()))
            self.lines(0, 1)
            for number in range(CONNECTIONS):
                self.send(number, encode(b"AUTH", b"counted", b"x"))
                self.lines(number, 1)
        self.replica = None
        if told == "replica":
            self.follow()

    def follow(self):
        """A replica joins, whose bytes are read and forgotten."""
        def read():
            try:
                while self.replica.recv(1 << 20):
                    pass
            except OSError:
                pass
        self.replica = self.connect()
        self.replica.settimeout(None)
        self.replica.sendall(encode(b"PSYNC", b"?", b"-1"))
        threading.Thread(target=read, daemon=True).start()
        deadline, state = time.time() + 120, b""
        while b"state=online" not in state:
            if time.time() > deadline:
                raise SystemExit("instructions: the replica does not come up")
            time.sleep(0.2)
            self.send(0, encode(b"INFO", b"replication"))
            state = self.connections[0].recv(1 << 20)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def send(self, number, data):
        self.connections[number].sendall(data)

    def lines(self, number, count):
        """Reads so many line ends; every reply here has a known number of them."""
        while count > 0:
            data = self.connections[number].recv(1 << 20)
            if not data:
                raise SystemExit("instructions: the server closed a connection: " + open(self.log.name, errors="replace").read()[-3000:])
            count -= data.count(b"\n")

    def run(self, make, lines_each, first, requests, depth):
        """`requests` in turns of `depth` on each connection; the server sleeps while they are sent."""
        index = first
        while index < first + requests:
            self.process.send_signal(signal.SIGSTOP)
            while not self.is_stopped():
                time.sleep(0.0002)
            for number in range(CONNECTIONS):
                self.send(number, b"".join(make(index + i) for i in range(depth)))
                index += depth
            self.process.send_signal(signal.SIGCONT)
            for number in range(CONNECTIONS):
                self.lines(number, lines_each * depth)
        return index

    def is_stopped(self):
        """A signal takes its time, and requests that come before it has would make turns of their own."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"

    def instructions(self):
        """How many since this was last asked. A dump also sets the counters to zero."""
        self.dumps += 1
        subprocess.run(["callgrind_control", "-d", str(self.process.pid)], capture_output=True, timeout=60, check=False)
        path = "%s.%d" % (self.out, self.dumps)
        deadline = time.time() + 30
        while time.time() < deadline:
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as dump:
                    found = [int(line.split()[1]) for line in dump if line.startswith(("summary:", "totals:"))]
                if found:
                    return found[-1]
            time.sleep(0.05)
        raise SystemExit("instructions: callgrind_control gave no dump; have %s" % glob.glob(self.out + "*"))

    def by_function(self, names):
        """{function: instructions} of the last dump. Valgrind does not know our functions, so addresses are looked up."""
        counts = collections.Counter()
        starts = [start for start, _ in names]
        for path in glob.glob("%s.%d*" % (self.out, self.dumps)):
            with open(path, encoding="utf-8", errors="replace") as dump:
                file = function = ""
                is_call = False
                for line in dump:
                    if line.startswith("ob="):
                        file = line[3:].strip()
                    elif line.startswith("fn="):
                        function = line[3:].strip()
                    elif line.startswith("calls="):
                        # The next line says what the call cost altogether.
                        is_call = True
                    elif line.startswith("0x"):
                        address, count = line.split()[0], line.split()[-1]
                        if not is_call:
                            at = bisect.bisect_right(starts, int(address, 16)) - 1
                            is_ours = os.path.exists(file) and os.path.samefile(file, self.binary)
                            counts[names[at][1] if is_ours else os.path.basename(file) + ": " + function] += int(count)
                        is_call = False
        return counts

    def stop(self):
        for connection in self.connections + [self.replica] * (self.replica is not None):
            connection.close()
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def fill(server, name):
    """What the command needs to find, sent a hundred at a time."""
    make = {"GET": COMMANDS["SET"], "SET": COMMANDS["SET"], "INCR": COMMANDS["INCR"], "HGET": COMMANDS["HSET"],
            "HSET": COMMANDS["HSET"], "SADD": COMMANDS["SADD"], "ZADD": COMMANDS["ZADD"], "MSET": COMMANDS["SET"],
            "RPOP": COMMANDS["LPUSH"], "LRANGE_100": lambda i: encode(b"RPUSH", b"range", b"xxx"),
            "HINCRBY": COMMANDS["HINCRBY"], "EVALSHA": COMMANDS["SET"], "FCALL": COMMANDS["SET"]}.get(name)
    if name.startswith("JSON."):
        make = COMMANDS["JSON"]
    first = {"EVALSHA": [(encode(b"SCRIPT", b"LOAD", SCRIPT), 2)], "FCALL": [(encode(b"FUNCTION", b"LOAD", b"REPLACE", LIBRARY), 2)]}
    for request, lines in [(encode(b"FLUSHALL"), 1)] + first.get(name, []):
        server.send(0, request)
        server.lines(0, lines)
    count = 0 if make is None else {"LRANGE_100": 200, "RPOP": 4 * KEYS}.get(name, KEYS)
    for start in range(0, count, 100):
        server.send(0, b"".join(make(i) for i in range(start, start + 100)))
        server.lines(0, 100)


def rounds(server, name, depth, requests):
    """Runs a test, and leaves the counters where the measured requests are in them. Returns how many those were."""
    make, lines_each = COMMANDS[name], LINES.get(name, 1)
    fill(server, name)
    turn = CONNECTIONS * depth
    warm = turn * max(2, 2000 // turn)
    count = turn * max(2, (requests // 10 if name in LONG else requests) // turn)
    index = server.run(make, lines_each, 0, warm, depth)
    server.instructions()
    server.run(make, lines_each, index, count, depth)
    return count


def measure(binary, told, tests, depths, requests):
    """{test: {depth: instructions per request}}"""
    server = Counted(binary, told)
    try:
        result = {}
        for name in tests:
            row = result[name if told == "nobody" else "%s, told to the %s" % (name, told)] = {}
            for depth in depths:
                count = rounds(server, name, depth, requests)
                row[str(depth)] = round(server.instructions() / count)
        return result
    finally:
        server.stop()


def functions(binary, told, tests, depth, requests):
    """Prints where the instructions of a request go, function by function; what was compiled into one counts for it."""
    lines = subprocess.run(["nm", "-C", "-n", "--defined-only", binary], capture_output=True, text=True, check=True).stdout.splitlines()
    names = [(int(line.split()[0], 16), line.split(None, 2)[2]) for line in lines if line.split()[1] in "tTwW"]
    server = Counted(binary, told, by_address=True)
    columns = {}
    try:
        for name in tests:
            count = rounds(server, name, depth, requests)
            server.instructions()
            columns[name] = {function: cost / count for function, cost in server.by_function(names).items()}
    finally:
        server.stop()
    print("instructions per request by function, P=%d, %d connections" % (depth, CONNECTIONS))
    print("".join("%11s" % name for name in tests))
    print("".join("%11s" % "{:,}".format(round(sum(columns[name].values()))) for name in tests) + "  all")
    most = {function: max(columns[name].get(function, 0) for name in tests) for column in columns.values() for function in column}
    for function in sorted(most, key=most.get, reverse=True):
        if most[function] >= 5:
            cells = [columns[name].get(function, 0) for name in tests]
            print("".join("%11s" % (round(cell) if cell >= 0.5 else "") for cell in cells) + "  " + function[:110])


def page(binary, tests, depths, requests, slowness):
    """Prints what the live page costs: nobody has it, nobody looks at it, somebody does."""
    folder, port = tempfile.mkdtemp(prefix="instructions-"), free_port()
    shim = os.path.join(folder, "slow.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, os.path.join(ROOT, "scripts", "slow.c")], check=True)
    Counted.environment = {"LD_PRELOAD": shim, "SLOW_CLOCK": str(slowness)}
    words, rows = Counted.options, {}
    for name in ("no page", "a page", "a viewer"):
        Counted.options = words + ([] if name == "no page" else ["--page-port", str(port)])
        server = Counted(binary, "nobody")
        viewer = Viewer(port) if name == "a viewer" else None
        try:
            for test in tests:
                for depth in depths:
                    row = rows.setdefault((test, depth), [])
                    before, began = viewer.frames if viewer else 0, time.time()
                    count = rounds(server, test, depth, requests)
                    row.append(server.instructions() / count)
                    if viewer:
                        row.append(count / max(1, viewer.frames - before))
        finally:
            server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    print("instructions per request, %d connections" % CONNECTIONS)
    print("%-16s%12s%20s%20s%24s" % ("", "no page", "a page", "a viewer", "requests for a frame"))
    for (test, depth), (without, idle, watched, frame) in rows.items():
        cells = ["{:,.0f} ({:+.1f} %)".format(value, 100 * (value / without - 1)) for value in (idle, watched)]
        print("%-16s%12s%20s%20s%24s" % ("%s P=%d" % (test, depth), "{:,.0f}".format(without), *cells, "{:,.0f}".format(frame)))


def table(measured, ceilings):
    depths = sorted({int(depth) for row in measured.values() for depth in row})
    print("instructions per request, %d connections" % CONNECTIONS)
    print("%-24s" % "" + "".join("%22s" % ("P=%d" % depth) for depth in depths))
    for name, row in measured.items():
        cells = []
        for depth in depths:
            if str(depth) not in row:
                cells.append("%22s" % "")
                continue
            value, ceiling = row[str(depth)], ceilings.get(name, {}).get(str(depth))
            change = " (%+.1f %%)" % (100 * (value / ceiling - 1)) if ceiling else ""
            cells.append("%22s" % ("{:,}".format(value) + change))
        print("%-24s" % name + "".join(cells))


def confined(binary, told, tests, depths, requests):
    """Prints what a confined user pays more, and returns how many times the most expensive one pays."""
    plain = measure(binary, told, tests, depths, requests)
    print("instructions per request of users with ten patterns and three selectors, %d connections" % CONNECTIONS)
    print("%-16s%6s%10s" % ("", "", "all") + "".join("%30s" % name for name in CONFINED))
    columns, worst = [], 0.0
    for rules in CONFINED.values():
        Counted.rules = rules
        columns.append(measure(binary, told, tests, depths, requests))
    for name, row in plain.items():
        for depth, count in row.items():
            counts = [column[name][depth] for column in columns]
            worst = max(worst, *[one / count for one in counts])
            print("%-16s%6s%10s" % (name, "P=" + depth, "{:,}".format(count)) +
                  "".join("%30s" % "{:,} ({:+.1f} %)".format(one, 100 * (one / count - 1)) for one in counts))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"))
    parser.add_argument("--tests", default=TESTS, help="of: " + " ".join(COMMANDS))
    parser.add_argument("--depths", help="how many requests at once (1,16,64)")
    parser.add_argument("--told", choices=TOLD, help="who is told of changes (nobody; the ceilings have a little of the others, too)")
    parser.add_argument("--by-function", action="store_true", help="show where they go")
    parser.add_argument("--requests", type=int, default=20000, help="measured requests for each number (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many servers at a time (%(default)s)")
    parser.add_argument("--check", action="store_true", help="fail when a number grew by more than 10 %%")
    parser.add_argument("--user", default="", help="rules of the user that asks, if not the default one")
    parser.add_argument("--confined", action="store_true", help="GET and SET as confined users, beside the default one")
    parser.add_argument("--options", default="", help="more words for the server")
    parser.add_argument("--page", action="store_true", help="what the live page costs")
    parser.add_argument("--slowness", type=int, default=12, help="how much slower the server's clock is with --page (%(default)s)")
    parser.add_argument("--update", action="store_true", help="write tests/instructions.json")
    opts = parser.parse_args()
    told = opts.told or "nobody"
    if not shutil.which("valgrind") or not shutil.which("callgrind_control"):
        print("instructions: valgrind is not installed, nothing was counted", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    Counted.rules, Counted.options = opts.user, opts.options.split()
    binary = shutil.which(opts.bin) or opts.bin
    tests, binary = opts.tests.split(","), os.path.abspath(binary)
    if opts.page:
        tests = tests if opts.tests != TESTS else ["GET", "SET"]
        page(binary, tests, [int(depth) for depth in (opts.depths or "1,16").split(",")], opts.requests, opts.slowness)
        return 0
    if opts.by_function:
        for depth in (opts.depths or "16").split(","):
            functions(binary, told, tests, int(depth), opts.requests)
        return 0
    if opts.confined:
        tests = ["GET", "SET"] if opts.tests == TESTS else tests
        worst = confined(binary, told, tests, [int(depth) for depth in (opts.depths or "1,16").split(",")], opts.requests)
        return int(opts.check and worst > ALLOWED_CONFINED)
    plans = [(told, tests, [int(depth) for depth in (opts.depths or "1,16,64").split(",")])]
    if not opts.told and (opts.check or opts.update):
        plans += ALSO_TOLD
    # Each in a server of its own, as many at a time as there are processors.
    pieces = [(told, [test], depths) for told, tests, depths in plans for test in tests]
    measured = {}
    with concurrent.futures.ThreadPoolExecutor(opts.jobs) as pool:
        for rows in pool.map(lambda piece: measure(binary, *piece, opts.requests), pieces):
            measured.update(rows)
    ceilings = kept.read(CEILINGS)
    table(measured, ceilings)
    if opts.update:
        for name, row in measured.items():
            ceilings.setdefault(name, {}).update(row)
        kept.write(CEILINGS, ceilings, sort_keys=True)
    if opts.check:
        grown = ["%s at P=%s: %d instructions, the ceiling is %d" % (name, depth, value, ceilings[name][depth])
                 for name, row in measured.items() for depth, value in row.items()
                 if value > ALLOWED * ceilings.get(name, {}).get(depth, value)]
        return kept.verdict(CEILINGS, ceilings, grown, " with callgrind_annotate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
