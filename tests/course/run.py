#!/usr/bin/env python3
"""The checks of docs/course, checked: each passes with a right answer, and finds what is wrong in a wrong one.

The right answers are in answers/, one a lesson; the wrong ones, and which step has to find each, in answers/wrong.py.
Pollux and, where there is one, a real server pass the lessons that are about servers like them. The book is built and its
links followed, and a short race is run. `--only 3,11,book` runs what is named.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ANSWERS = os.path.join(HERE, "answers")
sys.path[:0] = [HERE, ANSWERS]

import lesson
import wrong
from servers import find_peer, find_tool

# What a whole server has to be told so that it is one of the lesson.
SERVERS = {**{number: "--save ''" for number in range(3, 10)}, 10: "--save '' --appendonly yes --appendfsync always", 11: "--save ''"}

# Its checks are started first, since the others would wait for them at the end.
LONGEST = "lesson 11"


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


def book(_):
    """Every link and every picture of the site leads somewhere."""
    with tempfile.TemporaryDirectory(prefix="book-") as folder:
        done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "book.py"), "--to", folder], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        pages = sorted(name for name in os.listdir(folder) if name.endswith(".html"))
        assert "index.html" in pages and len(pages) > len(lesson.CHECKS), pages
        for name in pages:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = file.read()
            for to in re.findall(r'(?:href|src)="([^"#:]+)"', text):
                assert os.path.exists(os.path.join(folder, to)), "%s leads to %s" % (name, to)
            prose = re.sub(r"<pre>.*?</pre>|<code>.*?</code>|<style>.*?</style>", "", text, flags=re.S)
            left = re.search(r"\*\*|\]\(|^#+ |^```|`", prose, re.M)
            assert not left, "%s: Markdown was left at %r" % (name, prose[max(left.start() - 60, 0):left.end() + 60])


def race(binary):
    """A short one: its page has bars, curves and data for each server."""
    with tempfile.TemporaryDirectory(prefix="race-") as folder:
        page = os.path.join(folder, "race.html")
        done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "race.py"), "--bin", binary, "--tests", "set,lrange_100",
                               "--requests", "2000", "--clients", "5", "--to", page], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(page, encoding="utf-8") as file:
            text = file.read()
        data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
        assert len(data["results"]) == 2 and text.count("<svg") == 4, data
        for title, each in data["results"].items():
            assert set(each) == set(data["servers"]) and "pollux" in each, title
            for figures in each.values():
                assert figures["rate"] > 0 and figures["curve"][-1][0] == 100.0, figures
        assert not re.search(r'(?:src|href)="?https?:', text), "the page asks somebody else"


def all_tests(binary, peer):
    yield "book", "links, pictures, Markdown", lambda: book(binary)
    if find_tool("benchmark"):
        yield "race", "a short one", lambda: race(binary)
    for number in lesson.CHECKS:
        label = "lesson %d" % number
        yield label, "a right answer", lambda number=number: right(number, binary)
        for answer, sentence in wrong.WRONG[number].items():
            yield label, "found: " + answer.__name__, lambda number=number, answer=answer, sentence=sentence: found(
                number, answer, sentence, binary)
        for name, server in (("pollux", binary), ("a real server", peer)):
            if server and number in SERVERS:
                yield label, name, lambda number=number, server=server: whole_server(number, server, binary)


def one(test):
    """Whether a test passes, and what is to be said of it."""
    label, name, act = test
    started = time.time()
    try:
        act()
        outcome, said = "ok", ""
    except AssertionError as error:
        outcome, said = "FAILED", "\n        " + str(error).replace("\n", "\n        ")
    return not said, "%-7s %-11s %-40s %5.1f s%s" % (outcome, label, name, time.time() - started, said)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--peer", default=find_peer(), help="a real one (%(default)s)")
    parser.add_argument("--only", default="", help="numbers of lessons, or book or race, comma separated")
    parser.add_argument("--jobs", type=int, default=6, help="how many at a time; they mostly wait (%(default)s)")
    opts = parser.parse_args()
    only = ["lesson " + word if word.isdigit() else word for word in opts.only.split(",") if word]
    tests = [test for test in all_tests(os.path.abspath(opts.bin), opts.peer) if not only or test[0] in only]
    tests.sort(key=lambda test: test[0] != LONGEST)
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
