#!/usr/bin/env python3
"""Kills a server at random instants under load and looks what is left.

Each round starts the server with an append-only file, lets some clients write counters and remember what was
acknowledged, kills it with SIGKILL, starts it again and compares. With `appendfsync always`, and with the others as long as
the machine itself goes on, no acknowledged write may be missing: a write is in the kernel before its reply leaves. Rewrites
and saves run meanwhile, so the kill also falls into those.

  tests/peers/crash.py --bin target/debug/pollux --rounds 20 --seed 7
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True


def command(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Link:
    """One connection, and the replies it gets, line by line."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def ask(self, *words):
        self.socket.sendall(command(*words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("the connection ended")
        if line[:1] == b"$":
            length = int(line[1:])
            return None if length < 0 else self.file.read(length + 2)[:-2]
        return line[1:-2]


def start(options, directory, policy):
    words = [options.bin, "--port", str(options.port), "--dir", directory, "--appendonly", "yes", "--appendfsync", policy,
             "--save", "", "--aof-checksum", "yes"]
    log = open(os.path.join(directory, "log"), "ab")
    server = subprocess.Popen(words, stdout=log, stderr=log)
    for _ in range(600):
        try:
            link = Link(options.port)
            if link.ask("PING") == b"PONG":
                return server, link
        except OSError:
            pass
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit("crash: the server did not start again; see %s/log" % directory)


def writer(options, name, acknowledged, seed):
    """Counts up, a few requests at a time; what was answered is remembered."""
    rng = random.Random(seed)
    try:
        link = Link(options.port)
        while True:
            batch = rng.randint(1, 20)
            link.socket.sendall(b"".join(command("INCR", name) for _ in range(batch)))
            for _ in range(batch):
                acknowledged[name] = int(link.reply())
            link.ask("RPUSH", name + ":list", acknowledged[name])
    except (OSError, ValueError):
        return


def round_of(options, rng, directory, policy, acknowledged):
    server, link = start(options, directory, policy)
    for name, number in acknowledged.items():
        found = int(link.ask("GET", name) or 0)
        if found < number:
            server.kill()
            raise SystemExit("crash: %s is %d, but %d was acknowledged (%s, seed %d)" % (name, found, number, policy, options.seed))
        acknowledged[name] = found
    threads = [threading.Thread(target=writer, args=(options, "counter%d" % index, acknowledged, rng.random()))
               for index in range(4)]
    for thread in threads:
        thread.start()
    until = time.time() + rng.uniform(0.05, 1.0)
    while time.time() < until:
        try:
            if rng.random() < 0.1:
                link.ask("BGREWRITEAOF")
            link.ask("SET", "filler:%d" % rng.randrange(2000), "x" * rng.randrange(500))
        except OSError:
            break
    server.send_signal(signal.SIGKILL)
    server.wait()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="target/debug/pollux")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--port", type=int, default=7790)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    for policy in ("always", "everysec", "no"):
        directory = tempfile.mkdtemp(prefix="pollux-crash-")
        acknowledged = {}
        for _ in range(options.rounds):
            round_of(options, rng, directory, policy, acknowledged)
        shutil.rmtree(directory)
        print("crash: appendfsync %s: %d kills, %d acknowledged writes, none lost" % (policy, options.rounds, sum(acknowledged.values())))


if __name__ == "__main__":
    main()
