#!/usr/bin/env python3
"""Runs an official Tcl suite (of Redis or Valkey) against our binary, unit by unit, and keeps what has passed.

  scripts/compat.py ~/redis-8.0                                   every unit, the suite starts our server itself
  scripts/compat.py ~/redis-8.0 --units unit/type/hash,unit/geo   some; a trailing * takes all that begin so
  scripts/compat.py ~/redis-8.0 --external                        we start one server, the suite talks to it
  scripts/compat.py ~/redis-8.0 --accept                          and write down what passes now
  scripts/compat.py ~/redis-8.0 --suite-args=--tls --tools /usr/bin      with TLS, which the tools have to know, too
  make compat SUITE=~/redis-8.0 UNITS=unit/type/hash

SUITE is an unpacked source tree; only its tests/ folder is used and nothing in it is changed. Each job works in a copy
in a temporary folder, where src/redis-server is our binary and redis-cli, redis-benchmark and the checkers are real.

tests/compat/passed.txt lists every test that has passed, one `unit<TAB>name` a line, sorted. A listed test that a run
reaches and that does not pass is printed as REGRESSION, and the exit code is 1. --accept brings the list up to date for
the units that were run. The list belongs to one suite version; --list names another file for another suite.
"""

import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LISTS = os.path.join(ROOT, "tests", "compat")
PORTS_PER_JOB = 1200
TOOLS = ("cli", "benchmark", "check-aof", "check-rdb", "sentinel")


# ----------------------------------------------------------------------------------------------------- a place to work

# (file, what is there, what is put in its place, why)
CHANGES = [
    ("tests/support/server.tcl", r"if \{!\$assertion && \$::durable\}", r"if {$::durable}",
     "an assertion outside a test should cost its block, not the rest of the unit"),
    ("tests/support/server.tcl", r"(\n\s*lappend details \$backtrace\n)", r"\1lappend ::servers [dict remove $srv client]\n",
     "after such a failure the suite would stop the server of the block around it"),
    ("tests/support/server.tcl", r"(\n\s*incr maxiter -1\n)", r"\1if {$maxiter > 5 && [catch {exec kill -0 $pid}]} {set maxiter 5}\n",
     "a server that has already exited need not be waited for two minutes"),
]


def find_tool(name, folder):
    """A real redis-NAME: next to --tools, in the peers' folder, on PATH."""
    folders = [folder] if folder else []
    folders += [os.path.join(place, "bin") for place in (os.environ.get("PEERS_DIR"), os.path.expanduser("~/.cache/pollux-peers"),
                                                         os.path.expanduser("~/.cache/peers")) if place]
    for program in ("redis-" + name, "redis8-" + name, "valkey-" + name):
        for place in folders:
            if os.access(os.path.join(place, program), os.X_OK):
                return os.path.join(place, program)
    return shutil.which("redis-" + name) or shutil.which("valkey-" + name)


class Place:
    """A copy of the suite's tests with our binary as its server."""

    def __init__(self, root, suite, binary, tools, number):
        self.root = os.path.join(root, str(number))
        self.first_port = 21111 + number * (PORTS_PER_JOB + 100)
        shutil.copytree(os.path.join(suite, "tests"), os.path.join(self.root, "tests"), symlinks=True,
                        ignore=shutil.ignore_patterns("tmp", "moduleapi"))
        for file, there, instead, _ in CHANGES:
            path = os.path.join(self.root, file)
            with open(path, encoding="utf-8", errors="surrogateescape") as text:
                changed = re.sub(there, instead, text.read())
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as text:
                text.write(changed)
        os.makedirs(os.path.join(self.root, "src"))
        for brand in ("redis", "valkey"):
            os.symlink(binary, os.path.join(self.root, "src", brand + "-server"))
            for tool in TOOLS:
                path = find_tool(tool, tools)
                if path:
                    os.symlink(path, os.path.join(self.root, "src", brand + "-" + tool))
        for name in ("utils", "redis.conf", "valkey.conf", "sentinel.conf"):
            if os.path.exists(os.path.join(suite, name)):
                os.symlink(os.path.join(suite, name), os.path.join(self.root, name))
        self.clean()

    def make_certificates(self):
        """Those that the suite uses with TLS, by its own script; but the script's parameters for DH take minutes to find."""
        os.makedirs(os.path.join(self.root, "tests", "tls"), exist_ok=True)
        for command in (["openssl", "dhparam", "-dsaparam", "-out", "tests/tls/redis.dh", "2048"], ["bash", "utils/gen-test-certs.sh"]):
            subprocess.run(command, cwd=self.root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def clean(self):
        folder = os.path.join(self.root, "tests", "tmp")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)


def units_of(suite, wanted, unwanted):
    """The suite's own list, or what of it is wanted."""
    with tempfile.TemporaryDirectory() as folder:       # Valkey's asks for a server before it prints its list
        for name in ("valkey-server", "redis-server"):
            with open(os.path.join(folder, name), "w", encoding="ascii"):
                os.chmod(os.path.join(folder, name), 0o755)
        done = subprocess.run(["tclsh", "tests/test_helper.tcl", "--list-tests"], cwd=suite, capture_output=True, text=True,
                              env=dict(os.environ, VALKEY_BIN_DIR=folder), check=False)
    if done.returncode:
        raise SystemExit("compat: %s is no suite this understands: %s" % (suite, done.stderr[-500:]))
    known = sorted({word for word in done.stdout.split() if "/" in word and "moduleapi" not in word})

    def chosen(patterns):
        return [unit for unit in known for pattern in patterns
                if unit == pattern or pattern.endswith("*") and unit.startswith(pattern[:-1])]
    if wanted:
        missing = [pattern for pattern in wanted if not chosen([pattern])]
        if missing:
            raise SystemExit("compat: no such unit: " + missing[0])
        known = sorted(set(chosen(wanted)))
    return [unit for unit in known if unit not in chosen(unwanted)]


# --------------------------------------------------------------------------------------------------- running one unit

STATUS = re.compile(r"^\[(ok|err|exception|ignore|skip|TIMEOUT)\]: ?(.*)$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain_name(name):
    """A test's name without what changes from run to run: process ids, random numbers, a random topology."""
    name = re.sub(r"\(pid \d+\)", "(pid N)", name)
    name = re.sub(r"\b\d+\.\d{6,}\b", "N.N", name)
    if name.startswith("PSYNC2"):
        name = re.sub(r"#\d+", "#N", re.sub(r"x = \d+", "x = N", name))
    return re.sub(r"\s+", " ", name).strip()


class Outcome:
    """What came of a unit. A test that ran several times under one name passed if it passed each time."""

    def __init__(self, unit):
        self.unit = unit
        self.ok, self.failed = collections.Counter(), collections.Counter()
        self.hung, self.skipped = [], []
        self.ignored = self.outside = 0         # left out by tags; errors that belong to no test
        self.messages = {}
        self.end, self.seconds = "unfinished", 0.0

    @property
    def passed(self):
        return {name for name in self.ok if name not in self.failed and name not in self.hung}

    def read(self, lines):
        """Fills itself from what the suite printed. Returns the raw names of tests that were running when it stalled."""
        last, running = None, []
        for line in lines:
            line = COLOUR.sub("", line.rstrip("\n"))
            found = STATUS.match(line)
            if not found:
                if re.match(r"^\[\d+/\d+ done\]: ", line):
                    self.end, last = "done", None
                elif "(IN PROGRESS) " in line and self.end == "stalled":
                    running.append(line.split("(IN PROGRESS) ", 1)[1])
                elif last is not None and len(self.messages[last]) < 800:
                    self.messages[last] += "\n" + line
                continue
            status, rest = found.groups()
            last = None
            if status == "ok":
                self.ok[plain_name(re.sub(r" \(-?\d+ ms\)$", "", rest))] += 1
            elif status == "err":
                test = re.match(r"^(.*) in tests/\S+\.tcl\b", rest)
                last = plain_name(test.group(1)) if test else "(outside a test)"
                if test:
                    self.failed[last] += 1
                else:
                    self.outside += 1
                self.messages.setdefault(last, "" if test else rest)
            elif status == "exception":
                self.end, last = "exception", "(exception)"
                self.outside += 1
                self.messages.setdefault(last, rest)
            elif status == "skip":
                self.skipped.append(plain_name(rest))
            elif status == "ignore":
                self.ignored += 1
            elif status == "TIMEOUT":
                self.end = "stalled"
        return running


def stop_session(leader):
    """Kills what a unit has left behind: every process of the session it was started in."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,sess="], capture_output=True, text=True, check=False)
    if listed.returncode:       # macOS knows no `sess`; process groups are what it offers
        try:
            os.killpg(leader, signal.SIGKILL)
        except OSError:
            pass
        return
    for line in listed.stdout.splitlines():
        pid, session = map(int, line.split())
        if session == leader and pid != os.getpid():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass


class External:
    """The server of external mode, with the suite's default configuration; started again when it dies."""

    def __init__(self, place, port):
        self.port, self.stopping = port, False
        folder = os.path.join(place.root, "tests", "tmp", "external")
        os.makedirs(folder)
        settings = {}
        with open(os.path.join(place.root, "tests", "assets", "default.conf"), encoding="utf-8") as default:
            for line in default:
                if line.strip() and not line.startswith("#"):
                    key, _, value = line.strip().partition(" ")
                    settings[key] = value
        settings.update({"port": str(port), "bind": "127.0.0.1", "dir": folder, "save": "''", "pidfile": folder + "/pid",
                         "unixsocket": folder + "/socket"})
        with open(os.path.join(folder, "server.conf"), "w", encoding="utf-8") as conf:
            conf.writelines("%s %s\n" % pair for pair in settings.items())
        self.command = [os.path.join(place.root, "src", "redis-server"), os.path.join(folder, "server.conf")]
        self.log = open(os.path.join(folder, "log"), "ab")
        self.start()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(1) in (b"+", b"-"):
                        return
            except OSError:
                pass
            time.sleep(0.05)

    def watch(self):
        while not self.stopping:
            if self.process.poll() is not None and not self.stopping:
                self.start()
            time.sleep(0.1)

    def stop(self):
        self.stopping = True
        self.watcher.join(timeout=15)
        self.process.kill()
        self.process.wait()
        self.log.close()


def run_unit(unit, opts, place):
    """Runs a unit, again without each test that hangs, and again once if something that used to pass did not."""
    outcome, hanging, started = None, [], time.time()
    for _ in range(opts.hangs + 1):
        place.clean()
        port = place.first_port + PORTS_PER_JOB + 50
        command = ["tclsh", "tests/test_helper.tcl", "--single", unit, "--clients", "1", "--durable", "--dont-clean", "--baseport",
                   str(place.first_port), "--portcount", str(PORTS_PER_JOB), "--timeout", str(opts.stall)]
        for name in hanging:
            command += ["--skiptest", name]
        if opts.tags:
            command += ["--tags", opts.tags]
        command += opts.suite_args.split()
        server = External(place, port) if opts.external else None
        if server:
            command += ["--host", "127.0.0.1", "--port", str(port)]
        path = os.path.join(place.root, "output")
        with open(path, "wb") as output:
            process = subprocess.Popen(command, cwd=place.root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True, env=dict(os.environ, TERM="dumb"))
            try:
                process.wait(timeout=opts.timeout)
                late = False
            except subprocess.TimeoutExpired:
                late = True
        stop_session(process.pid)
        process.wait()
        if server:
            server.stop()
        with open(path, encoding="utf-8", errors="replace") as output:
            lines = output.readlines()
        if opts.logs:
            shutil.copy(path, os.path.join(opts.logs, unit.replace("/", "-") + ".log"))
        outcome = Outcome(unit)
        running = outcome.read(lines)
        if late:
            outcome.end = "timeout"
        new = [name for name in running if name not in hanging]
        hanging += new
        if outcome.end != "stalled" or not new:
            break
    outcome.hung = sorted({plain_name(name) for name in hanging})
    outcome.seconds = time.time() - started
    return outcome


# ------------------------------------------------------------------------------------------------- what passed before

def read_list(path):
    """{unit: names} of the tests that have passed."""
    passed = collections.defaultdict(set)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    unit, _, name = line.rstrip("\n").partition("\t")
                    passed[unit].add(name)
    return passed


def write_list(path, passed):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for unit in sorted(passed):
            for name in sorted(passed[unit]):
                file.write("%s\t%s\n" % (unit, name))


def show_table(outcomes, before):
    print("\n%-42s %5s %6s %5s %5s %6s %6s  %-10s %7s" % ("unit", "ok", "failed", "hung", "out", "ignor.", "lost", "end", "s"))
    sums = collections.Counter()
    for outcome in sorted(outcomes, key=lambda each: each.unit):
        row = {"ok": sum(outcome.ok.values()), "failed": sum(outcome.failed.values()), "hung": len(outcome.hung),
               "out": outcome.outside, "ignored": outcome.ignored, "lost": len(before.get(outcome.unit, set()) - outcome.passed)}
        sums.update(row)
        print("%-42s %5d %6d %5d %5d %6d %6d  %-10s %7.1f" % (outcome.unit, *row.values(), outcome.end, outcome.seconds))
    print("%-42s %5d %6d %5d %5d %6d %6d" % ("all", *(sums[key] for key in ("ok", "failed", "hung", "out", "ignored", "lost"))))


def show_failures(outcomes):
    for outcome in sorted(outcomes, key=lambda each: each.unit):
        for name in sorted(outcome.failed):
            print("\n%s: %s\n    %s" % (outcome.unit, name, outcome.messages.get(name, "").strip().replace("\n", "\n    ")[:700]))
        for name in outcome.hung:
            print("\n%s: %s\n    hung" % (outcome.unit, name))
        for name in ("(outside a test)", "(exception)"):
            if name in outcome.messages:
                print("\n%s: %s\n    %s" % (outcome.unit, name, outcome.messages[name].strip().replace("\n", "\n    ")[:700]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("suite", help="an unpacked source tree of redis or valkey")
    add("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server (target/release/pollux)")
    add("--units", default="", help="comma separated; unit/type/* takes all that begin so")
    add("--skip", default="", help="units to leave out, likewise")
    add("--external", action="store_true", help="we start the server, and the suite leaves out what it cannot then test")
    add("--tags", default="", help="given to the suite: --tags=-needs:debug leaves out what needs DEBUG")
    add("--suite-args", default="", help="more words for the suite, e.g. '--singledb --ignore-encoding'")
    add("--tools", help="folder with the real redis-cli, redis-benchmark ... (peers' folder, PATH)")
    add("--jobs", type=int, default=1, help="units at once (%(default)s)")
    add("--stall", type=int, default=90, help="seconds without progress after which a test hangs (%(default)s)")
    add("--timeout", type=int, default=1500, help="seconds a unit may take (%(default)s)")
    add("--hangs", type=int, default=5, help="times a unit is run again without its hanging tests (%(default)s)")
    add("--retries", type=int, default=1, help="times a unit is run again when a listed test did not pass (%(default)s)")
    add("--list", help="file of passed tests (tests/compat/passed.txt, passed-external.txt)")
    add("--accept", action="store_true", help="write today's passes into that file")
    add("--failures", action="store_true", help="print what failed and how")
    add("--logs", help="folder for the suite's raw output")
    opts = parser.parse_args()
    opts.suite = os.path.abspath(os.path.expanduser(opts.suite))
    binary = os.path.abspath(shutil.which(opts.bin) or opts.bin)
    if not os.access(binary, os.X_OK):
        parser.error("no such server: " + opts.bin)
    if not shutil.which("tclsh"):
        parser.error("tclsh is needed; scripts/setup.sh installs it")
    units = units_of(opts.suite, [unit for unit in opts.units.split(",") if unit], [unit for unit in opts.skip.split(",") if unit])
    path = opts.list or os.path.join(LISTS, "passed-external.txt" if opts.external else "passed.txt")
    before = read_list(path)
    if opts.logs:
        os.makedirs(opts.logs, exist_ok=True)
    root = tempfile.mkdtemp(prefix="compat-")
    places = [Place(root, opts.suite, binary, opts.tools, number) for number in range(opts.jobs)]
    if "--tls" in opts.suite_args.split():
        for place in places:
            place.make_certificates()
    outcomes = run_all(units, opts, places, before)
    shutil.rmtree(root, ignore_errors=True)
    if opts.failures:
        show_failures(outcomes)
    show_table(outcomes, before)
    if opts.accept:
        for outcome in outcomes:
            before[outcome.unit] = outcome.passed
        write_list(path, before)
        print("%s: %d tests" % (os.path.relpath(path), sum(map(len, before.values()))))
        return 0
    lost = [(outcome.unit, name) for outcome in outcomes for name in sorted(before.get(outcome.unit, set()) - outcome.passed)]
    for unit, name in lost:
        print("REGRESSION  %s: %s" % (unit, name))
    gained = sum(len(outcome.passed - before.get(outcome.unit, set())) for outcome in outcomes)
    print("%d regressions, %d tests pass that were not listed%s" % (len(lost), gained, "; --accept lists them" if gained else ""))
    return 1 if lost else 0


def run_all(units, opts, places, before):
    outcomes, guard = [], threading.Lock()

    def work(unit):
        with guard:
            place = places.pop()
        try:
            outcome = run_unit(unit, opts, place)
            for _ in range(opts.retries if before.get(unit, set()) - outcome.passed else 0):
                again = run_unit(unit, opts, place)
                if len(again.passed & before[unit]) >= len(outcome.passed & before[unit]):
                    outcome = again
        finally:
            with guard:
                places.append(place)
        with guard:
            outcomes.append(outcome)
            print("%-42s ok %4d  failed %3d  hung %d  %-9s %6.1f s" % (
                unit, sum(outcome.ok.values()), sum(outcome.failed.values()), len(outcome.hung), outcome.end, outcome.seconds), flush=True)

    with concurrent.futures.ThreadPoolExecutor(opts.jobs) as pool:
        for future in [pool.submit(work, unit) for unit in units]:
            future.result()
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
