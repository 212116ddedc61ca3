#!/usr/bin/env python3
"""Sends random bytes to our server and to a real one: broken requests, halves of requests, huge lengths, in any slices.

Three things are asked. The server lives. What it says before it closes is what the real one says. And a request cut
into single bytes is answered as the whole one. The seed gives the same bytes again.
"""

import argparse
import os
import random
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from resp import Closed, encode, quote
from servers import Server, find_peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

PIECES = [b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n", b"PING\r\n", b"ECHO 'a b'\r\n", b"*0\r\n", b"*-1\r\n", b"\r\n",
          b"*1\r\n", b"$4\r\n", b"*2147483648\r\n", b"*1048577\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$4\r\nPINGxx",
          b"*1\r\n:1\r\n", b"*x\r\n", b"*1\r\n$x\r\n", b"*+1\r\n", b"* 1\r\n", b"*01\r\n$4\r\nPING\r\n", b"*1\r\n$04\r\nPING\r\n", b"GET 'a\r\n",
          b"GET \"a\\x4\r\n", b"SET k \"\\x41\\n\"\r\n", b"GET k\r\n", b"\n", b"\r", b"PING\n", b"*1\n$4\nPING\n", b"\x00", b"\xff" * 5,
          b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", b"*1\r\n$0\r\n\r\n", b"*99999999999999999999\r\n",
          b"*1\r\n$99999999999999999999\r\n", b"POST / HTTP/1.1\r\n", b"Host: x\r\n", b"A" * 100, b"ECHO a\x00b\r\n", b"QUIT\r\n"]


def make(rng):
    """Some pieces, whole or damaged."""
    data = b""
    for _ in range(rng.randint(1, 5)):
        piece = rng.choice(PIECES)
        roll = rng.random()
        if roll < 0.15 and len(piece) > 1:
            piece = piece[:rng.randrange(1, len(piece))]
        elif roll < 0.3:
            at = rng.randrange(len(piece))
            piece = piece[:at] + bytes([rng.randrange(256)]) + piece[at + 1:]
        data += piece
    return data


def heard(server, data, sizes):
    """Everything the server says to `data`, sent in slices of these sizes, until it falls silent or closes."""
    connection = server.connect(timeout=5)
    # A whole request at the end shows whether the stream is still understood; silence means it waits for more.
    data += b"\r\n" + encode([b"ECHO", b"the end"])
    said, at = b"", 0
    for size in [*sizes, len(data)]:
        try:
            connection.send_raw(data[at:at + size])
        except Closed:
            pass                    # what it said before it closed is still to be read
        at += size
        done = at >= len(data)
        while connection.ready(0.05 if done else 0):
            try:
                part = connection.sock.recv(1 << 16)
            except OSError:
                part = b""
            said += part or b"(closed)"
            if not part or said.endswith(b"$7\r\nthe end\r\n"):
                connection.close()
                return said
        if done:
            break
    connection.close()
    return said


def alike(ours, peers):
    """The same, or as much of it as came through: a server that closes on bytes it has not read resets the connection,
    and with it may go what it said last."""
    ends = [said.endswith(b"(closed)") for said in (ours, peers)]
    bare = [said.removesuffix(b"(closed)") for said in (ours, peers)]
    return ours == peers or all(ends) and (bare[0].startswith(bare[1]) or bare[1].startswith(bare[0]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"))
    parser.add_argument("--peer", default=find_peer())
    parser.add_argument("--seed")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--count", type=int, help="instead of --seconds: so many streams of bytes")
    opts = parser.parse_args()
    if not opts.peer:
        print("garbage: no redis-server to compare with", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    opts.seed = opts.seed or str(random.SystemRandom().randrange(10**6))
    ours, peer = Server(opts.bin, "ours"), Server(opts.peer, "peer")
    started, streams, failed = time.time(), 0, 0
    try:
        while (streams < opts.count if opts.count else time.time() - started < opts.seconds) and failed < 5:
            rng = random.Random("%s:%d" % (opts.seed, streams))
            data = make(rng)
            slices = rng.choice([[], [], [1] * 40, [rng.randint(1, 9) for _ in range(20)]])
            answers = []
            for server in (ours, peer):
                connection = server.connect()
                connection("FLUSHALL")
                connection.close()
                answers.append(heard(server, data, slices))
            streams += 1
            if not ours.is_alive() or not alike(*answers):
                failed += 1
                print("\nDIFFERENCE (seed %s, stream %d, slices %s)\n  sent: %s" % (opts.seed, streams - 1, slices[:6], quote(data)))
                print("  ours: %s%s" % (quote(answers[0]), "" if ours.is_alive() else " and DIED\n" + ours.log()))
                print("  peer: " + quote(answers[1]), flush=True)
                if not ours.is_alive():
                    ours.revive()
    finally:
        ours.discard()
        peer.discard()
    print("garbage: %d streams of bytes, seed %s: %s" % (streams, opts.seed, "%d differences" % failed if failed else "no difference"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
