#!/usr/bin/env python3
"""Everything that is tested with real peers, as `make test` runs it.

  tools        the real redis-cli and redis-benchmark on our server               tools.py
  differ       random commands, replies compared, with a seed that never changes  differ.py
  transcripts  what tests/transcripts has a server answer, asked of the real one  transcripts.py
  values       large values of every encoding, as bytes and as digests            values.py
  lua          random scripts and functions, replies compared                     lua.py
  vectors      random commands on vector sets, replies compared, and payloads     vectors.py
  documents    random commands on JSON documents, beside a model                  documents.py
  garbage      random bytes, likewise                                             garbage.py
  propagation  what random commands leave in the append-only file                 propagation.py
  acl          random rules of users and what they may do                        acl.py
  databases    users who are confined to databases, beside a real Valkey         databases.py
  debugger     sessions of the debugger of scripts, and what they leave behind       debugger.py
  guard        strangers, users, secrets: what keeps them within their bounds    guard.py
  exchange     files written by one and read by the other                         exchange.py
  tls          encrypted connections: real clients, harm, replicas                tls.py
  replication  primaries and replicas, ours and real ones, with links that break  replication.py
  migrate      keys that move between ours and a real server                      migrate.py
  sentinel     real sentinels that fail over servers of ours, killed under load    sentinel.py
  page         the live page in a real browser, where there is a Chromium             page.py
  disk         disks that fail, and what both say and do                          disk.py
  crash        our server killed under load, and what is left; a new seed each time  crash.py

Each test prints a line; the last line is the count. --only takes words of the names, so `--only rdb` runs two.

Tests mostly wait for one another's moments, so --jobs of them run side by side, each in a process that takes the next test
when it is done with one; those that take longest are taken first. Servers, clients and tests share a machine with whoever
else is on it, and some of what is tested are moments. So a test that fails is run a second time at the end, alone; when it
passes then, it says "ok (2nd)", and the last line counts those. Random tests keep their seed for it, so what they find they
find twice.

What needs a real server or its tools is left out where there are none, and the run says so. Where CI is set that is a
failure.
"""

import argparse
import multiprocessing
import os
import random
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import crash
import databases
import debugger
import disk
import exchange
import guard
import migrate
import replication
import sentinel
import tls
import tools
from browser import find_browser
from servers import Server, die_with_parent, find_peer, find_tool

ROOT = os.path.dirname(os.path.dirname(HERE))
SEED = "pollux"

# So many kills, unless the time is over before.
CRASHES = 60
CRASH_SECONDS = 50

# Tests whose names begin so are started first, since the others would wait for them at the end.
LONGEST = ("crash", "sentinel", "replication", "page")

# The families of commands that are complete.
COMPLETE = [
    "string", "keys", "list", "hash", "set", "zset", "stream", "bitmap", "hll", "geo", "transaction", "pubsub", "tracking",
    "script",
]


def program(name, *args):
    """A test that is a program of its own; its output is shown when it fails."""
    done = subprocess.run([sys.executable, os.path.join(HERE, name), *args], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def all_tests(opts, peer_version, has_tools):
    """Those that are possible; `peer_version` is None where there is no real server."""
    bench = None
    crashes = [("crash", lambda: crash.play(opts.bin, CRASHES, CRASH_SECONDS, opts.seed))]

    def on_bench(test):
        def run():
            nonlocal bench
            if bench is None:
                bench = tools.Bench(opts.bin)
            bench.fresh()
            test(bench)
        return run

    tests = [("redis tools: " + test.__name__.replace("_", " "), on_bench(test)) for test in tools.TESTS] if has_tools else []
    if peer_version is None:
        return tests + crashes, lambda: bench and bench.discard()
    for families in [*COMPLETE, ",".join(COMPLETE)]:
        name = families if families in COMPLETE else "all together"
        tests.append(("differ: " + name, lambda chosen=families: program(
            "differ.py", "--bin", opts.bin, "--peer", opts.peer, "--families", chosen, "--count", str(opts.count), "--seed", SEED,
            "--strict")))
    if peer_version >= (8, 0):                  # the bytes of older versions are others
        tests.append(("transcripts", lambda: program("transcripts.py", "--peer", opts.peer)))
        tests.append(("lua", lambda: program("lua.py", "--bin", opts.bin, "--peer", opts.peer, "--count", "6000", "--seed", SEED)))
        tests.append(("values", lambda: program("values.py", "--bin", opts.bin, "--peer", opts.peer, "--count", "300", "--seed", SEED)))
        tests.append(("vectors", lambda: program("vectors.py", "--ours", opts.bin, "--peer", opts.peer, "--count", "6000", "--seed", "2")))
    tests.append(("documents", lambda: program("documents.py", "--bin", opts.bin, "--count", "6000", "--seed", "2")))
    tests.append(("garbage", lambda: program("garbage.py", "--bin", opts.bin, "--peer", opts.peer, "--count", "400", "--seed", SEED)))
    tests.append(("propagation", lambda: program("propagation.py", "--bin", opts.bin, "--peer", opts.peer, "--families", ",".join(COMPLETE),
                                                 "--count", "4000", "--seed", SEED)))
    if peer_version >= (8, 0):
        tests.append(("acl", lambda: program("acl.py", "--bin", opts.bin, "--peer", opts.peer, "--count", "8000", "--seed", SEED)))
        tests.append(("debugger", lambda: debugger.report(opts.bin, opts.peer)))
        tests += guard.tests_for(opts.bin, opts.peer)
    tests += databases.tests_for(opts.bin)
    tests += exchange.tests_for(opts.bin, opts.peer, peer_version)
    tests += replication.tests_for(opts.bin, opts.peer)
    tests += migrate.tests_for(opts.bin, opts.peer, peer_version)
    tests += sentinel.tests_for(opts.bin, opts.peer)
    tests += tls.tests_for(opts.bin, opts.peer)
    if find_browser():
        tests.append(("page", lambda: program("page.py", "--bin", opts.bin)))
    tests += disk.tests_for(opts.bin, opts.peer) if peer_version >= (8, 0) else []
    return tests + crashes, lambda: bench and bench.discard()


def what_failed(error):
    """Where, and what was said."""
    said = str(error) or "".join(traceback.format_exception_only(type(error), error))
    where = traceback.extract_tb(error.__traceback__)[-1]
    return "%s:%d %s" % (os.path.basename(where.filename), where.lineno, said.rstrip())


def attempt(test, passed="ok"):
    """Runs a test, says how it went, and returns whether it passed."""
    name, run = test
    started = time.time()
    try:
        run()
    except (Exception, SystemExit) as error:
        said = "FAILED   %-55s %5.1f s\n         %s" % (name, time.time() - started, what_failed(error).replace("\n", "\n         "))
        print(said, flush=True)
        return False
    print("%-8s %-55s %5.1f s" % (passed, name, time.time() - started), flush=True)
    return True


def side_by_side(tests, finish, jobs):
    """Runs the tests in so many processes, and returns those that failed."""
    forked = multiprocessing.get_context("fork")
    numbers, outcomes = forked.SimpleQueue(), forked.SimpleQueue()

    def work():
        die_with_parent()
        try:
            for number in iter(numbers.get, None):
                outcomes.put((number, attempt(tests[number])))
        finally:
            finish()

    workers = [forked.Process(target=work) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    for number in [*sorted(range(len(tests)), key=lambda number: not tests[number][0].startswith(LONGEST)), *[None] * jobs]:
        numbers.put(number)
    failed = [number for number, passed in (outcomes.get() for _ in tests) if not passed]
    for worker in workers:
        worker.join()
    return [tests[number] for number in sorted(failed)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--peer", default=find_peer(), help="a real one (%(default)s)")
    parser.add_argument("--only", default="", help="only tests with one of these words in their names, comma separated")
    parser.add_argument("--count", type=int, default=3000, help="commands per family (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20), help="for crash, which says it when it fails")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() + 1, help="how many tests at a time (%(default)s)")
    parser.add_argument("--list", action="store_true", help="print the names")
    opts = parser.parse_args()
    opts.bin = os.path.abspath(opts.bin)
    has_tools = bool(find_tool("cli") and find_tool("benchmark"))
    version = None
    if not (opts.peer and has_tools):
        missing = ([] if opts.peer else ["redis-server"]) + ([] if has_tools else ["redis-cli and redis-benchmark"])
        print("peers: there is no %s, so what needs them is left out; scripts/setup.sh --missing says how to get them"
              % " nor ".join(missing), file=sys.stderr)
        if os.environ.get("CI"):
            return 1
    if opts.peer:
        probe = Server(opts.peer, "peer")
        version, flavour = probe.version, probe.flavour
        probe.discard()
        print("peers: comparing with %s %s" % (flavour, ".".join(map(str, version))), flush=True)
    tests, finish = all_tests(opts, version, has_tools)
    wanted = [word.strip() for word in opts.only.split(",") if word.strip()]
    tests = [test for test in tests if not wanted or any(word in test[0] for word in wanted)]
    if opts.list:
        print("\n".join(name for name, _ in tests))
        return 0
    failed = side_by_side(tests, finish, opts.jobs)
    again = 0
    for test in failed:
        again += attempt(test, "ok (2nd)")
    finish()
    print("%d passed, %d failed%s" % (len(tests) - len(failed) + again, len(failed) - again, ", %d at the second go" % again if again else ""))
    return 1 if again < len(failed) else 0


if __name__ == "__main__":
    sys.exit(main())
