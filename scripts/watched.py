#!/usr/bin/env python3
"""What the live page costs the clients: processor time of the server for each request, without a page, with one that
nobody looks at, and with a viewer at /events who reads.

  scripts/watched.py --bin target/release/pollux --count 1000000 --rounds 5

The three run side by side and in turns, so that what else the machine does meets all alike; the median counts. The
generator is redis-benchmark. CPU comes from /proc, so this needs Linux.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "peers"))

from replicas import cpu
from servers import Server, find_tool, free_port


class Viewer(threading.Thread):
    """Reads frames until the server ends; knows how many they were, and how many bytes."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.sock, self.bytes, self.frames = socket.create_connection(("127.0.0.1", port)), 0, 0
        self.sock.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        self.start()

    def run(self):
        try:
            while data := self.sock.recv(1 << 20):
                self.bytes += len(data)
                self.frames += data.count(b"event: frame")
        except OSError:
            pass


class Stage:
    def __init__(self, binary, name):
        port = free_port()
        self.server = Server(binary, name, ["--page-port", str(port)] if name != "no page" else [])
        self.viewer = Viewer(port) if name == "a viewer" else None

    def cost(self, test, depth, count):
        """Microseconds of the processor for a request."""
        before = cpu(self.server)
        subprocess.run([find_tool("benchmark"), "-p", str(self.server.port), "-t", test, "-P", str(depth), "-n", str(count), "-c", "50", "-q",
                        "-r", "100000", "-d", "32"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return (cpu(self.server) - before) / count * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"))
    parser.add_argument("--count", type=int, default=1000000, help="requests at P=16; a fifth of it at P=1 (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    opts = parser.parse_args()
    names = ["no page", "a page", "a viewer"]
    stages = {name: Stage(opts.bin, name) for name in names}
    try:
        print("%-12s" % "us each" + "".join("%12s" % name for name in names))
        for depth, count in ((1, opts.count // 5), (16, opts.count)):
            for test in ("set", "get"):
                found = {name: [] for name in names}
                for _ in range(opts.rounds):
                    for name in names:
                        found[name].append(stages[name].cost(test, depth, count))
                middle = {name: statistics.median(found[name]) for name in names}
                print("%-12s" % ("%s P=%d" % (test.upper(), depth)) + "".join(
                    "%12s" % ("%.2f %+.1f%%" % (middle[name], 100 * (middle[name] / middle["no page"] - 1))) for name in names))
        print("the viewer has read %.1f MB" % (stages["a viewer"].viewer.bytes / 1e6))
    finally:
        for stage in stages.values():
            stage.server.discard()


if __name__ == "__main__":
    main()
