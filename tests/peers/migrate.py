"""MIGRATE between ours and real servers: what moves, what stays, what is said, and who waits meanwhile."""

import socket
import time

from exchange import add_field_deadlines, fill, fingerprint, must_match
from replication import Stage, wait_until
from servers import Server, free_port


def held(server, version):
    """Keys and values. A time to live is sent as what is left of it, so deadlines move by what the way takes."""
    near = 20_000
    found = fingerprint(server, version)
    return {key: (what[0], int(what[1]) // near if int(what[1]) > 0 else what[1], *what[2:]) for key, what in found.items()}


def moves(source, target):
    """Every key of every type, one by one and many at once, there and back."""
    with Stage(source, target) as stage:
        first, second = stage.servers
        fill(first)
        version = min(first.version, second.version)
        if version >= (7, 4):
            add_field_deadlines(first)
        before = held(first, version)
        for giver, taker in ((first, second), (second, first)):
            connection = giver.connect(60)
            for db in sorted({name[0] for name in before}):
                connection("SELECT", db)
                keys = [key.value for key in connection("KEYS", "*").value]
                for key in keys[:5]:
                    assert connection("MIGRATE", "127.0.0.1", taker.port, key, db, 5000).text() == "OK"
                if keys[5:]:
                    assert connection("MIGRATE", "127.0.0.1", taker.port, "", db, 5000, "KEYS", *keys[5:]).text() == "OK"
                assert connection("DBSIZE").number() == 0
            must_match(before, held(taker, version), "moved to " + taker.name)


def said(source, target):
    """The replies to what goes wrong and what goes well, as text."""
    replies = []
    with Stage(source, target, options=("--maxmemory-policy", "noeviction")) as stage:
        first, second = stage.servers
        connection, there = first.connect(30), second.connect(30)

        def ask(*words):
            replies.append(connection(*words).show())
        for key in ("a", "b", "c", "d"):
            connection("SET", key, key)
        ask("MIGRATE", "127.0.0.1", free_port(), "a", 0, 300)
        ask("MIGRATE", "127.0.0.1", "no port", "a", 0, 300)
        there("SET", "b", "other")
        ask("MIGRATE", "127.0.0.1", second.port, "b", 0, 1000)
        ask("MIGRATE", "127.0.0.1", second.port, "", 0, 1000, "KEYS", "a", "b", "nobody", "c")
        ask("EXISTS", "a", "b", "c")
        ask("MIGRATE", "127.0.0.1", second.port, "b", 0, 1000, "COPY", "REPLACE")
        ask("EXISTS", "b")
        ask("MIGRATE", "127.0.0.1", second.port, "b", 99, 1000)
        ask("MIGRATE", "127.0.0.1", second.port, "b", 0, 1000, "REPLACE", "AUTH2", "nobody", "wrong")
        there("CONFIG", "SET", "requirepass", "secret")
        other = first.connect(30)
        ask("MIGRATE", "127.0.0.1", second.port, "d", 3, 1000, "AUTH", "wrong")
        ask("MIGRATE", "127.0.0.1", second.port, "d", 3, 1000, "AUTH", "secret")
        ask("EXISTS", "d")
        connection("SET", "d", "again")
        sleeper = second.connect(30)
        sleeper("AUTH", "secret")
        sleeper.send([b"DEBUG", b"SLEEP", b"1"])
        time.sleep(0.1)
        ask("MIGRATE", "127.0.0.1", second.port, "d", 5, 300, "AUTH", "secret")
        ask("EXISTS", "d")
        sleeper.read()
        # The log has the removals, and secrets are not in the slow log.
        other("CONFIG", "SET", "slowlog-log-slower-than", 0)
        connection("SET", "e", 1)
        ask("MIGRATE", "127.0.0.1", second.port, "e", 0, 1000, "AUTH2", "default", "secret")
        assert "secret" not in other("SLOWLOG", "GET").show()
    return replies


def answers(ours, peer):
    expected, found = said(peer, peer), said(ours, peer)
    assert found == expected, "\n".join("%s\n    %s" % pair for pair in zip(expected, found) if pair[0] != pair[1])


def goes_on(ours):
    """While a key is on its way to a server that does not answer, others read, and writes wait; when the client goes, what
    has been moved is removed all the same."""
    door = socket.create_server(("127.0.0.1", 0))
    port = door.getsockname()[1]
    server = Server(ours, "ours")
    try:
        client, reader, writer = server.connect(), server.connect(), server.connect()
        reader("SET", "key", "value")
        client.send([b"MIGRATE", b"127.0.0.1", b"%d" % port, b"key", b"0", b"5000"])
        there, _ = door.accept()
        there.settimeout(10)
        heard = b""
        while b"RESTORE" not in heard:
            came = there.recv(1 << 16)
            assert came, heard
            heard += came
        started = time.time()
        assert reader("GET", "key").text() == "value"
        assert time.time() - started < 1
        writer.send([b"SET", b"key", b"late"])
        time.sleep(0.3)
        assert reader("GET", "key").text() == "value"
        client.close()
        there.sendall(b"+OK\r\n+OK\r\n")
        assert writer.read().text() == "OK"
        assert reader("GET", "key").text() == "late"
        assert "migrate_cached_sockets:1" in reader("INFO", "stats").text()
        reader("SET", "other", "1")
        assert "cmdstat_migrate:calls=1" in reader("INFO", "commandstats").text()
        wait_until(lambda: "migrate_cached_sockets:0" in reader("INFO", "stats").text(), 15, "the connection is let go")
    finally:
        door.close()
        server.discard()


def tests_for(ours, peer, version):
    tests = [
        ("migrate: ours to ours", lambda: moves(ours, ours)),
        ("migrate: ours and %d.%d" % version[:2], lambda: moves(ours, peer)),
        ("migrate: reads go on", lambda: goes_on(ours)),
    ]
    if version >= (8, 0):
        tests.append(("migrate: what is said", lambda: answers(ours, peer)))
    return tests
