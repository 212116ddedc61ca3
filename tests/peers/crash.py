#!/usr/bin/env python3
"""Kills a server at random instants under load and looks what is left.

Each round starts the server with an append-only file, lets some clients write counters and remember what was
acknowledged, kills it with SIGKILL, starts it again and compares. With `appendfsync always`, and with the others as long as
the machine itself goes on, no acknowledged write may be missing: a write is in the kernel before its reply leaves. Rewrites
and saves run meanwhile, so the kill also falls into those; what they leave behind may be no more than the next start
clears away.

The rounds go through the three policies in turn, until so many were played or the time is over. What a failure of the
machine does to the files is simulated elsewhere, in src/server/simulation.rs.

  tests/peers/crash.py --bin target/debug/pollux --rounds 60 --seed 7
"""

import argparse
import os
import random
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from resp import Closed
from servers import Server

POLICIES = ("always", "everysec", "no")
WRITERS = 4


class Failed(Exception):
    """What should be there is not."""


class History:
    """One server with one policy, through all its deaths."""

    def __init__(self, binary, policy):
        self.policy = policy
        # Small files are rewritten too, and a save may begin at any time.
        options = ["--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-min-size", "300kb",
                   "--auto-aof-rewrite-percentage", "50"]
        self.server = Server(binary, "ours", options)
        self.kills = 0
        self.acknowledged = {}

    def round(self, rng):
        if not self.server.is_alive():
            self.server.start()
        link = self.server.connect()
        self.compare(link)
        self.compare_files(link)
        writers = [threading.Thread(target=self.write, args=("counter%d" % index, rng.random())) for index in range(WRITERS)]
        for thread in writers:
            thread.start()
        self.disturb(link, rng, time.time() + rng.uniform(0.05, 1.0))
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()
        for thread in writers:
            thread.join()
        self.kills += 1

    def compare(self, link):
        """Counters are what was acknowledged or more; of each pair of writes in a transaction there are both or none."""
        for name, least in self.acknowledged.items():
            found = int(link("GET", name).value or 0)
            twin = int(link("GET", name + ":twin").value or 0)
            if found < least:
                raise Failed("%s is %d, but %d was acknowledged" % (name, found, least))
            if found != twin:
                raise Failed("%s is %d, but its twin is %d" % (name, found, twin))
            self.acknowledged[name] = found

    def compare_files(self, link):
        """The dead leave no temporary files behind. They are removed beside the work, so a moment later."""
        link("SET", "filler", "x")
        for _ in range(100):
            names = os.listdir(self.server.dir) + os.listdir(os.path.join(self.server.dir, "appendonlydir"))
            left = [name for name in names if name.startswith("temp-")]
            if not left:
                return
            time.sleep(0.02)
        raise Failed("there are %s" % " ".join(left))

    def write(self, name, seed):
        """Counts up, a few requests at a time; what was answered is remembered."""
        rng = random.Random(seed)
        try:
            link = self.server.connect()
            while True:
                batch = rng.randint(1, 20)
                twin = name + ":twin"
                link.send(*[[word.encode() for word in words]
                            for words in (("MULTI",), ("INCR", name), ("INCR", twin), ("EXEC",)) * batch])
                for _ in range(batch):
                    for _ in range(3):
                        link.read()
                    self.acknowledged[name] = int(link.read().value[0].value)
        except (OSError, Closed):
            return

    def disturb(self, link, rng, until):
        """Others write too, and files are rewritten, saved, given up and begun again."""
        try:
            while time.time() < until:
                dice = rng.random()
                if dice < 0.05:
                    link("BGREWRITEAOF")
                elif dice < 0.1:
                    link("BGSAVE", "SCHEDULE")
                elif dice < 0.11:
                    link("SAVE")
                link("SET", "filler:%d" % rng.randrange(2000), "x" * rng.randrange(500))
        except (OSError, Closed):
            return


def play(binary, rounds, seconds, seed):
    """Returns a line that says how it went."""
    rng = random.Random(seed)
    until = time.time() + seconds
    histories = []
    try:
        for number in range(rounds):
            if number < len(POLICIES):
                histories.append(History(binary, POLICIES[number]))
            history = histories[number % len(POLICIES)]
            history.round(rng)
            if time.time() > until and number + 1 >= len(POLICIES):
                break
        for history in histories:
            history.server.start()
            history.compare(history.server.connect())
    except (Failed, SystemExit) as error:
        raise SystemExit("crash: appendfsync %s: %s\ncrash: --seed %s plays the same again, as far as the machine does\n%s"
                         % (history.policy, error, seed, history.server.log())) from error
    finally:
        for history in histories:
            history.server.discard()
    return ", ".join("appendfsync %s: %d kills, %d acknowledged" % (history.policy, history.kills, sum(history.acknowledged.values()))
                     for history in histories)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="target/release/pollux")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=50, help="no round begins after that (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    options = parser.parse_args()
    print("crash: %s; none lost" % play(options.bin, options.rounds, options.seconds, options.seed))


if __name__ == "__main__":
    main()
