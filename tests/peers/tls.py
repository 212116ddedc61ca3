#!/usr/bin/env python3
"""Encrypted connections: real clients, a real server, and those that mean harm.

Python's ssl module and Debian's redis-cli and redis-benchmark (built with OpenSSL) are the other side. Peers that were
built without TLS, as an own build may be, are left out. The certificates are those of tests/certificates.

  tests/peers/tls.py --bin target/debug/pollux
"""

import argparse
import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from replication import compare, wait_for_link, wait_until
from resp import Closed, Connection
from servers import Server, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "certificates")


def file(name):
    return os.path.join(FOLDER, name)


class Secure(Connection):
    """A client whose connection is encrypted."""

    def __init__(self, port, name="client", timeout=10, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(file("authority.crt"))
        if name:
            context.load_cert_chain(file(name + ".crt"), file(name + ".key"))
        if version:
            context.minimum_version = context.maximum_version = version
        super().__init__(port, timeout)
        try:
            self.sock = context.wrap_socket(self.sock)
        except (OSError, ssl.SSLError) as error:
            raise Closed(str(error)) from error

    def ready(self, seconds):
        return self.sock.pending() > 0 or super().ready(seconds)


def options(port, name="server"):
    return ("--tls-port", str(port), "--tls-cert-file", file(name + ".crt"), "--tls-key-file", file(name + ".key"),
            "--tls-ca-cert-file", file("authority.crt"))


class Stage:
    """A server with a port for encrypted connections."""

    def __init__(self, binary, *more, name="server"):
        self.tls_port = free_port()
        self.server = Server(binary, "server", (*options(self.tls_port, name), *more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.discard()


def is_refused(make):
    """TLS 1.3 tells a client only with its first reply that it is not welcome."""
    try:
        client = make()
        reply = client("PING")
        client.close()
        return reply.text() != "PONG"
    except (Closed, OSError):
        return True


def sizes(binary):
    """Values and pipelines of all sizes, in both versions, and an end that loses nothing."""
    rng = random.Random(1)
    with Stage(binary) as stage:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = Secure(stage.tls_port, version=version)
            for size in (0, 1, 100, 16_383, 16_384, 16_385, 70_000, 1_000_000, 20_000_000):
                value = rng.randbytes(size)
                assert client("SET", "key", value).text() == "OK"
                assert client("GET", "key").value == value, size
            value = rng.randbytes(1000)
            client("SET", "key", value)
            for depth in (2, 100, 5000):
                client.send(*[[b"GET", b"key"]] * depth)
                assert all(client.read().value == value for _ in range(depth))
            client.send(*[[b"GET", b"key"]] * 3000, [b"QUIT"])
            assert all(client.read().value == value for _ in range(3000))
            assert client.read().text() == "OK"
            client.close()


def welcome(binary):
    """Who may come in, and that CONFIG SET changes it for those that come later."""
    with Stage(binary) as stage:
        plain = stage.server.connect()
        stays = Secure(stage.tls_port)
        assert not is_refused(lambda: Secure(stage.tls_port, "old"))
        for name in (None, "late", "alone"):
            assert is_refused(lambda name=name: Secure(stage.tls_port, name)), name
        assert plain("CONFIG", "SET", "tls-auth-clients", "optional").text() == "OK"
        assert not is_refused(lambda: Secure(stage.tls_port, None))
        assert is_refused(lambda: Secure(stage.tls_port, "alone"))
        assert plain("CONFIG", "SET", "tls-auth-clients", "no").text() == "OK"
        assert not is_refused(lambda: Secure(stage.tls_port, "alone"))
        assert plain("CONFIG", "SET", "tls-auth-clients", "yes", "tls-protocols", "TLSv1.2").text() == "OK"
        assert is_refused(lambda: Secure(stage.tls_port, version=ssl.TLSVersion.TLSv1_3))
        assert not is_refused(lambda: Secure(stage.tls_port, version=ssl.TLSVersion.TLSv1_2))
        refused = "ERR CONFIG SET failed (possibly related to argument '%s') - Unable to update TLS configuration. Check server logs."
        for name, value in (("tls-protocols", "TLSv1.1"), ("tls-ciphers", "RC4"), ("tls-ciphersuites", "TLS_NONE"),
                            ("tls-cert-file", "/nonexist"), ("tls-key-file", file("client.key")),
                            ("tls-key-file", file("locked.key")), ("tls-ca-cert-file", file("make.sh"))):
            before = plain("CONFIG", "GET", name).raw
            assert plain("CONFIG", "SET", name, value).text() == refused % name, name
            assert plain("CONFIG", "GET", name).raw == before
        assert plain("CONFIG", "SET", "tls-key-file", file("locked.key"), "tls-key-file-pass", "open sesame").text() == "OK"
        assert plain("CONFIG", "SET", "tls-protocols", "", "tls-cert-file", file("old.crt"), "tls-key-file", file("old.key")).text() == "OK"
        client = Secure(stage.tls_port)
        assert client.sock.getpeercert(True) != stays.sock.getpeercert(True)
        assert stays("PING").text() == "PONG"


def ports(binary):
    """The port moves, closes and opens again, as that for plain connections does."""
    with Stage(binary) as stage:
        client = Secure(stage.tls_port)
        other = free_port()
        assert client("CONFIG", "SET", "tls-port", other).text() == "OK"
        assert is_refused(lambda: Secure(stage.tls_port))
        assert Secure(other)("PING").text() == "PONG"
        assert client("CONFIG", "SET", "tls-port", "0").text() == "OK"
        assert is_refused(lambda: Secure(other))
        assert client("CONFIG", "SET", "port", "0").text() == "OK"
        assert client("CONFIG", "SET", "tls-port", stage.tls_port).text() == "OK"
        again = Secure(stage.tls_port)
        assert "listener0:name=tls" in again("INFO", "server").text()
        again("CONFIG", "SET", "port", stage.server.port)
        # A plain word at the wrong door gets no answer, and a line in the log says why.
        wrong = Connection(stage.tls_port)
        try:
            wrong("PING")
            raise AssertionError("it answered")
        except (Closed, OSError):
            pass
        except (ValueError, KeyError, IndexError):
            pass
        wait_until(lambda: "Error accepting a client connection" in stage.server.log(), 5, "a line in the log")


def harm(binary):
    """Handshakes that never end, readers that never read, and garbage do not concern the others."""
    with Stage(binary) as stage:
        client = Secure(stage.tls_port)
        idle = [socket.create_connection(("127.0.0.1", stage.tls_port)) for _ in range(200)]
        for number, one in enumerate(idle):
            one.sendall(b"\x16\x03\x01\x02\x00"[:1 + number % 5])
        rng = random.Random(3)
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", stage.tls_port)) as one:
                one.sendall(rng.choice([b"", b"\x16\x03\x01", b"\x17\x03\x03\x00\x20"]) + rng.randbytes(rng.randrange(1, 3000)))
        client("SET", "key", b"x" * 1_000_000)
        deaf = Secure(stage.tls_port)
        deaf.send(*[[b"GET", b"key"]] * 200)
        started = time.time()
        for _ in range(200):
            assert client("PING").text() == "PONG"
        assert time.time() - started < 5, "others wait for those that mean harm"
        assert deaf.read().value == b"x" * 1_000_000
        for one in idle:
            one.close()
        wait_until(lambda: "connected_clients:2" in client("INFO", "clients").text(), 10, "the places are free again")


def tools(binary):
    """redis-cli and redis-benchmark as Debian builds them."""
    cli, benchmark = shutil.which("redis-cli"), shutil.which("redis-benchmark")
    if not cli or not benchmark:
        return
    with Stage(binary) as stage:
        who = ["-p", str(stage.tls_port), "--tls", "--cert", file("client.crt"), "--key", file("client.key"), "--cacert", file("authority.crt")]
        said = subprocess.run([cli, *who, "EVAL", "return string.rep('x', 300000)", "0"], capture_output=True, text=True, check=True)
        if "Unrecognized option" in said.stdout + said.stderr:
            return
        assert said.stdout == "x" * 300_000 + "\n", said.stdout[:200] + said.stderr
        done = subprocess.run([benchmark, *who, "-q", "-n", "2000", "-P", "16", "-t", "set,get,lrange_600"], capture_output=True, text=True, check=True)
        assert done.stdout.count("requests per second") >= 3, done.stdout


def has_tls(binary):
    """Whether this server was built with it."""
    asked = subprocess.run([binary, "--port", "0", "--tls-port", "1", "--tls-cert-file", "/nonexist"], capture_output=True, text=True, check=False)
    return "TLS support" not in asked.stdout and "connection type tls" not in asked.stdout


def pair(first, second):
    """A replica over an encrypted connection: it joins, and goes on after a cut."""
    if not (has_tls(first) and has_tls(second)):
        return
    with Stage(first, "--tls-replication", "yes") as primary, Stage(second, "--tls-replication", "yes", name="old") as replica:
        client = Secure(primary.tls_port)
        client("DEBUG", "POPULATE", "20000")
        client("SET", "large", b"y" * 5_000_000)
        follow = replica.server.connect()
        assert follow("REPLICAOF", "127.0.0.1", primary.tls_port).text() == "OK"
        wait_for_link(replica.server)
        for number in range(500):
            client("RPUSH", "list", str(number))
        client("CLIENT", "KILL", "TYPE", "replica")
        client("SET", "after", "the cut")
        wait_until(lambda: follow("GET", "after").text() == "the cut", 20, "the replica goes on\n" + replica.server.log())
        compare(primary.server, replica.server)


def moves(first, second):
    """Keys migrate over an encrypted connection where `tls-cluster` says so, and over a plain one where it does not."""
    with Stage(first, "--tls-cluster", "yes") as source, Stage(second, name="old") as target:
        here, there = source.server.connect(), Secure(target.tls_port)
        to = lambda port, *words: here("MIGRATE", "127.0.0.1", port, *words).text()
        here("SET", "large", b"y" * 5_000_000)
        here("RPUSH", "list", "a", "b")
        here("SET", "third", "3")
        assert to(target.tls_port, "", "0", "5000", "KEYS", "large", "list") == "OK"
        assert to(target.tls_port, "third", "0", "5000") == "OK", "the connection is kept"
        assert there("STRLEN", "large").text() == "5000000" and there("LRANGE", "list", "0", "-1").raw == b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
        assert there("GET", "third").text() == "3" and here("DBSIZE").text() == "0"
        here("SET", "more", "4")
        assert to(target.server.port, "more", "0", "300").startswith("IOERR error or timeout"), "a plain port"
        assert to(free_port(), "more", "0", "300") == "IOERR error or timeout connecting to the client", "nobody"
        assert here("CONFIG", "SET", "tls-cluster", "no").text() == "OK"
        assert to(target.server.port, "more", "0", "5000") == "OK" and there("GET", "more").text() == "4"


def names(binary):
    """A certificate says who its client is, where there is such a user and the configuration wants it."""
    with Stage(binary, "--tls-auth-clients-user", "CN") as stage:
        plain = stage.server.connect()
        who = lambda name="client", version=None: Secure(stage.tls_port, name, version=version)("ACL", "WHOAMI").text()
        assert who() == "default", "there is no such user yet"
        plain("ACL", "SETUSER", "Alice", "on", ">secret", "~a*", "+@all")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert who(version=version) == "Alice"
        alice = Secure(stage.tls_port)
        assert alice("GET", "a1").raw == b"$-1\r\n" and alice("GET", "b1").text().startswith("NOPERM"), "its rules hold at once"
        assert alice("AUTH", "default", "").text() == "OK" and alice("ACL", "WHOAMI").text() == "default", "AUTH is free to change it"
        assert who("old") == "default"
        plain("ACL", "SETUSER", "Alice", "off")
        assert who() == "default"
        plain("ACL", "SETUSER", "Alice", "on")
        plain("CONFIG", "SET", "requirepass", "secret", "tls-auth-clients", "optional")
        assert who(None).startswith("NOAUTH") and who() == "Alice"
        assert plain("CONFIG", "SET", "tls-auth-clients-user", "off").text() == "OK"
        assert who().startswith("NOAUTH")


def tests_for(ours, peer):
    """What is possible: `peer` is a real server, or None."""
    if has_tls(ours):
        tests = [("tls: " + test.__name__, lambda test=test: test(ours)) for test in (sizes, welcome, names, ports, harm, tools)]
        tests.append(("tls: we follow us", lambda: pair(ours, ours)))
        tests.append(("tls: keys migrate to us", lambda: moves(ours, ours)))
        for other in {found for found in (peer, shutil.which("redis-server")) if found and has_tls(found)}:
            name = os.path.basename(other)
            tests.append(("tls: %s follows us" % name, lambda other=other: pair(ours, other)))
            tests.append(("tls: we follow %s" % name, lambda other=other: pair(other, ours)))
            tests.append(("tls: keys migrate from %s to us" % name, lambda other=other: moves(other, ours)))
            tests.append(("tls: keys migrate to %s" % name, lambda other=other: moves(ours, other)))
        return tests
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only", default="")
    opts = parser.parse_args()
    for name, test in tests_for(os.path.abspath(opts.bin), None):
        if opts.only in name:
            test()
            print("ok", name, flush=True)


if __name__ == "__main__":
    main()
