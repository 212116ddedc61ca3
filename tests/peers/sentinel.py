#!/usr/bin/env python3
"""Three real sentinels over three servers of ours, whose primary is killed under load again and again.

Clients ask a sentinel where to write, write a number, and WAIT for one replica. What WAIT has acknowledged must be there
after every failover, and the clients must go on. With --secure all of them meet at encrypted ports only: clients,
replicas and sentinels, which need certificates for it.

  tests/peers/sentinel.py --bin target/release/pollux --kills 50 --sentinel valkey-server
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from replication import info, wait_until
from resp import Closed, Connection
from servers import Server, die_with_parent, find_peer, find_program, free_port
from tls import Secure, has_tls, options as encrypted

NAME = "pollux"
CLIENTS = 4
# Between two writes of a client: the sentinels need some of the machine, too.
PACE_S = 0.004


class Sentinel:
    """A real server in that role. The configuration file is its memory."""

    def __init__(self, binary, primary, secure):
        self.dir, self.port = tempfile.mkdtemp(prefix="peers-"), free_port()
        path = os.path.join(self.dir, "sentinel.conf")
        with open(path, "w", encoding="ascii") as conf:
            conf.write("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 2\n" % (self.port, self.dir, NAME, primary))
            for name, value in words_of_a_kind(encrypted(free_port())) if secure else ():
                conf.write("%s %s\n" % (name[2:], value))
            conf.write("tls-replication yes\n" if secure else "")
            # A sentinel may take a second to reach a new primary: with less patience it takes that one for dead, and
            # while two lead, what one has acknowledged is lost.
            conf.write("sentinel down-after-milliseconds %s 2000\nsentinel failover-timeout %s 3000\n" % (NAME, NAME))
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = subprocess.Popen([binary, path, "--sentinel"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, preexec_fn=die_with_parent)

    def ask(self, *words):
        connection = Connection(self.port, 3)
        try:
            return connection(*words)
        finally:
            connection.close()

    def primary(self):
        reply = self.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(reply.value[1].value) if reply.is_list else 0

    def knows_all(self):
        """Two replicas, and the two other sentinels, all of them well."""
        replicas = self.ask("SENTINEL", "REPLICAS", NAME).value
        flags = [dict(zip([word.text() for word in replica.value[::2]], [word.text() for word in replica.value[1::2]]))
                 for replica in replicas]
        return len(flags) == 2 and all(one["flags"] == "slave" and one["master-link-status"] == "ok" for one in flags) and \
            len(self.ask("SENTINEL", "SENTINELS", NAME).value) == 2

    def log(self, lines=30):
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def discard(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Client:
    """Writes numbers of its own to whoever leads, and remembers which of them a replica has acknowledged."""

    def __init__(self, number, sentinels, secure):
        self.number, self.sentinels, self.goes_on = number, sentinels, True
        self.call = (lambda port: Secure(port, timeout=2)) if secure else (lambda port: Connection(port, 2))
        self.acknowledged, self.next, self.latest = set(), 0, 0.0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connection = None
        while self.goes_on:
            try:
                if connection is None:
                    connection = self.call(self.sentinels[self.number % 3].primary())
                key, self.next = b"%d:%d" % (self.number, self.next), self.next + 1
                connection.send([b"SET", key, key], [b"WAIT", b"1", b"300"])
                written, held = connection.read(), connection.read()
                if written.text() != "OK":          # a replica by now, or one that cannot
                    raise Closed(written.show())
                if held.number() and held.number() >= 1:
                    self.acknowledged.add(key)
                    self.latest = time.time()
                time.sleep(PACE_S)
            except (Closed, OSError):
                connection = None
                time.sleep(0.05)

    def stop(self):
        self.goes_on = False
        self.thread.join(10)


class Cluster:
    def __init__(self, binary, sentinel, secure=False):
        self.servers, self.sentinels, self.clients = [], [], []
        self.ports = {}                     # by server, where others find it
        try:
            for number in range(3):
                follow = ("--replicaof", "127.0.0.1 %d" % self.met_at(self.servers[0])) if number else ()
                port = free_port()
                secrets = (*encrypted(port), "--tls-replication", "yes") if secure else ()
                self.servers.append(Server(binary, "server %d" % number, ("--repl-diskless-sync-delay", "0", *secrets, *follow)))
                if secure:
                    self.ports[self.servers[-1]] = port
            for _ in range(3):
                self.sentinels.append(Sentinel(sentinel, self.met_at(self.servers[0]), secure))
            self.wait_until_well()
            self.clients = [Client(number, self.sentinels, secure) for number in range(CLIENTS)]
        except BaseException:
            self.discard()
            raise

    def met_at(self, server):
        return self.ports.get(server, server.port)

    def wait_until_well(self):
        for sentinel in self.sentinels:
            wait_until(sentinel.knows_all, 40, "a sentinel that knows all of them\n" + sentinel.log())

    def primary(self):
        port = self.sentinels[0].primary()
        return next(server for server in self.servers if self.met_at(server) == port)

    def kill(self):
        """Kills the primary, waits for another, and brings the old one back on its port."""
        old = self.primary()
        old.stop()
        started = time.time()

        def leads():
            new = {sentinel.primary() for sentinel in self.sentinels}
            return len(new) == 1 and new != {self.met_at(old)} and info(self.primary())["role"] == "master"
        wait_until(leads, 40, "another primary\n" + self.sentinels[0].log())
        took = time.time() - started
        new = self.primary()
        wait_until(lambda: max(client.latest for client in self.clients) > started + took, 20, "clients that go on\n" + new.log())
        port, old.options = old.port, [option for option in old.options if option not in follow_words(old)]
        start_at(old, port)
        self.wait_until_well()
        return took

    def lost(self):
        connection = self.primary().connect(30)
        lost = []
        for client in self.clients:
            keys = sorted(client.acknowledged)
            for at in range(0, len(keys), 500):
                some = keys[at:at + 500]
                found = connection("MGET", *some).value
                lost += [key for key, value in zip(some, found) if value.value != key]
        return lost

    def discard(self):
        for client in self.clients:
            client.goes_on = False
        for one in (*self.sentinels, *self.servers):
            one.discard()


def follow_words(server):
    """--replicaof and its word: after the first failover the sentinels say who follows whom."""
    at = server.options.index("--replicaof") if "--replicaof" in server.options else None
    return [] if at is None else server.options[at:at + 2]


def start_at(server, port):
    with open(server.log_path, "ab") as log:
        server.process = subprocess.Popen(
            [server.binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", server.dir, "--save", "", *server.options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=server.dir, start_new_session=True, preexec_fn=die_with_parent)
    server.port = port


def words_of_a_kind(options):
    return zip(options[::2], options[1::2])


def play(binary, sentinel, kills, seed, secure=False):
    rng = random.Random(seed)
    cluster = Cluster(binary, sentinel, secure)
    took = []
    try:
        for number in range(kills):
            time.sleep(rng.uniform(0.3, 1.5))
            took.append(cluster.kill())
            lost = cluster.lost()
            assert not lost, "kill %d of seed %d: %d acknowledged writes are lost: %s" % (number, seed, len(lost), lost[:5])
        for client in cluster.clients:
            client.stop()
        lost = cluster.lost()
        assert not lost, lost[:5]
        return took, sum(len(client.acknowledged) for client in cluster.clients)
    finally:
        cluster.discard()


def tests_for(ours, peer):
    tests = [("sentinel: the primary killed twice", lambda: play(ours, peer, 2, 1))]
    distribution = shutil.which("redis-server")
    if distribution and has_tls(distribution):
        tests.append(("sentinel: all of it encrypted", lambda: play(ours, distribution, 2, 3, True)))
    valkey = find_program("valkey-server")
    if valkey:
        tests.append(("sentinel: the same with valkey's", lambda: play(ours, valkey, 1, 2)))
    return tests


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--bin", default=os.path.join(root, "target", "release", "pollux"), help="our server")
    parser.add_argument("--sentinel", default=find_peer(), help="a real server (%(default)s)")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--secure", action="store_true", help="encrypted; the sentinel has to know TLS, as Debian's redis-server does")
    opts = parser.parse_args()
    sentinel = (shutil.which if opts.secure else find_program)(opts.sentinel) or opts.sentinel
    took, count = play(os.path.abspath(opts.bin), sentinel, opts.kills, opts.seed, opts.secure)
    print("%d kills, %d acknowledged writes, none lost; another primary after %.1f s, at most %.1f s"
          % (len(took), count, sum(took) / len(took), max(took)))


if __name__ == "__main__":
    main()
