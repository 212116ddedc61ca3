#!/usr/bin/env python3
"""Vector sets beside a real server: the same random commands to both, and how well either finds what is near.

Where the graph does not decide, replies must be the same, byte for byte: sets stay so small that a search sees all of
them, and vectors are drawn from so many that no two elements are equally far. The order of links and what is drawn by
lot are not compared, nor is the level of an element. VADD of an element that is there answers the same; so does VSIM.

Then a larger set: recall at 10 of either server against its own exhaustive search, after additions, and after every
other element has gone.

  tests/peers/vectors.py --ours target/debug/pollux --count 20000
  tests/peers/vectors.py --count 0 --elements 20000 --dim 100
  tests/peers/vectors.py --ours target/release/pollux --count 0 --figures 100000 --dim 300
"""

import argparse
import itertools
import os
import random
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from resp import as_bytes, show_command
from servers import Server, find_peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FORMS = {"f": "NOQUANT", "q": "Q8", "b": "BIN", "r": "NOQUANT"}
DIM = 9
FILTERS = [".year > 50", ".year > 20 and .kind == 'a'", "not .year in [1, 2, 3]", ".kind in ['a', 'b'] or .year == 7",
           ".year % 2 == 0", "(.year + 3) ** 2 > 400", ".", ".year >", "'open", ".year == null", "!!.year", ".tags",
           "'x' in .tags", "1", "\"7\" == 7", ".none or 1", ". == 1", "$", "[1, 2", ".year == '33'", "-3 + 4", "2-1 == 1"]


def vector(rng, dim=DIM):
    return [rng.gauss(0, 1) for _ in range(dim)]


def words_of(rng, numbers):
    if rng.random() < 0.5:
        return ["FP32", struct.pack("<%df" % len(numbers), *numbers)]
    return ["VALUES", len(numbers)] + ["%.9g" % number for number in numbers]


def attributes(rng):
    return rng.choice(["", "{", '{"year": %d, "kind": "%s", "tags": ["x", %d]}' % (
        rng.randrange(100), rng.choice("abc"), rng.randrange(9)), '{"year":"33","none":null}', '{"kind":{"a":1},"year":7}'])


def request(rng):
    name = rng.choice("fqbr")
    key = name + str(rng.randrange(3))
    element = "e%d" % rng.randrange(60)
    form = FORMS[name]
    if rng.random() < 0.01:
        form = rng.choice(list(FORMS.values()))
    reduce = ["REDUCE", 5] if name == "r" else []
    dim = DIM if rng.random() < 0.99 else rng.randrange(1, 12)
    kind = rng.random()
    if kind < 0.36:
        options = [form] if form != "Q8" or rng.random() < 0.5 else []
        if rng.random() < 0.3:
            options += ["SETATTR", attributes(rng)]
        if rng.random() < 0.1:
            options += ["EF", rng.choice([1, 50, 500, 0])]
        if rng.random() < 0.02:
            options += rng.choice([["M", 8], ["M", 2], ["CAS", "X"], ["EF"]])
        return ["VADD", key] + reduce + words_of(rng, vector(rng, dim)) + [element] + options
    if kind < 0.5:
        return ["VREM", key, element]
    if kind < 0.75:
        source = ["ELE", element] if rng.random() < 0.3 else words_of(rng, vector(rng, dim))
        options = []
        for option in (["WITHSCORES"], ["WITHATTRIBS"], ["COUNT", rng.choice([1, 5, 100])], ["TRUTH"], ["NOTHREAD"],
                       ["EF", 300], ["EPSILON", rng.choice(["0.3", "0.6", "x", "0"])],
                       ["FILTER", rng.choice(FILTERS)], ["FILTER-EF", 1000]):
            if rng.random() < 0.3:
                options += option
        return ["VSIM", key] + source + options
    return rng.choice([
        ["VCARD", key], ["VDIM", key], ["VISMEMBER", key, element], ["VEMB", key, element], ["VEMB", key, element, "RAW"],
        ["VGETATTR", key, element], ["VSETATTR", key, element, attributes(rng)], ["VRANDMEMBER", key, 1000],
        ["VINFO", key], ["TYPE", key], ["DEL", key], ["EXISTS", key],
        ["RENAME", key, name + "1"], ["OBJECT", "ENCODING", key], ["SET", key, "x"], ["DUMP", key], ["VLINKS", key, element],
        ["HELLO", rng.choice([2, 3])], ["VCARD"], ["VEMB", key], ["VSIM", key, "ELE"]])


def told(words, reply):
    """What of a reply must be the same."""
    command = words[0]
    if command == "DUMP" or command == "HELLO":
        return reply.kind if command == "HELLO" else reply.value is None
    if command == "VLINKS":
        return reply.kind if reply.is_error else reply.value is None
    if command == "VRANDMEMBER" and reply.is_list:
        return sorted(item.raw for item in reply.value)
    if command == "VSIM" and words[1][0] == "b" and reply.is_list:
        return len(reply.value)         # Signs are equally far from many.
    if command == "VINFO" and reply.is_list:
        pairs = [item.value for item in reply.value]
        names = dict(zip(pairs[::2], pairs[1::2]))
        # What chance decides, and numbers that count what happened before.
        return [(name, value) for name, value in names.items()
                if name not in (b"max-level", b"vset-uid", b"hnsw-max-node-uid")]
    return reply.raw


def commands(ours, theirs, count, seed):
    rng = random.Random(seed)
    one, other = ours.connect(), theirs.connect()
    differences = 0
    batch = []
    for number in range(count):
        batch.append(request(rng))
        if len(batch) < 50 and number + 1 < count:
            continue
        for words in batch:
            mine, real = one(*words), other(*words)
            if told(words, mine) != told(words, real):
                differences += 1
                if differences <= 15:
                    print("%s\n   ours  %s\n   real  %s" % (show_command([as_bytes(word) for word in words]), mine.show(), real.show()))
        # Either reads what the other has written.
        if rng.random() < 0.1:
            key = rng.choice("fqbr") + str(rng.randrange(3))
            for source, target in ((one, other), (other, one)):
                payload = source("DUMP", key).value
                if payload:
                    reply = target("RESTORE", "x" + key, 0, payload, "REPLACE")
                    names = sorted(item.raw for item in source("VRANDMEMBER", key, 1000).value or []) \
                        if source("TYPE", key).value == b"vectorset" else None
                    if reply.is_error:
                        differences += 1
                        print("RESTORE", key, reply.show())
                    elif names is not None and names != sorted(
                            item.raw for item in target("VRANDMEMBER", "x" + key, 1000).value):
                        differences += 1
                        print("other elements after RESTORE", key)
        batch = []
    print("%d commands, %d differences" % (count, differences))
    return differences


def recall(server, rng, elements, dim, form):
    ask = server.connect(timeout=600)
    ask("DEL", "big")
    pack = struct.Struct("<%df" % dim).pack
    centres = [vector(rng, dim) for _ in range(50)]

    def draw():
        return pack(*(it + rng.gauss(0, 0.7) for it in rng.choice(centres)))

    for number in range(elements):
        ask("VADD", "big", "FP32", draw(), "e%d" % number, form)

    def measure():
        hits = 0
        for _ in range(200):
            query = draw()
            found = [item.raw for item in ask("VSIM", "big", "FP32", query).value]
            truth = [item.raw for item in ask("VSIM", "big", "FP32", query, "TRUTH").value]
            hits += len(set(found) & set(truth))
        return hits / 2000

    added = measure()
    for number in range(0, elements, 2):
        ask("VREM", "big", "e%d" % number)
    return added, measure()


def figures(server, elements, dim, form):
    """The processor's time per VADD and VSIM, sixteen at a time, and memory per element."""
    rng = random.Random(1)
    ask = server.connect(timeout=600)
    pack = struct.Struct("<%df" % dim).pack
    centres = [vector(rng, dim) for _ in range(200)]

    def draw():
        # Numbers of less worth than normal ones, and many times as fast to draw.
        return pack(*(it + rng.random() - 0.5 for it in rng.choice(centres)))

    def cpu():
        with open("/proc/%d/stat" % server.process.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6

    def timed(requests):
        before, count = cpu(), 0
        while batch := list(itertools.islice(requests, 16)):
            ask.converse([[as_bytes(word) for word in words] for words in batch])
            count += len(batch)
        return (cpu() - before) / count

    memory = server.memory()
    added = timed(["VADD", "big", "FP32", draw(), "element:%d" % number, form] for number in range(elements))
    memory = (server.memory() - memory) / elements
    found = timed(["VSIM", "big", "FP32", draw()] for _ in range(2000))
    here = timed(["VSIM", "big", "FP32", draw(), "NOTHREAD"] for _ in range(2000))
    print("%s: VADD %.0f us, VSIM %.0f us, with NOTHREAD %.0f us; %.0f bytes per element"
          % (server.name, added, found, here, memory))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", default=os.path.join(ROOT, "target/debug/pollux"))
    parser.add_argument("--peer", default=find_peer())
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--elements", type=int, default=0)
    parser.add_argument("--dim", type=int, default=50)
    parser.add_argument("--form", default="Q8")
    parser.add_argument("--figures", type=int, default=0, help="processor's time and memory with so many elements")
    options = parser.parse_args()
    ours, theirs = Server(options.ours, "ours"), Server(options.peer, "real")
    differences = 0
    try:
        if options.count:
            differences = commands(ours, theirs, options.count, options.seed)
        for server in (ours, theirs) if options.figures else ():
            figures(server, options.figures, options.dim, options.form)
        if options.elements:
            for name, server in (("ours", ours), ("real", theirs)):
                rng = random.Random(options.seed)
                found = recall(server, rng, options.elements, options.dim, options.form)
                print("%s: recall at 10 is %.4f, and %.4f after half of the elements have gone" % ((name,) + found))
    finally:
        ours.stop()
        theirs.stop()
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
