#!/usr/bin/env python3
"""The checks of docs/course, checked: each passes with a right answer, and finds what is wrong in a wrong one.

The right answers are in answers/, one a lesson; the wrong ones, and which step has to find each, in answers/wrong.py.
Pollux and, where there is one, a real server pass the lessons that are about servers like them. `--only 3,11` runs the
lessons named.
"""

import argparse
import concurrent.futures
import os
import shlex
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ANSWERS = os.path.join(HERE, "answers")
sys.path[:0] = [HERE, ANSWERS]

import lesson
import wrong
from servers import find_peer

# What a whole server has to be told so that it is one of the lesson.
SERVERS = {**{number: "--save ''" for number in range(3, 10)}, 10: "--save '' --appendonly yes --appendfsync always", 11: "--save ''"}


def command(*words):
    return shlex.join([sys.executable, *words])


def right(number, binary):
    said = []
    program = command(os.path.join(ANSWERS, "lesson%d.py" % number))
    assert lesson.run(number, program, binary, said.append), "\n".join(said)


def found(number, answer, sentence, binary):
    said = []
    program = command(os.path.join(ANSWERS, "wrong.py"), answer.__name__)
    passes = lesson.run(number, program, binary, said.append)
    assert not passes, "nothing was found"
    step = next(line for line in said if line.startswith("not yet"))
    assert step.startswith("not yet  " + sentence), "expected at `%s`, found at\n%s" % (sentence, "\n".join(said))


def whole_server(number, server, binary):
    said = []
    program = "%s %s --bind 127.0.0.1 --port" % (shlex.quote(server), SERVERS[number])
    assert lesson.run(number, program, binary, said.append), "\n".join(said)


def all_tests(binary, peer):
    for number in lesson.CHECKS:
        yield number, "a right answer", lambda number=number: right(number, binary)
        for answer, sentence in wrong.WRONG[number].items():
            yield number, "found: " + answer.__name__, lambda number=number, answer=answer, sentence=sentence: found(
                number, answer, sentence, binary)
        for name, server in (("pollux", binary), ("a real server", peer)):
            if server and number in SERVERS:
                yield number, name, lambda number=number, server=server: whole_server(number, server, binary)


def one(test):
    """Whether a test passes, and what is to be said of it."""
    number, name, act = test
    started = time.time()
    try:
        act()
        outcome, said = "ok", ""
    except AssertionError as error:
        outcome, said = "FAILED", "\n        " + str(error).replace("\n", "\n        ")
    return not said, "%-7s lesson %-3d %-40s %5.1f s%s" % (outcome, number, name, time.time() - started, said)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--peer", default=find_peer(), help="a real one (%(default)s)")
    parser.add_argument("--only", default="", help="numbers of lessons, comma separated")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time; they mostly wait (%(default)s)")
    opts = parser.parse_args()
    only = [int(number) for number in opts.only.split(",") if number]
    tests = [test for test in all_tests(os.path.abspath(opts.bin), opts.peer) if not only or test[0] in only]
    with concurrent.futures.ThreadPoolExecutor(opts.jobs) as pool:
        failed = 0
        for is_right, line in pool.map(one, tests):
            failed += not is_right
            print(line, flush=True)
    passed = len(tests) - failed
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
