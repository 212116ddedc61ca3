"""The real redis-cli and redis-benchmark, used on our server the way a person uses them.

Each test takes a `Bench` (a running server and the tools) and fails with an assertion. What is expected is what the
tools print with a real server.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from resp import encode
from servers import Server, find_tool


class Bench:
    """A server, and how to use the tools on it."""

    def __init__(self, binary):
        self.binary = binary
        self.server = Server(binary, "ours", ("--repl-diskless-sync-delay", "0"))
        self.cli_path, self.benchmark_path = find_tool("cli"), find_tool("benchmark")

    def ask(self, *args):
        connection = self.server.connect()
        try:
            return connection(*args)
        finally:
            connection.close()

    def fresh(self):
        if not self.server.is_alive():
            self.server.revive()
        self.ask("FLUSHALL")

    def cli(self, *args, stdin="", seconds=30, fails=False):
        """What redis-cli prints. Its exit code must be 0 unless `fails`."""
        done = subprocess.run([self.cli_path, "-p", str(self.server.port), *args], input=stdin, text=True, timeout=seconds,
                              capture_output=True, check=False)
        assert fails or done.returncode == 0, "exit code %d: %s%s" % (done.returncode, done.stdout, done.stderr)
        return done.stdout + (done.stderr if fails else "")

    def start_cli(self, *args):
        return subprocess.Popen([self.cli_path, "-p", str(self.server.port), *args], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def benchmark(self, *args, seconds=120):
        done = subprocess.run([self.benchmark_path, "-p", str(self.server.port), *args], text=True, timeout=seconds,
                              capture_output=True, check=False)
        printed = done.stdout + done.stderr
        assert done.returncode == 0, printed
        assert "rror" not in printed.replace("WARNING: Could not fetch server CONFIG", ""), printed
        return done.stdout

    def discard(self):
        self.server.discard()


def has(text, *parts):
    for part in parts:
        assert part in text, "no %r in:\n%s" % (part, text)


def is_(found, wanted):
    assert found == wanted, "%r, expected %r" % (found, wanted)


def stop(process):
    """Interrupts a tool that runs until it is, and returns what it printed."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=5)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


# ------------------------------------------------------------------------------------------------------- redis-cli

def one_command(b):
    is_(b.cli("PING"), "PONG\n")
    is_(b.cli("SET", "greeting", "hello world"), "OK\n")
    is_(b.cli("GET", "greeting"), "hello world\n")
    is_(b.cli("--no-raw", "GET", "greeting"), '"hello world"\n')
    is_(b.cli("--no-raw", "GET", "missing"), "(nil)\n")
    is_(b.cli("--no-raw", "INCR", "n"), "(integer) 1\n")
    is_(b.cli("--no-raw", "RPUSH", "list", "a", "b"), "(integer) 2\n")
    is_(b.cli("--no-raw", "LRANGE", "list", "0", "-1"), '1) "a"\n2) "b"\n')
    is_(b.cli("--no-raw", "INCR", "list", fails=True).strip(),
        "(error) WRONGTYPE Operation against a key holding the wrong kind of value")
    has(b.cli("NOSUCH", "a", fails=True), "ERR unknown command 'NOSUCH', with args beginning with: 'a' ")


def options_of_the_command_line(b):
    is_(b.cli("-n", "3", "SET", "k", "in three"), "OK\n")
    is_(b.cli("-n", "3", "GET", "k"), "in three\n")
    is_(b.cli("GET", "k"), "\n")
    is_(b.cli("-r", "3", "INCR", "n"), "1\n2\n3\n")
    is_(b.cli("-x", "SET", "from-stdin", stdin="typed"), "OK\n")
    is_(b.cli("GET", "from-stdin"), "typed\n")
    is_(b.cli("--csv", "MGET", "n", "missing"), '"3",NULL\n')
    is_(b.cli(stdin="SET a 1\nGET a\nDEL a\n"), "OK\n1\n1\n")
    is_(b.cli("-e", "INCR", "from-stdin", fails=True).strip(), "ERR value is not an integer or out of range")


def resp3_and_json(b):
    b.cli("HSET", "h", "f", "v", "n", "1")
    b.cli("ZADD", "z", "1.5", "a")
    b.cli("SADD", "s", "x")
    is_(b.cli("-3", "--no-raw", "HGETALL", "h"), '1# "f" => "v"\n2# "n" => "1"\n')
    is_(b.cli("-3", "--no-raw", "SMEMBERS", "s"), '1~ "x"\n')
    is_(b.cli("-3", "--no-raw", "ZSCORE", "z", "a"), "(double) 1.5\n")
    is_(b.cli("-3", "--no-raw", "GET", "missing"), "(nil)\n")
    is_(json.loads(b.cli("--json", "HGETALL", "h")), {"f": "v", "n": "1"})
    is_(json.loads(b.cli("--json", "ZRANGE", "z", "0", "-1", "WITHSCORES")), [["a", 1.5]])


def mass_insertion(b):
    count = 20000
    stream = b"".join(encode([b"SET", b"key:%d" % i, b"value:%d" % i]) for i in range(count))
    done = subprocess.run([b.cli_path, "-p", str(b.server.port), "--pipe"], input=stream, capture_output=True, timeout=60,
                          check=False)
    has(done.stdout.decode(), "errors: 0, replies: %d" % count)
    is_(b.cli("DBSIZE"), "%d\n" % count)
    is_(b.cli("GET", "key:19999"), "value:19999\n")
    done = subprocess.run([b.cli_path, "-p", str(b.server.port), "--pipe"], input=b"SET a 1\r\nINCR a\r\nLPUSH a x\r\n",
                          capture_output=True, timeout=60, check=False)
    has(done.stdout.decode() + done.stderr.decode(), "errors: 1, replies: 3")


def scanning(b):
    connection = b.server.connect()
    connection.converse([[b"SET", b"user:%d" % i, b"x"] for i in range(300)] + [[b"SET", b"other:%d" % i, b"x"] for i in range(50)])
    connection.close()
    found = b.cli("--scan", "--pattern", "user:*").split()
    is_(sorted(found), sorted("user:%d" % i for i in range(300)))


def big_keys(b):
    b.cli("SET", "s", "x" * 100)
    b.cli("RPUSH", "l", "a", "b", "c")
    b.cli("SADD", "t", "a", "b")
    b.cli("HSET", "h", "f", "v")
    b.cli("ZADD", "z", "1", "a")
    b.cli("XADD", "x", "*", "f", "v")
    # Older ones put a second pair of quotes around the names.
    text = b.cli("--bigkeys").replace("'", "")
    has(text, 'Biggest string found "s" has 100 bytes', 'Biggest   list found "l" has 3 items',
        'Biggest    set found "t" has 2 members', "Sampled 6 keys in the keyspace")
    has(b.cli("--memkeys"), "Sampled 6 keys in the keyspace", "Biggest string found")


def hot_keys(b):
    b.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    try:
        for _ in range(30):
            b.cli("SET", "hot", "1")
        has(b.cli("--hotkeys"), "Sampled 1 keys in the keyspace", "hot key found with counter:")
    finally:
        b.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")


def statistics_and_latency(b):
    terminal = Terminal(b, "--stat", "-i", "0.1")
    try:
        for text in (b"------- data ------", b"keys", b"clients", b"requests", b"(+1)", b"(+1)"):
            terminal.until(text)
    finally:
        terminal.close()
    # Without a terminal these print one line of min, max, avg, samples and end.
    numbers = b.cli("--latency", "-i", "0.5", seconds=10).split()
    assert len(numbers) == 4 and int(numbers[3]) > 5, numbers


def monitoring(b):
    process = b.start_cli("MONITOR")
    time.sleep(0.3)
    b.cli("SET", "watched", "a b\n")
    b.cli("-n", "2", "GET", "watched")
    time.sleep(0.3)
    text = stop(process)
    has(text, "OK", '[0 127.0.0.1:', '"SET" "watched" "a b\\n"', '[2 127.0.0.1:', '"GET" "watched"')


def subscribing(b):
    process = b.start_cli("--csv", "SUBSCRIBE", "news")
    deadline = time.time() + 5
    while b.cli("PUBLISH", "news", "hello") != "1\n" and time.time() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    has(stop(process), '"subscribe","news",1', '"message","news","hello"')


class Terminal:
    """redis-cli at a terminal, as a person has it."""

    def __init__(self, b, *args):
        self.seen = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", REDISCLI_HISTFILE="/dev/null", COLUMNS="100")
            os.execv(b.cli_path, [b.cli_path, "-p", str(b.server.port), *args])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))

    def until(self, text, seconds=5):
        """Waits for the text and forgets what came before its end."""
        deadline = time.time() + seconds
        while text not in self.seen and time.time() < deadline:
            if select.select([self.terminal], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.terminal, 4096)
                except OSError:
                    break
        assert text in self.seen, "no %r in %r" % (text, self.seen[-2000:])
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def type(self, line):
        os.write(self.terminal, line + b"\r")

    def close(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except OSError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def interactive(b):
    """Prompt, database in it, errors, help, a transaction, quit."""
    terminal = Terminal(b)
    here = b"127.0.0.1:%d" % b.server.port
    there = here + b"[2]"
    try:
        terminal.until(here + b"> ")
        # What is typed before the prompt is there is thrown away, so each line waits for the next prompt.
        for line, answer, prompt in ((b"SET k 'a value'", b"OK\r\n", here), (b"GET k", b'"a value"\r\n', here), (b"SELECT 2", b"OK\r\n", there),
                                     (b"INCR", b"(error) ERR wrong number of arguments for 'incr' command", there),
                                     (b"help LPUSH", b"summary:", there), (b"MULTI", b"OK\r\n", there + b"(TX)"),
                                     (b"PING", b"QUEUED\r\n", there + b"(TX)"), (b"EXEC", b"1) PONG\r\n", there)):
            terminal.type(line)
            terminal.until(answer)
            terminal.until(prompt + b"> ")
        terminal.type(b"quit")
    finally:
        terminal.close()


def scripts_from_files(b):
    path = os.path.join(b.server.dir, "script.lua")
    with open(path, "w", encoding="utf-8") as script:
        script.write("redis.call('SET', KEYS[1], ARGV[1])\nreturn {KEYS[1], ARGV[1], 3}\n")
    is_(b.cli("--eval", path, "key", ",", "value"), "key\nvalue\n3\n")
    is_(b.cli("GET", "key"), "value\n")


def a_copy_as_rdb(b):
    """redis-cli --rdb asks for a full synchronisation and writes what comes to a file."""
    b.cli("SET", "k", "in the file")
    path = os.path.join(b.server.dir, "copy.rdb")
    b.cli("--rdb", path)
    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(b"REDIS00"), data[:20]
    assert b"in the file" in data


def inline_requests(b):
    connection = b.server.connect()
    connection.send_raw(b"PING\r\nSET a 'x y'\r\nGET a\nECHO \"\\x41\"\r\n")
    is_([connection.read().value for _ in range(4)], [b"PONG", b"OK", b"x y", b"A"])
    connection.close()


# ------------------------------------------------------------------------------------------------- redis-benchmark

def benchmark_of_everything(b):
    text = b.benchmark("-q", "-n", "1000", "-c", "20")
    for name in ("PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "HSET", "SPOP",
                 "ZADD", "ZPOPMIN", "LRANGE_100 (first 100 elements)", "LRANGE_600 (first 600 elements)", "MSET (10 keys)"):
        has(text, name + ": ")


def benchmark_with_options(b):
    has(b.benchmark("-q", "-n", "5000", "-P", "16", "-r", "1000", "-t", "set,get,incr"), "SET: ", "GET: ", "INCR: ")
    has(b.benchmark("--csv", "-n", "1000", "-t", "ping,set", "-d", "1000"), '"PING_INLINE"', '"SET"')
    has(b.benchmark("-q", "-n", "1000", "-3", "HSET", "h", "f", "__rand_int__"), "requests per second")
    has(b.benchmark("-q", "-n", "2000", "--threads", "2", "-t", "get"), "GET: ")
    has(b.benchmark("-q", "-n", "200", "-c", "100", "-d", "100000", "-t", "set,get"), "SET: ", "GET: ")


def our_benchmark_sends_what_the_real_one_sends(b):
    """As many calls of each command, and the same keys of the same size behind them."""
    left = []
    for tool in ([b.benchmark_path], [b.binary, "bench"]):
        b.fresh()
        b.ask("CONFIG", "RESETSTAT")
        subprocess.run([*tool, "-p", str(b.server.port), "-q", "-n", "300", "-c", "10", "-d", "20"], capture_output=True, timeout=60, check=True)
        stats = b.ask("INFO", "commandstats").value.decode().splitlines()
        calls = {line.split(":")[0]: line.split("calls=")[1].split(",")[0] for line in stats if "calls=" in line}
        for own in ("cmdstat_config|get", "cmdstat_config|resetstat", "cmdstat_info"):
            calls.pop(own, None)
        keys = {key.value: b.ask("TYPE", key.value).value for key in b.ask("KEYS", "*").value}
        sizes = [b.ask("STRLEN", "key:__rand_int__").value, b.ask("LLEN", "mylist").value, b.ask("XLEN", "mystream").value]
        left.append((calls, keys, sizes))
    is_(left[1], left[0])


# ------------------------------------------------------------------------------------------------------- the process

def many_clients(b):
    """A thousand clients at once, each answered."""
    connections = [b.server.connect() for _ in range(1000)]
    for number, connection in enumerate(connections):
        connection.send([b"ECHO", b"%d" % number])
    is_([connection.read().value for connection in connections], [b"%d" % number for number in range(1000)])
    for connection in connections:
        connection.close()


def the_end_of_the_process(b):
    """SHUTDOWN and SIGTERM end it with code 0, and a second start finds the port free."""
    for how in ("SHUTDOWN", "SIGTERM"):
        server = Server(b.binary, "ours")
        try:
            if how == "SHUTDOWN":
                subprocess.run([b.cli_path, "-p", str(server.port), "SHUTDOWN", "NOSAVE"], capture_output=True, timeout=10,
                               check=False)
            else:
                server.process.send_signal(signal.SIGTERM)
            is_(server.process.wait(timeout=10), 0)
        finally:
            server.discard()


def what_the_log_says(b):
    """Lines that people's scripts wait for."""
    with open(b.server.log_path, encoding="utf-8", errors="replace") as log:
        text = log.read()
    has(text, "Ready to accept connections", str(b.server.process.pid))


# These wait for scripts and replication.
LATER = [scripts_from_files, a_copy_as_rdb]

TESTS = [one_command, options_of_the_command_line, resp3_and_json, mass_insertion, scanning, big_keys, hot_keys,
         statistics_and_latency, monitoring, subscribing, interactive, inline_requests, benchmark_of_everything,
         benchmark_with_options, our_benchmark_sends_what_the_real_one_sends, many_clients, the_end_of_the_process, what_the_log_says]
