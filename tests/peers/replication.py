"""Replication between ours and real servers, as primary and as replica, under load and with links that break.

Every pair and chain is checked the same way: a load of all types runs, links are cut at any byte meanwhile, and when the
offsets agree, what both hold must agree too, key by key. A cut link has to go on where it was: a second full
synchronisation is a failure.
"""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from exchange import add_field_deadlines, fill, fingerprint, must_match
from resp import Closed
from servers import Server, find_program, find_tool, free_port

# A replica shall not wait before it is served.
PROMPT = ("--repl-diskless-sync-delay", "0")


def info(server):
    connection = server.connect()
    text = connection("INFO", "replication").text() + connection("INFO", "stats").text()
    connection.close()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def wait_until(is_so, seconds, what):
    deadline = time.time() + seconds
    while time.time() < deadline:
        try:
            if is_so():
                return
        except (Closed, KeyError):
            pass
        time.sleep(0.05)
    raise AssertionError("not within %s s: %s" % (seconds, what))


def follow(replica, primary):
    """`primary` is a server or a relay: whatever has a port."""
    reply = replica.connect()("REPLICAOF", "127.0.0.1", primary.port)
    assert reply.text() == "OK", reply.show()


def wait_for_link(replica, seconds=30):
    wait_until(lambda: info(replica)["master_link_status"] == "up", seconds, "the link of %s\n%s" % (replica.name, replica.log(30)))


def wait_for_offset(primary, *replicas):
    """Until all have the same offset, with nobody writing."""
    def agree():
        wanted = info(primary)["master_repl_offset"]
        return all(info(replica)["master_repl_offset"] == wanted for replica in replicas)
    wait_until(agree, 30, "equal offsets: %s" % [info(server)["master_repl_offset"] for server in (primary, *replicas)])


def compare(primary, *replicas):
    """What all hold must be the same. The load gives deadlines of less than a second: those have passed first."""
    time.sleep(1)
    wait_for_offset(primary, *replicas)
    version = min(server.version for server in (primary, *replicas))
    expected = values(primary, version)
    assert expected, "nothing is there to be compared"
    for replica in replicas:
        must_match(expected, values(replica, version), replica.name)


def values(server, version):
    """Keys, values and deadlines. Encodings may differ: a replica gets other commands than the primary got."""
    found = fingerprint(server, version)
    return {key: ((held[0][0], *held[0][2:]) if version >= (7, 2) else held[0], *held[1:]) for key, held in found.items()}


class Relay:
    """Passes bytes on to a server, and cuts connections after so many bytes of its words."""

    def __init__(self, target):
        self.target, self.limit, self.cuts = target, None, 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target.port))
            except OSError:
                client.close()
                continue
            pair = (client, server)
            threading.Thread(target=self.passes, args=(client, server, pair, False), daemon=True).start()
            threading.Thread(target=self.passes, args=(server, client, pair, True), daemon=True).start()

    def passes(self, source, sink, pair, counts):
        try:
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                if counts and self.limit is not None:
                    allowed, self.limit = data[:self.limit], self.limit - len(data)
                    if self.limit <= 0:
                        sink.sendall(allowed)
                        self.limit, self.cuts = None, self.cuts + 1
                        break
                sink.sendall(data)
        except OSError:
            pass
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def cut_after(self, count):
        self.limit = count

    def close(self):
        self.door.close()


def commands(rng, count, is_new):
    """A mixed load, with transactions and deadlines that pass on the way. `is_new`: with what is said in words of 8.0, which an
    older replica does not know."""
    def key(kind):
        return "%s:%d" % (kind, rng.randrange(60))

    def value():
        return bytes(rng.randrange(256) for _ in range(rng.choice([0, 3, 12, 60, 700])))
    makers = [
        lambda: ["SET", key("s"), value()], lambda: ["SET", key("n"), rng.randrange(10**6)], lambda: ["SET", key("s"), value(), "PX", rng.randrange(1, 400)],
        lambda: ["APPEND", key("s"), value()], lambda: ["SETRANGE", key("s"), rng.randrange(200), value()], lambda: ["INCR", key("n")],
        lambda: ["INCRBYFLOAT", key("f"), "0.1"], lambda: ["GETEX", key("s"), "EX", 100], lambda: ["GETDEL", key("s")], lambda: ["PERSIST", key("s")],
        lambda: ["PEXPIRE", key(rng.choice("slhzx")), rng.randrange(1, 900)], lambda: ["DEL", key(rng.choice("slhzxe"))],
        lambda: ["RPUSH", key("l"), value(), "b", 3], lambda: ["LPOP", key("l"), rng.randrange(1, 4)], lambda: ["LMOVE", key("l"), key("l"), "LEFT", "RIGHT"],
        lambda: ["LTRIM", key("l"), 0, 40], lambda: ["SADD", key("e"), *[rng.randrange(300) for _ in range(4)]], lambda: ["SPOP", key("e"), rng.randrange(1, 4)],
        lambda: ["SMOVE", key("e"), key("e"), rng.randrange(300)], lambda: ["SUNIONSTORE", key("e"), key("e"), key("e")],
        lambda: ["HSET", key("h"), rng.randrange(200), value(), "g", 1], lambda: ["HDEL", key("h"), rng.randrange(200)],
        lambda: ["ZADD", key("z"), rng.random(), rng.randrange(200), rng.randrange(9), "m"], lambda: ["ZPOPMIN", key("z"), 2],
        lambda: ["ZINCRBY", key("z"), "0.3", rng.randrange(200)], lambda: ["ZUNIONSTORE", key("z"), 2, key("z"), key("z")],
        lambda: ["XADD", key("x"), "MAXLEN", "~", 50, "*", "f", value()], lambda: ["XGROUP", "CREATE", key("x"), "group", "0", "MKSTREAM"],
        lambda: ["XREADGROUP", "GROUP", "group", rng.choice("ab"), "COUNT", 3, "STREAMS", key("x"), ">"], lambda: ["XAUTOCLAIM", key("x"), "group", "b", 0, "0"],
        lambda: ["SETBIT", key("b"), rng.randrange(3000), 1], lambda: ["PFADD", key("p"), rng.randrange(10**5)], lambda: ["GEOADD", key("g"), rng.random() * 90, rng.random() * 80, "m%d" % rng.randrange(50)],
        lambda: ["RENAME", key("s"), key("s")], lambda: ["COPY", key("h"), key("h"), "REPLACE"], lambda: ["SELECT", rng.choice([0, 0, 1, 5])], lambda: ["PUBLISH", "news", "x"],
        lambda: ["SORT", key("l"), "ALPHA", "STORE", key("l")], lambda: ["MOVE", key("n"), rng.choice([0, 1, 5])],
    ]
    if is_new:
        makers += [lambda: ["HINCRBYFLOAT", key("h"), "x", "1.5"], lambda: ["HPEXPIRE", key("h"), rng.randrange(1, 900), "FIELDS", 2, rng.randrange(200), "g"], lambda: ["HPERSIST", key("h"), "FIELDS", 1, "g"]]
    load = []
    while len(load) < count:
        if rng.randrange(15) == 0:
            load += [["MULTI"], *[rng.choice(makers)() for _ in range(rng.randrange(1, 6))], [rng.choice(["EXEC", "EXEC", "EXEC", "DISCARD"])]]
        else:
            load.append(rng.choice(makers)())
    return [[part if isinstance(part, bytes) else str(part).encode() for part in command] for command in load]


class Load:
    """Writes from a thread of its own until it is stopped."""

    def __init__(self, primary, seed, is_new):
        self.primary, self.rng, self.is_new, self.goes_on, self.count, self.failure = primary, random.Random(seed), is_new, True, 0, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            connection = self.primary.connect(30)
            while self.goes_on:
                batch = commands(self.rng, 100, self.is_new)
                connection.converse(batch)
                self.count += len(batch)
            connection.close()
        except Closed as failure:
            self.failure = failure

    def stop(self):
        self.goes_on = False
        self.thread.join(30)
        assert self.failure is None, self.failure
        assert self.count > 0


class Stage:
    """Servers that go when it ends."""

    def __init__(self, *binaries, options=()):
        self.servers, self.relays = [], []
        try:
            for number, binary in enumerate(binaries):
                self.servers.append(Server(binary, "server %d (%s)" % (number, os.path.basename(binary)), (*PROMPT, *options)))
        except BaseException:
            self.discard()
            raise

    def relay(self, target):
        relay = Relay(target)
        self.relays.append(relay)
        return relay

    def is_new(self, reader=None):
        """Whether the load may have words of 8.0. A replica of 8.0.6 that reads fields with deadlines from a snapshot loses
        some of them that are set anew later, also where its primary is 8.0.6; `reader` is one that reads under load."""
        if reader and not reader.name.endswith("(pollux)"):
            return False
        if any(server.flavour == "valkey" for server in self.servers):
            return False
        return all(server.version >= (7, 4) or server.name.endswith("(pollux)") for server in self.servers)

    def discard(self):
        for relay in self.relays:
            relay.close()
        for server in self.servers:
            server.discard()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.discard()


def pair(first, second, seed, options=(), is_right=lambda primary, replica: True):
    """A replica joins under load, its link is cut at any byte again and again, and it goes on each time."""
    with Stage(first, second, options=options) as stage:
        primary, replica = stage.servers
        fill(primary)
        if stage.is_new():
            add_field_deadlines(primary)
        relay, rng = stage.relay(primary), random.Random(seed)
        load = Load(primary, seed, stage.is_new(replica))
        time.sleep(0.2)
        follow(replica, relay)
        wait_for_link(replica)
        for _ in range(8):
            cuts = relay.cuts
            relay.cut_after(rng.choice([1, 3, rng.randrange(1, 5000)]))
            wait_until(lambda before=cuts: relay.cuts > before, 10, "a cut")
            wait_for_link(replica)
        load.stop()
        compare(primary, replica)
        facts = info(primary)
        assert int(facts["sync_full"]) == 1, "full syncs: %s\n%s" % (facts["sync_full"], primary.log(40))
        assert int(facts["sync_partial_ok"]) >= 8, facts["sync_partial_ok"]
        assert is_right(primary, replica), primary.log(40) + replica.log(40)


DUAL = ("--dual-channel-replication-enabled", "yes", "--repl-diskless-sync", "yes")


def dual(first, second, seed, options=DUAL):
    """The same where the data set comes by a second connection, as Valkey has it: ours says so in its log."""
    pair(first, second, seed, options, lambda primary, replica: any(
        words in server.log(10000) for server, words in ((primary, "capable of dual channel synchronization"),
                                                         (replica, "Starting to receive RDB and replication stream in parallel"))
        if server.name.endswith("(pollux)")))


def chain(binaries, seed):
    """The last of three sees the very stream of the first, and goes on when the one in the middle lost its link."""
    with Stage(*binaries) as stage:
        first, second, third = stage.servers
        fill(first)
        relay = stage.relay(first)
        follow(second, relay)
        wait_for_link(second)
        follow(third, second)
        wait_for_link(third)
        load = Load(first, seed, stage.is_new())
        time.sleep(0.5)
        relay.cut_after(100)
        wait_until(lambda: relay.cuts == 1, 10, "a cut")
        time.sleep(0.5)
        load.stop()
        wait_for_link(second)
        wait_for_link(third)
        compare(first, second, third)
        assert info(second)["sync_full"] == "1" and info(first)["sync_full"] == "1"
        assert info(third)["master_replid"] == info(first)["master_replid"]


def failover(binaries, seed):
    """One of two replicas is promoted; the other and the old primary follow it, without a full synchronisation."""
    with Stage(*binaries) as stage:
        first, second, third = stage.servers
        for replica in (second, third):
            follow(replica, first)
            wait_for_link(replica)
        load = Load(first, seed, stage.is_new())
        time.sleep(0.4)
        load.stop()
        compare(first, second, third)
        before = sum(int(info(server)["sync_full"]) for server in stage.servers)
        assert second.connect()("REPLICAOF", "NO", "ONE").text() == "OK"
        follow(third, second)
        follow(first, second)
        wait_for_link(third)
        wait_for_link(first)
        load = Load(second, seed + 1, stage.is_new())
        time.sleep(0.4)
        load.stop()
        compare(second, first, third)
        after = sum(int(info(server)["sync_full"]) for server in stage.servers)
        assert after == before, "%s full synchronisations\n%s" % (after - before, second.log(40))
        assert int(info(second)["sync_partial_ok"]) == 2


def restarts(first, second, seed):
    """A replica, and then the primary, is stopped with SAVE and started again: both go on."""
    with Stage(first, second) as stage:
        primary, replica = stage.servers
        fill(primary)
        follow(replica, primary)
        wait_for_link(replica)
        load = Load(primary, seed, stage.is_new())
        time.sleep(0.3)
        load.stop()
        wait_for_offset(primary, replica)
        again(replica, "--replicaof", "127.0.0.1 %d" % primary.port)
        wait_for_link(replica)
        primary.connect()("SET", "after", "the restart")
        compare(primary, replica)
        assert info(primary)["sync_full"] == "1", replica.log(40)
        again(primary)
        follow(replica, primary)
        wait_for_link(replica)
        primary.connect()("SET", "after", "the other")
        compare(primary, replica)
        assert info(primary)["sync_full"] == "0" and info(primary)["sync_partial_ok"] == "1", primary.log(40)


def again(server, *options):
    """Stops a server with SAVE, and starts it again on what it has saved."""
    try:
        server.connect()("SHUTDOWN", "SAVE")
    except Closed:
        pass
    server.process.wait(20)
    server.options += options
    server.start()


def snapshots(first, second, options):
    """Two replicas on one snapshot, from the disk or not, while writes go on."""
    with Stage(first, second, second, options=(*options, "--rdb-key-save-delay", "200", "--repl-diskless-sync-delay", "1")) as stage:
        primary, one, other = stage.servers
        fill(primary)
        connection = primary.connect()
        for number in range(3000):
            connection.send([b"SET", b"many:%d" % number, b"x" * 50])
        for _ in range(3000):
            connection.read()
        load = Load(primary, 5, stage.is_new(one))
        follow(one, primary)
        follow(other, primary)

        def is_there():
            seen = info(one)
            if seen["master_link_status"] == "up":
                return True
            # What comes meanwhile is of no history yet.
            assert seen["slave_read_repl_offset"] == seen["slave_repl_offset"], seen
            return False
        wait_until(is_there, 40, "the replica\n" + one.log())
        wait_for_link(other)
        load.stop()
        compare(primary, one, other)
        # At most one of them came too late for the first.
        assert primary.log(400).count("Starting BGSAVE for SYNC") <= 2, primary.log(100)


def redis_tools(ours):
    """redis-cli as a replica: it writes a file, or prints the stream."""
    cli = find_tool("cli")
    with Stage(ours) as stage:
        server = stage.servers[0]
        fill(server)
        folder = tempfile.mkdtemp(prefix="peers-")
        try:
            path = os.path.join(folder, "copy.rdb")
            for option in ("--rdb", "--functions-rdb"):
                done = subprocess.run([cli, "-p", str(server.port), option, path], capture_output=True, text=True, timeout=30, check=False)
                assert done.returncode == 0, done.stderr
                if option == "--rdb":
                    reader = Server(ours, "reader", prepare=lambda inside: shutil.copy(path, os.path.join(inside, "dump.rdb")))
                    must_match(fingerprint(server, (8, 0)), fingerprint(reader, (8, 0)), option)
                    reader.discard()
                else:
                    assert os.path.getsize(path) < 400, os.path.getsize(path)
            with subprocess.Popen([cli, "-p", str(server.port), "--replica"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as tool:
                wait_until(lambda: info(server).get("slave0", "").find("state=online") > 0, 10, "redis-cli online")
                server.connect()("SET", "seen", "by the tool")
                seen = b""
                deadline = time.time() + 10
                os.set_blocking(tool.stdout.fileno(), False)
                while b"by the tool" not in seen and time.time() < deadline:
                    seen += tool.stdout.read() or b""
                    time.sleep(0.02)
                tool.kill()
                assert b'"SET","seen","by the tool"' in seen, seen
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class Impostor:
    """Says what it is told to whoever connects, and then closes or keeps silent."""

    def __init__(self, words):
        self.words = words
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port, self.visits = self.door.getsockname()[1], 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            self.visits += 1
            try:
                client.settimeout(3)
                for word in self.words:
                    if isinstance(word, float):
                        time.sleep(word)
                    else:
                        client.recv(1 << 16)
                        client.sendall(word)
                time.sleep(0.2)
            except OSError:
                pass
            client.close()


REPL_ID = b"a" * 40
ASKED = [b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"+FULLRESYNC " + REPL_ID + b" 7\r\n"]

# What a primary may say that is none, what the log says of it, and whether old data stays.
LIES = {
    "closes at once": ([], "", True),
    "another protocol": ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "Error reply to PING from master", True),
    "no PSYNC syntax": ([*ASKED[:2], b"+FULLRESYNC x\r\n"], "Master replied with wrong +FULLRESYNC syntax", True),
    "later": ([*ASKED[:2], b"-LOADING not yet\r\n"], "Master is currently unable to PSYNC", True),
    "an error in place of the data": ([*ASKED[:2], ASKED[2] + b"-ERR no\r\n"], "MASTER aborted replication with an error", True),
    "no length": ([*ASKED[:2], ASKED[2] + b"xyz\r\n"], "Bad protocol from MASTER", True),
    "too little data": ([*ASKED[:2], ASKED[2] + b"$1000\r\nREDIS0011"], "I/O error trying to sync with MASTER", True),
    "garbage for data": ([*ASKED[:2], ASKED[2] + b"$20\r\n" + b"garbage garbage garb"], "Wrong signature trying to load DB from file", False),
    "damaged data": ([*ASKED[:2], ASKED[2] + b"$14\r\nREDIS0011\x00\x01k\xff\xff"], "Failed trying to load the MASTER synchronization DB", False),
    "a huge length": ([*ASKED[:2], ASKED[2] + b"$99999999999999\r\nREDIS"], "I/O error trying to sync with MASTER", True),
}


def liars(ours):
    """Whatever a primary says: a line in the log, the old data where nothing better has come, and another try."""
    for name, (words, line, keeps) in LIES.items():
        with Stage(ours) as stage:
            server, impostor = stage.servers[0], Impostor(words)
            server.connect()("SET", "old", "data")
            follow(server, impostor)
            wait_until(lambda who=impostor: who.visits >= 2, 15, "another try: %s\n%s" % (name, server.log(20)))
            assert line in server.log(200), "%s: %s" % (name, server.log(30))
            assert info(server)["master_link_status"] == "down"
            wait_until(lambda on=server: on.connect()("PING").text() == "PONG", 5, name)
            held = server.connect()("GET", "old").value
            assert (held == b"data") == keeps, "%s: %s" % (name, held)
            assert server.connect()("REPLICAOF", "NO", "ONE").text() == "OK"
            assert server.connect()("SET", "new", "data").text() == "OK"
            impostor.door.close()


def nobody_there(ours):
    with Stage(ours) as stage:
        server = stage.servers[0]
        server.connect()("REPLICAOF", "127.0.0.1", free_port())
        wait_until(lambda: "Connection refused" in server.log(100), 10, "a line in the log")
        assert server.connect()("REPLICAOF", "no.such.name.invalid", 1).text() == "OK"
        wait_until(lambda: "Unable to connect to MASTER" in server.log(100), 20, "a line in the log")
        assert server.connect()("PING").text() == "PONG"


def peers_of(peer):
    """The real servers that there are, the oldest last."""
    old = find_program("redis-server")
    return [binary for binary in dict.fromkeys([peer, old]) if binary]


class Writer:
    """Counts up, one after the other, on whichever of the servers takes writes, and remembers how far it got."""

    def __init__(self, servers):
        self.servers, self.goes_on, self.count, self.asked = servers, True, 0, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        at, connection = 0, None
        while self.goes_on:
            try:
                connection = connection or self.servers[at].connect(5)
                self.asked += 1
                reply = connection("RPUSH", "log", self.asked)
                if reply.is_error:              # a replica: the other one leads by now
                    raise Closed(reply.show())
                self.count = self.asked
            except Closed:
                connection, at = None, 1 - at
                time.sleep(0.01)

    def stop(self):
        self.goes_on = False
        self.thread.join(10)


def moves(real, ours):
    """From a real server to ours without stopping, and back: a client writes all the time and loses nothing."""
    with Stage(real, ours) as stage:
        first, second = stage.servers
        fill(first)
        writer = Writer([first, second])
        for giver, taker in ((first, second), (second, first)):
            if giver is first:
                follow(taker, giver)
            wait_for_link(taker)
            before = writer.count
            # A primary takes a replica for one that can follow it from its first acknowledgement on.
            wait_until(lambda giver=giver, taker=taker: giver.connect()("FAILOVER", "TO", "127.0.0.1", taker.port).text() == "OK", 5,
                       "a failover\n" + giver.log(30))
            wait_until(lambda giver=giver, taker=taker: info(taker)["role"] == "master" and info(giver)["role"] == "slave", 20,
                       "a change of roles\n" + giver.log(30))
            wait_until(lambda before=before: writer.count > before + 20, 10, "a client that goes on")
        wait_for_link(second)
        writer.stop()
        compare(first, second)
        log = [int(entry.value) for entry in first.connect()("LRANGE", "log", 0, -1).value]
        assert len(set(log)) == len(log) and log == sorted(log), "out of order"
        # What was asked and refused is not there; what was answered is.
        assert writer.count in log and len(log) >= 40, len(log)
        assert info(first)["sync_full"] == "1" and info(second)["sync_full"] == "0"


def tests_for(ours, peer):
    tests = []
    real = peers_of(peer)
    for other in real:
        name = os.path.basename(other)
        tests.append(("replication: %s follows us" % name, lambda other=other: pair(ours, other, 1)))
        tests.append(("replication: we follow %s" % name, lambda other=other: pair(other, ours, 2)))
        tests.append(("replication: restarts, %s follows us" % name, lambda other=other: restarts(ours, other, 3)))
        tests.append(("replication: restarts, we follow %s" % name, lambda other=other: restarts(other, ours, 4)))
        for place in range(3):
            binaries = [other, other, other]
            binaries[place] = ours
            tests.append(("replication: chain of %s, we are number %d" % (name, place + 1), lambda all_=tuple(binaries): chain(all_, 5)))
            tests.append(("replication: failover among %s, we are number %d" % (name, place + 1), lambda all_=tuple(binaries): failover(all_, 6)))
        tests.append(("replication: from %s to us and back" % name, lambda other=other: moves(other, ours)))
        for sync in ("yes", "no"):
            tests.append(("replication: two %s on one snapshot, diskless %s" % (name, sync), lambda other=other, sync=sync: snapshots(ours, other, ("--repl-diskless-sync", sync))))
    valkey = find_program("valkey-server")
    if valkey:
        if valkey not in real:
            tests.append(("replication: from valkey-server to us and back", lambda: moves(valkey, ours)))
        tests.append(("replication: valkey follows us by two connections", lambda: dual(ours, valkey, 13)))
        tests.append(("replication: we follow valkey by two connections", lambda: dual(valkey, ours, 14)))
    tests.append(("replication: we follow us by two connections in Valkey's way",
                  lambda: dual(ours, ours, 15, (*DUAL, "--repl-rdb-channel", "no"))))
    tests.append(("replication: we follow us", lambda: pair(ours, ours, 7)))
    tests.append(("replication: we follow us, read as it comes", lambda: pair(ours, ours, 8, ("--repl-diskless-load", "on-empty-db"))))
    tests.append(("replication: we follow us from the disk", lambda: pair(ours, ours, 9, ("--repl-diskless-sync", "no"))))
    tests.append(("replication: chain of ours", lambda: chain((ours, ours, ours), 10)))
    tests.append(("replication: failover of ours", lambda: failover((ours, ours, ours), 11)))
    tests.append(("replication: restarts of ours", lambda: restarts(ours, ours, 12)))
    tests.append(("replication: two of ours on one snapshot", lambda: snapshots(ours, ours, ())))
    tests.append(("replication: liars", lambda: liars(ours)))
    tests.append(("replication: nobody there", lambda: nobody_there(ours)))
    if find_tool("cli"):
        tests.append(("replication: redis-cli --rdb, --functions-rdb and --replica", lambda: redis_tools(ours)))
    return tests
