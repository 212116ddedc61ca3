#!/usr/bin/env python3
"""What encryption costs: ours beside a redis-server that was built with TLS, the same work for each.

  requests    CPU a request at pipeline depths 1, 16 and 64: SET, GET and LRANGE of 600
  greetings   CPU of a handshake that takes an earlier session up again
  idle        memory of a connection that says nothing

  scripts/encrypted.py                                      everything
  scripts/encrypted.py --parts requests --count 100000

The generator is a redis-benchmark with TLS, the greetings are those of `openssl s_time`. CPU comes from /proc, so this
needs Linux; the ratios of one run are what stays true on a busy machine.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "peers"))

from replicas import cpu
from servers import Server, free_port
from tls import Secure, file, has_tls, options

CLIENTS, IDLE = 50, 1000
TESTS = {"SET": "set", "GET": "get", "LRANGE_600": "lrange_600"}


class Encrypted:
    """A server with an encrypted port beside the plain one."""

    def __init__(self, binary, name):
        self.port = free_port()
        self.server = Server(binary, name, options(self.port) + ("--tls-auth-clients", "no"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.discard()


def requests(binary, opts):
    found = {}
    for test, word in TESTS.items():
        for depth in (1, 16, 64):
            with Encrypted(binary, "server") as stage:
                count = opts.count if word != "lrange_600" else opts.count // 10

                def generate(count, depth=depth, word=word, port=stage.port):
                    subprocess.run(["redis-benchmark", "--tls", "--cacert", file("authority.crt"), "-p", str(port), "-t", word, "-q",
                                    "-c", str(CLIENTS), "-P", str(depth), "-n", str(count), "-r", "100000", "-d", "32"],
                                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

                if word == "get":
                    subprocess.run(["redis-benchmark", "-p", str(stage.server.port), "-t", "set", "-q", "-P", "64", "-n", "300000", "-r", "100000",
                                    "-d", "32"], check=True, stdout=subprocess.DEVNULL)
                generate(count // 10)
                before = cpu(stage.server)
                generate(count)
                found["%s P=%d us" % (test, depth)] = (cpu(stage.server) - before) / count * 1e6
    return found


def greetings(binary, _):
    with Encrypted(binary, "server") as stage:
        before = cpu(stage.server)
        said = subprocess.run(["openssl", "s_time", "-connect", "127.0.0.1:%d" % stage.port, "-CAfile", file("authority.crt"), "-reuse", "-time", "4"],
                              capture_output=True, text=True, check=False).stdout
        made = sum(int(line.split()[0]) for line in said.splitlines() if "connections in" in line and "real seconds" not in line)
        return {"us each": (cpu(stage.server) - before) / max(made, 1) * 1e6, "made": made}


def idle(binary, _):
    with Encrypted(binary, "server") as stage:
        first = Secure(stage.port)
        first("PING")
        before = stage.server.memory()
        held = []
        for _ in range(IDLE):
            held.append(Secure(stage.port))
            held[-1]("PING")
        time.sleep(3)
        return {"KiB each": (stage.server.memory() - before) / IDLE / 1024}


PARTS = {"requests": requests, "greetings": greetings, "idle": idle}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="ours (%(default)s)")
    parser.add_argument("--peer", default=shutil.which("redis-server"), help="a real server with TLS (%(default)s)")
    parser.add_argument("--count", type=int, default=300_000, help="requests of a test (%(default)s)")
    parser.add_argument("--parts", default=",".join(PARTS), help="(%(default)s)")
    opts = parser.parse_args()
    if not (opts.peer and has_tls(opts.peer)):
        print("encrypted: there is no redis-server that was built with TLS", file=sys.stderr)
        return 1
    for part in opts.parts.split(","):
        ours, theirs = PARTS[part](opts.bin, opts), PARTS[part](opts.peer, opts)
        print("\n%-20s%12s%12s%12s" % (part, "ours", "redis", "theirs/ours"))
        for row, value in ours.items():
            print("%-20s%12.2f%12.2f%12.2f" % (row, value, theirs[row], theirs[row] / value if value else 0), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
