"""Files and streams exchanged with a real server: whatever one writes the other reads, and both then hold the same.

Both directions each time: RDB, append-only file, replication. The data covers every type in its small and its large
encoding, with deadlines, odd bytes and several databases. Against an older peer, what it cannot hold is left out.
"""

import os
import shutil
import subprocess
import time

from ops import Stage
from scenes import content, words
from servers import Server, find_program


def fill(server):
    """Data of every kind. Returns nothing: what is there is what `fingerprint` says."""
    connection = server.connect()
    later = int(time.time() * 1000) + 10**8
    commands = [["SET", "int", 42], ["SET", "negative", -2**63], ["SET", "short", "hello"], ["SET", "long", "x" * 5000],
                ["SET", b"\x00bin\xff", bytes(range(256))], ["SET", "", "empty name"], ["SET", "empty value", ""],
                ["SET", "compressible", "abc" * 1000], ["SET", "with deadline", "v"], ["PEXPIREAT", "with deadline", later],
                ["RPUSH", "small list", 1, "two", b"\xff", ""], ["SADD", "ints", 1, 2, 70000, 2**40], ["SADD", "small set", "a", "b", 1],
                ["HSET", "small hash", "f", "v", "n", 1, "", ""], ["ZADD", "small zset", 1, "a", "-inf", "b", 3.25, "c", "1e-10", "d"],
                ["PFADD", "hll", *range(100)], ["SETBIT", "bits", 1000, 1], ["GEOADD", "places", 13.361389, 38.115556, "Palermo"],
                ["XADD", "stream", "1-1", "f", "v"], ["XADD", "stream", "2-1", "g", "w"], ["XDEL", "stream", "1-1"],
                ["XGROUP", "CREATE", "stream", "group", "0"], ["XREADGROUP", "GROUP", "group", "alice", "STREAMS", "stream", ">"],
                ["RPUSH", "large list", *["element %d" % i for i in range(3000)]],
                ["SADD", "large set", *["member %d" % i for i in range(2000)]],
                ["HSET", "large hash", *[part for i in range(2000) for part in ("field %d" % i, "value %d" % i)]],
                ["ZADD", "large zset", *[part for i in range(2000) for part in (i * 1.5, "member %d" % i)]],
                ["EXPIREAT", "large hash", 4000000000], ["SELECT", 3], ["SET", "in three", "3"], ["SELECT", 9], ["RPUSH", "in nine", "9"],
                ["SELECT", 0]]
    commands += [["XADD", "large stream", "%d-1" % i, "field", "value %d" % i] for i in range(1, 500)]
    for command in commands:
        reply = connection(*command)
        assert not reply.is_error, "%s: %s" % (command[:3], reply.show())
    connection.close()


def add_field_deadlines(server):
    connection = server.connect()
    later = int(time.time()) + 10**5
    for name, count in (("hash with deadlines", 3), ("large hash with deadlines", 1500)):
        connection("HSET", name, *[part for i in range(count) for part in ("f%d" % i, i)])
        connection("HEXPIREAT", name, later, "FIELDS", 2, "f0", "f1")
    connection.close()


def fingerprint(server, peer_version):
    """What every key of every database holds, and until when."""
    connection = server.connect()
    stage = Stage(server, connection, 2, peer_version)
    found = {}
    for db in range(16):
        connection("SELECT", db)
        for key in sorted(words(connection("KEYS", "*"))):
            held = content(stage, key)
            if peer_version < (7, 2) or held[0] == "set":      # a set's encoding may be chosen anew when it is read
                held = (held[0], held[2] if len(held) > 2 else held)
            found[db, key] = (held, connection("PEXPIRETIME", key).value)
            if held[0] == "stream":
                found[db, key] += (connection("XPENDING", key, "group").show(), connection("XLEN", key).value)
            if held[0] == "hash" and peer_version >= (7, 4):
                found[db, key] += (connection("HPEXPIRETIME", key, "FIELDS", 2, "f0", "f1").show(),)
    connection.close()
    return found


def must_match(first, second, what):
    missing, extra = first.keys() - second.keys(), second.keys() - first.keys()
    assert not missing and not extra, "%s: missing %s, extra %s" % (what, sorted(missing)[:5], sorted(extra)[:5])
    for key, held in first.items():
        assert held == second[key], "%s: %s holds %.300r, expected %.300r" % (what, key, second[key], held)


class Pair:
    """A binary that writes and one that reads. `is_old` when one of the two cannot know newer things."""

    def __init__(self, ours, writer, reader, peer_version):
        self.ours, self.writer, self.reader, self.peer_version = ours, writer, reader, peer_version

    def filled(self, *options):
        if self.peer_version < (7, 2) and self.writer == self.ours:
            options += OLD_FORM
        server = Server(self.writer, "writer", options)
        fill(server)
        if self.peer_version >= (8, 0):
            add_field_deadlines(server)
        return server


def rdb(pair):
    """SAVE here, start there with the file."""
    writer = pair.filled()
    try:
        before = fingerprint(writer, pair.peer_version)
        connection = writer.connect(timeout=60)
        reply = connection("SAVE")
        assert reply.text() == "OK", reply.show()
        checker = find_program("redis-check-rdb")
        path = os.path.join(writer.dir, "dump.rdb")
        if checker and pair.peer_version < (8, 0):      # the checker on PATH is the distribution's
            done = subprocess.run([checker, path], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0 and "RDB looks OK" in done.stdout, done.stdout
        reader = Server(pair.reader, "reader", prepare=lambda folder: shutil.copy(path, folder))
        try:
            must_match(before, fingerprint(reader, pair.peer_version), "RDB")
        finally:
            reader.discard()
    finally:
        writer.discard()


def save(server):
    connection = server.connect(timeout=60)
    reply = connection("SAVE")
    connection.close()
    assert reply.text() == "OK", reply.show()
    return os.path.join(server.dir, "dump.rdb")


def digest(server):
    connection = server.connect(timeout=60)
    text = connection("DEBUG", "DIGEST").text()
    connection.close()
    return text


# For a reader that knows no newer form.
OLD_FORM = ("--rdb-version", "10")

# How the server in the middle keeps and writes values. Each must give back what it was given.
MANNERS = {
    "auto": (),
    "12": ("--rdb-version", "12", "--rdbcompression", "no"),
    "11 without checksum": ("--rdb-version", "11", "--rdbchecksum", "no"),
    "10 with large forms only": ("--rdb-version", "10", "--hash-max-listpack-entries", "0", "--set-max-listpack-entries", "0",
                                 "--set-max-intset-entries", "0", "--zset-max-listpack-entries", "0",
                                 "--list-max-listpack-size", "1"),
    "9 with small forms only": ("--rdb-version", "9", "--hash-max-listpack-entries", "100000", "--set-max-listpack-entries",
                                "100000", "--set-max-intset-entries", "100000", "--zset-max-listpack-entries", "60000"),
}


def there_and_back(ours, peer, peer_version):
    """A real server's file is loaded here, saved here, and loaded there again: the real one sees no difference."""
    writer = Server(peer, "writer", ("--list-max-listpack-size", "-1"))
    try:
        fill(writer)
        plain, before = os.path.join(writer.dir, "plain.rdb"), {}
        shutil.copy(save(writer), plain)
        before[plain] = digest(writer)
        sources = [plain]
        if peer_version >= (8, 0):
            add_field_deadlines(writer)
            timed = save(writer)
            before[timed] = digest(writer)
            sources.append(timed)
        for source in sources:
            for manner, options in MANNERS.items():
                if peer_version < (7, 2) and manner[0] == "1" and not manner.startswith("10"):
                    continue
                if peer_version < (7, 2) and manner == "auto":
                    options = OLD_FORM
                middle = Server(ours, "ours", options, prepare=lambda folder, path=source: shutil.copy(path, os.path.join(folder, "dump.rdb")))
                try:
                    connection = middle.connect()
                    assert connection("DEBUG", "RELOAD").text() == "OK", manner
                    written = save(middle)
                    checked = subprocess.run([ours, "check", written], capture_output=True, text=True, timeout=60, check=False)
                    assert checked.returncode == 0 and "RDB looks OK" in checked.stdout, checked.stdout
                    reader = Server(peer, "reader", prepare=lambda folder, path=written: shutil.copy(path, folder))
                    try:
                        assert digest(reader) == before[source], "%s: the digest changed on the way (%s)" % (manner, source)
                    finally:
                        reader.discard()
                finally:
                    middle.discard()
    finally:
        writer.discard()


def append_only_file(pair):
    """Write with appendonly, once with and once without a rewrite, start there with the folder."""
    for rewritten in (False, True):
        writer = pair.filled("--appendonly", "yes", "--appendfsync", "always")
        try:
            if rewritten:
                connection = writer.connect()
                connection("BGREWRITEAOF")
                wait_until(lambda c=connection: "aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0" in c("INFO", "persistence").text())
                connection("SET", "after", "the rewrite")
                connection("RPUSH", "small list", "after")
            before = fingerprint(writer, pair.peer_version)
            writer.stop()
            folder = os.path.join(writer.dir, "appendonlydir")
            reader = Server(pair.reader, "reader", ("--appendonly", "yes"),
                            prepare=lambda place, source=folder: shutil.copytree(source, os.path.join(place, "appendonlydir")))
            try:
                must_match(before, fingerprint(reader, pair.peer_version), "AOF" + (" rewritten" if rewritten else ""))
            finally:
                reader.discard()
        finally:
            writer.discard()


def replication(pair):
    """A replica there of a primary here: what was there before, what comes later, and after a break of the link."""
    primary, replica = pair.filled("--repl-diskless-sync-delay", "0"), Server(pair.reader, "replica")
    try:
        connection, behind = primary.connect(), replica.connect()
        assert behind("REPLICAOF", "127.0.0.1", primary.port).text() == "OK"
        wait_until(lambda: "master_link_status:up" in behind("INFO", "replication").text(), 30)
        for command in (["SET", "later", 1], ["INCR", "later"], ["LPOP", "small list"], ["SPOP", "large set", 10], ["EXPIRE", "short", 1000],
                        ["INCRBYFLOAT", "float", "0.1"], ["SET", "ex", "v", "EX", 1000], ["ZPOPMIN", "large zset", 3], ["FLUSHDB"],
                        ["XADD", "stream", "*", "f", "v"], ["MULTI"], ["SET", "t1", 1], ["SET", "t2", 2], ["EXEC"]):
            reply = connection(*command)
            assert not reply.is_error or command[0] == "EXEC", "%s: %s" % (command, reply.show())
        assert behind("SET", "x", 1).text().startswith("READONLY")
        in_step(connection)
        must_match(fingerprint(primary, pair.peer_version), fingerprint(replica, pair.peer_version), "replication")
        connection("CLIENT", "KILL", "TYPE", "replica")
        connection("SET", "while away", 1)
        wait_until(lambda: "master_link_status:up" in behind("INFO", "replication").text(), 30)
        in_step(connection)
        must_match(fingerprint(primary, pair.peer_version), fingerprint(replica, pair.peer_version), "after a break")
        assert "sync_partial_ok:0" not in connection("INFO", "stats").text(), "the break ended in a full synchronisation"
    finally:
        primary.discard()
        replica.discard()


def in_step(connection):
    """WAIT counts the replicas that have everything."""
    wait_until(lambda: connection("WAIT", 1, 1000).value == b"1", 20)


def wait_until(holds, seconds=20):
    deadline = time.time() + seconds
    while not holds():
        assert time.time() < deadline, "it did not come in %d s" % seconds
        time.sleep(0.05)


def tests_for(ours, peer, peer_version):
    """(name, function) for both directions."""
    both = [("rdb there and back", lambda: there_and_back(ours, peer, peer_version))]
    for test in (rdb, append_only_file, replication):
        both.append(("%s from ours to the peer" % test.__name__, lambda t=test: t(Pair(ours, ours, peer, peer_version))))
        both.append(("%s from the peer to ours" % test.__name__, lambda t=test: t(Pair(ours, peer, ours, peer_version))))
    return both
