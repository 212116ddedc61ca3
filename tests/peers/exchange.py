"""Files and streams exchanged with a real server: whatever one writes the other reads, and both then hold the same.

Both directions each time: RDB, append-only file, replication. The data covers every type in its small and its large
encoding, with deadlines, odd bytes and several databases. Against an older peer, what it cannot hold is left out.
"""

import os
import re
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


def lowest_version(ours, peer, peer_version):
    """A file has the lowest version that loses nothing: 10 while no stream has a consumer, 11 from the first one on, 10
    again when the last is gone. A server that does not know 11 reads the one and refuses the other."""
    writer = Server(ours, "writer")
    try:
        connection = writer.connect(timeout=60)
        fill(writer)
        steps = [(None, b"0011"), (["XGROUP", "DELCONSUMER", "stream", "group", "alice"], b"0010"),
                 (["XREADGROUP", "GROUP", "group", "bob", "COUNT", "1", "STREAMS", "stream", ">"], b"0011"),
                 (["XGROUP", "DESTROY", "stream", "group"], b"0010"),
                 (["XGROUP", "CREATE", "stream", "group", "0"], b"0010"),
                 (["XGROUP", "CREATECONSUMER", "stream", "group", "carol"], b"0011"),
                 (["COPY", "stream", "copy"], b"0011"), (["DEL", "stream"], b"0011"), (["DEL", "copy"], b"0010")]
        for command, version in steps:
            if command:
                reply = connection(*command)
                assert not reply.is_error, reply.show()
            path = save(writer)
            with open(path, "rb") as file:
                assert file.read(9) == b"REDIS" + version, command
            if version == b"0011" and peer_version < (7, 2):
                try:
                    Server(peer, "reader", prepare=lambda folder: shutil.copy(path, folder)).discard()
                except SystemExit as refused:
                    assert "Can't handle RDB format version 11" in str(refused), refused
                else:
                    raise AssertionError("the peer has read version 11")
                continue
            reader = Server(peer, "reader", prepare=lambda folder: shutil.copy(path, folder))
            try:
                assert digest(reader) == digest(writer), command
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


# How the log is written: as it is by default, with the times noted, with a base of commands.
LOG_MANNERS = {
    "plain": ((), False),
    "with times": (("--aof-timestamp-enabled", "yes"), False),
    "rewritten": ((), True),
    "rewritten as commands": (("--aof-use-rdb-preamble", "no", "--aof-timestamp-enabled", "yes"), True),
}


def rewrite_log(server):
    """BGREWRITEAOF, and some commands after it."""
    connection = server.connect(timeout=60)
    connection("BGREWRITEAOF")
    wait_until(lambda: "aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0" in connection("INFO", "persistence").text())
    for command in (["SET", "after", "the rewrite"], ["RPUSH", "small list", "after"], ["SELECT", 3], ["INCR", "counted"],
                    ["MULTI"], ["LPOP", "large list"], ["SADD", "large set", "after"], ["EXEC"]):
        connection(*command)
    connection.close()


def log_folder(server):
    return os.path.join(server.dir, "appendonlydir")


def copy_log(folder, target):
    """A server that runs may still be removing what its last rewrite has replaced."""
    for _ in range(20):
        try:
            return shutil.copytree(folder, target)
        except shutil.Error:
            shutil.rmtree(target)
            time.sleep(0.1)
    raise AssertionError("%s does not come to rest" % folder)


def with_log(binary, name, folder, *options):
    """A server that starts with a copy of this folder."""
    return Server(binary, name, ("--appendonly", "yes", *options),
                  prepare=lambda place: copy_log(folder, os.path.join(place, "appendonlydir")))


def append_only_file(pair):
    """Write with appendonly in several manners, start there with the folder."""
    for manner, (options, is_rewritten) in LOG_MANNERS.items():
        writer = pair.filled("--appendonly", "yes", "--appendfsync", "always", *options)
        try:
            if is_rewritten:
                rewrite_log(writer)
            before = fingerprint(writer, pair.peer_version)
            writer.stop()
            checked = subprocess.run([pair.ours, "check", log_folder(writer)], capture_output=True, text=True, timeout=60, check=False)
            assert checked.returncode == 0 and "All AOF files and manifest are valid" in checked.stdout, checked.stdout
            reader = with_log(pair.reader, "reader", log_folder(writer))
            try:
                must_match(before, fingerprint(reader, pair.peer_version), "AOF " + manner)
            finally:
                reader.discard()
        finally:
            writer.discard()


def log_there_and_back(ours, peer, peer_version):
    """A real server's log is loaded here, rewritten and gone on with, and read there again: the real one sees no difference."""
    for manner, (options, is_rewritten) in LOG_MANNERS.items():
        old_form = OLD_FORM if peer_version < (7, 2) else ()
        writer = Server(peer, "writer", ("--appendonly", "yes", "--appendfsync", "always", *options))
        middle = reader = None
        try:
            fill(writer)
            if peer_version >= (8, 0):
                add_field_deadlines(writer)
            if is_rewritten:
                rewrite_log(writer)
            writer.stop()
            middle = with_log(ours, "ours", log_folder(writer), "--appendfsync", "always", *old_form, *options)
            connection = middle.connect(timeout=60)
            assert connection("DEBUG", "LOADAOF").text() == "OK", manner
            connection.close()
            writer.start()
            for server in (writer, middle):
                rewrite_log(server)
            before = digest(writer)
            middle.stop()
            reader = with_log(peer, "reader", log_folder(middle))
            assert digest(reader) == before, "%s: the digest changed on the way" % manner
        finally:
            for server in (writer, middle, reader):
                if server:
                    server.discard()


def last_part(folder):
    """The file of a log that is being written: the last that its manifest names."""
    with open(os.path.join(folder, "appendonly.aof.manifest"), encoding="utf-8") as manifest:
        return os.path.join(folder, [line.split()[1] for line in manifest if " type i" in line][-1])


def cut_log(pair):
    """A log that ends anywhere is read as far as it goes, here and there alike."""
    writer = pair.filled("--appendonly", "yes", "--appendfsync", "always", "--aof-timestamp-enabled", "yes")
    try:
        connection = writer.connect()
        for command in (["SELECT", 0], ["SET", "one", 1], ["MULTI"], ["SET", "two", 2], ["RPUSH", "both", "x"], ["EXEC"], ["SET", "three", 3]):
            connection(*command)
        writer.stop()
        size = os.path.getsize(last_part(log_folder(writer)))
        for missing in (1, 2, 7, 28, 33, 45, 70, 99, 130, 160, 200, 5000):
            found = []
            for binary in (pair.writer, pair.reader):
                folder = os.path.join(writer.dir, "cut")
                shutil.copytree(log_folder(writer), folder)
                os.truncate(last_part(folder), size - missing)
                server = with_log(binary, "reader", folder)
                shutil.rmtree(folder)
                try:
                    found.append(fingerprint(server, pair.peer_version))
                finally:
                    server.discard()
            must_match(found[0], found[1], "a log without its last %d bytes" % missing)
    finally:
        writer.discard()


def log_of_one_file(pair):
    """A log from before there were folders, with and without a part that is RDB, becomes the base of a new one."""
    writer = pair.filled("--appendonly", "yes", "--appendfsync", "always")
    try:
        save_to = os.path.join(writer.dir, "old.aof")
        for has_preamble in (False, True):
            if has_preamble:
                rewrite_log(writer)
            with open(save_to, "wb") as old:
                folder = log_folder(writer)
                parts = [name for name in os.listdir(folder) if name.endswith(".base.rdb")] if has_preamble else []
                for path in [os.path.join(folder, name) for name in parts] + [last_part(folder)]:
                    with open(path, "rb") as part:
                        # Without its checksums, which are of another file.
                        old.write(part.read() if path.endswith(".rdb") else re.sub(rb"(?m)^#C:.*\n", b"", part.read()))
            reader = Server(pair.reader, "reader", ("--appendonly", "yes"),
                            prepare=lambda place: shutil.copy(save_to, os.path.join(place, "appendonly.aof")))
            try:
                must_match(fingerprint(writer, pair.peer_version), fingerprint(reader, pair.peer_version), "an old log")
                with open(os.path.join(log_folder(reader), "appendonly.aof.manifest"), encoding="utf-8") as manifest:
                    lines = manifest.read().splitlines()
                assert lines[0].startswith("file appendonly.aof seq 1 type b"), lines
                assert lines[1].startswith("file appendonly.aof.1.incr.aof seq 1 type i"), lines
                assert not os.path.exists(os.path.join(reader.dir, "appendonly.aof"))
            finally:
                reader.discard()
    finally:
        writer.discard()


LIBRARY = "#!lua name=kept\nredis.register_function('kept', function() return 'still here' end)"


def libraries(ours, peer, peer_version):
    """Functions go from a real server through ours and back, through RDB files and through the log, and run on both."""
    assert peer_version >= (7, 0)
    writer = Server(peer, "writer", ("--appendonly", "yes"))
    old_form = OLD_FORM if peer_version < (7, 2) else ()
    readers = []
    try:
        connection = writer.connect(timeout=60)
        assert connection("FUNCTION", "LOAD", LIBRARY).text() == "kept"
        connection("SET", "key", "value")
        rewrite_log(writer)
        before = connection("FUNCTION", "DUMP").value
        path = save(writer)
        middle = Server(ours, "ours", old_form, prepare=lambda place: shutil.copy(path, os.path.join(place, "dump.rdb")))
        readers.append(middle)
        connection = middle.connect(timeout=60)
        assert connection("DEBUG", "RELOAD").text() == "OK"
        written = save(middle)
        readers.append(Server(peer, "reader", prepare=lambda place: shutil.copy(written, place)))
        writer.stop()
        middle = with_log(ours, "ours", log_folder(writer), *old_form)
        readers.append(middle)
        connection = middle.connect(timeout=60)
        assert connection("DEBUG", "LOADAOF").text() == "OK"
        for preamble in ("yes", "no"):
            connection("CONFIG", "SET", "aof-use-rdb-preamble", preamble)
            rewrite_log(middle)
            readers.append(with_log(peer, "reader", log_folder(middle)))
        for reader in readers:
            connection = reader.connect()
            assert connection("FCALL", "kept", 0).text() == "still here"
            if reader.binary != os.path.abspath(ours):
                assert connection("FUNCTION", "DUMP").value == before
    finally:
        for server in [writer, *readers]:
            server.discard()


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
    both = [("rdb in the lowest version", lambda: lowest_version(ours, peer, peer_version)),
            ("rdb there and back", lambda: there_and_back(ours, peer, peer_version)),
            ("log there and back", lambda: log_there_and_back(ours, peer, peer_version)),
            ("log and rdb keep libraries", lambda: libraries(ours, peer, peer_version))]
    for test in (rdb, append_only_file, cut_log, log_of_one_file, replication):
        both.append(("%s from ours to the peer" % test.__name__, lambda t=test: t(Pair(ours, ours, peer, peer_version))))
        both.append(("%s from the peer to ours" % test.__name__, lambda t=test: t(Pair(ours, peer, ours, peer_version))))
    return both
