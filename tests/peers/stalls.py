#!/usr/bin/env python3
"""A document of 100 MB is set, read in part, changed, saved and freed, and other values that are as large or have a
million elements are freed in all the ways there are; others are served meanwhile.

Somebody else asks PING all the time. What counts is the time of the processor that the server's loop has used while one
of these was waiting: that of the clock would tell of the machine's other work, too. Where the clock says less, it is
right, since the kernel may add up a thread's time as late as its next tick. Who asks PING goes before everybody else on
this machine, through a Unix socket: a reply that lies ready while the kernel lets the loop go on is no wait of the loop's
making, and neither are packets that wait for a thread of the kernel. Setting takes as long as its own parsing, and no
longer; everything else has to leave the loop within 5 ms.

  tests/peers/stalls.py --bin target/release/pollux
"""

import argparse
import multiprocessing
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from resp import Connection
from servers import Server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def processor_ns(pid):
    """What the thread of the loop has used."""
    with open("/proc/%d/task/%d/schedstat" % (pid, pid), encoding="ascii") as file:
        return int(file.read().split()[0])


def watch(pid, path, pipe):
    """Asks until it is told to stop; tells the two longest waits by the loop's processor time and the longest by the
    clock, in ms."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        print("stalls: no leave to go before others, so waits of 4 and 8 ms may be the kernel's")
    connection = Connection(path, 60)
    while True:
        longest, longest_clock, asked = [0, 0], 0, 0
        if pipe.recv() == "end":
            return
        while not pipe.poll():
            used, start = processor_ns(pid), time.monotonic_ns()
            connection("PING")
            clock = time.monotonic_ns() - start
            longest = sorted(longest + [min(processor_ns(pid) - used, clock)])[1:]
            longest_clock = max(longest_clock, clock)
            asked += 1
            time.sleep(0.0001)
        pipe.recv()
        pipe.send((longest[1] / 1e6, longest[0] / 1e6, longest_clock / 1e6, asked))


class Watcher:
    def __init__(self, server):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=watch, args=(server.process.pid, server.dir + "/socket", theirs), daemon=True)
        self.process.start()

    def during(self, what):
        self.pipe.send("begin")
        time.sleep(0.05)
        start = time.monotonic()
        what()
        took = time.monotonic() - start
        time.sleep(0.05)
        self.pipe.send("stop")
        return took, self.pipe.recv()

    def end(self):
        self.pipe.send("end")
        self.process.join()


def document(megabytes):
    item = '{"id":%d,"name":"item number %d","price":%d.5,"tags":["a","bb","ccc"],"stock":%d,"text":"%s"}'
    text = "some words about it " * 6
    items, size = [], 0
    while size < megabytes << 20:
        number = len(items)
        items.append(item % (number, number, number % 1000, number % 77, text))
        size += len(items[-1]) + 1
    return ('{"title":"large","count":0,"items":[%s]}' % ",".join(items)).encode(), len(items)


def microseconds(connection, command):
    stats = connection("INFO", "commandstats").text()
    line = next(line for line in stats.splitlines() if line.startswith("cmdstat_%s:" % command))
    return float(line.split("usec=")[1].split(",")[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--megabytes", type=int, default=100, help="of text (%(default)s)")
    parser.add_argument("--most", type=float, default=5, help="milliseconds that are allowed (%(default)s)")
    opts = parser.parse_args()
    server = Server(os.path.abspath(opts.bin), "server", ("--enable-debug-command", "yes", "--unixsocket", "socket"))
    text, count = document(opts.megabytes)
    connection = server.connect(120)
    watcher = Watcher(server)
    bad = []

    def step(name, what, parses=False):
        before = microseconds(connection, "json.set")
        took, (longest, second, clock, asked) = watcher.during(what)
        own = (microseconds(connection, "json.set") - before) / 1e3 if parses else 0
        print("%-32s %7.0f ms   loop %7.2f ms%s   clock %7.2f ms   %6d PINGs" % (
            name, took * 1e3, longest, ", of which %.0f are its own; then %.2f ms" % (own, second) if parses else "",
            clock, asked))
        # What the server says of itself is by the clock. The turn in which it parses is one, others have no excuse.
        if longest > own + opts.most or second > opts.most:
            bad.append(name)

    def set_it():
        assert connection("JSON.SET", "doc", "$", text).kind == "+"

    def read_parts():
        for number in range(0, count, count // 50):
            assert not connection("JSON.GET", "doc", "$.items[%d].name" % number).is_error
            assert not connection("JSON.GET", "doc", ".items[-1]", "$.title").is_error
        assert not connection("JSON.ARRLEN", "doc", "$.items").is_error
        assert not connection("JSON.TYPE", "doc", "$.items").is_error

    def change_parts():
        for number in range(0, count, count // 50):
            assert not connection("JSON.NUMINCRBY", "doc", "$.items[%d].stock" % number, "1").is_error
            assert not connection("JSON.SET", "doc", "$.items[%d].name" % number, '"another name"').is_error
            assert not connection("JSON.ARRINSERT", "doc", "$.items", str(number), '{"id":-1}').is_error
            assert not connection("JSON.ARRPOP", "doc", "$.items", str(number)).is_error

    def save():
        assert not connection("BGSAVE").is_error
        while b"rdb_bgsave_in_progress:1" in connection("INFO", "persistence").value:
            change_parts()
        assert b"rdb_last_bgsave_status:ok" in connection("INFO", "persistence").value

    def ask(*words):
        def once():
            assert not connection(*words).is_error
            time.sleep(0.3)
        return once

    def free_values():
        """What is large by its bytes or its elements goes, each time in another way."""
        def string():
            assert connection("SET", "big", text).kind == "+"

        def strings():
            for number in range(20):
                connection("RPUSH", "big", text[:len(text) // 20])

        def members(command, *more):
            def fill():
                for start in range(0, 1000000, 1000):
                    connection(command, "big", *(word for number in range(start, start + 1000)
                                                 for word in (*(str(number) for _ in more), "member %d" % number)))
            return fill

        def entries():
            for start in range(0, 1000000, 1000):
                connection("EVAL", "for i = 1, 1000 do redis.call('XADD', 'big', '*', 'field', i) end", "0")

        connection("SET", "small", "1")
        ways = [("SET", ask("SET", "big", "1")), ("DEL", ask("DEL", "big")), ("PEXPIRE", ask("PEXPIRE", "big", "1")),
                ("RENAME", ask("RENAME", "other", "big")), ("COPY", ask("COPY", "small", "big", "REPLACE")),
                ("FLUSHALL", ask("FLUSHALL", "SYNC")), ("FLUSHALL in MULTI", in_transaction)]
        for name, way in ways:
            string()
            connection("SET", "other", "1")
            connection("SET", "small", "1")
            time.sleep(0.2)
            step("string: " + name, way)
        connection("CONFIG", "SET", "lazyfree-lazy-expire", "yes")
        for name, fill in [("list of 20 texts", strings), ("list", members("RPUSH")), ("set", members("SADD")),
                           ("hash", members("HSET", 1)), ("sorted set", members("ZADD", 1)), ("stream", entries)]:
            for how in ("DEL", "PEXPIRE"):
                fill()
                time.sleep(0.2)
                step("%s: %s" % (name, how), ask(how, "big", *(["1"] if how == "PEXPIRE" else [])))

    def in_transaction():
        connection("MULTI")
        connection("FLUSHALL", "SYNC")
        assert not connection("EXEC").is_error
        time.sleep(0.3)

    try:
        connection("JSON.SET", "other", "$", "1")   # so that its statistics are there
        step("JSON.SET", set_it, True)
        step("read in part", read_parts)
        step("changed in part", change_parts)
        step("BGSAVE, changed meanwhile", save)
        step("JSON.SET instead of it", set_it, True)
        step("JSON.DEL of most of it", ask("JSON.DEL", "doc", "$.items"))
        step("JSON.SET", set_it, True)
        step("JSON.SET of something small", ask("JSON.SET", "doc", "$", "1"))
        step("JSON.SET", set_it, True)
        step("UNLINK", ask("UNLINK", "doc"))
        step("JSON.SET", set_it, True)
        step("PEXPIRE", ask("PEXPIRE", "doc", "1"))
        step("JSON.SET", set_it, True)
        step("DEL", ask("DEL", "doc"))
        free_values()
        watcher.end()
    finally:
        server.discard()
    for name in bad:
        print("%s stood still for longer than %g ms" % (name, opts.most))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
