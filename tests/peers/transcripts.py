#!/usr/bin/env python3
"""Plays the transcripts of tests/transcripts to a real server, and says where it answers otherwise.

The real server runs under a clock that stands still (`frozen.c`) and moves where a transcript says `@1500`, so moments
can be compared to the millisecond. Each file gets a server of its own. What may differ is said in two ways: `rules.py`
knows commands whose answers have no order or are drawn by lot, and in a transcript a remark that begins with

    # Not as Redis: the reason

concerns the next line that asks or receives. `# Not as Redis from here: the reason` ends the
comparison for the rest of the file.

Which of many sessions a real server hears first is its kernel's doing. Where all of them send the same request at once,
their answers may be shared out among them in any order; and a file with differences is played a second time, to a fresh
server: what differs both times is told.

  tests/peers/transcripts.py                  all of them
  tests/peers/transcripts.py zset.txt         one
"""

import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules
from resp import Closed, Connection, quote
from servers import Server, find_peer

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "transcripts")

START_MS = 1_700_000_000_000        # as tests/transcripts.rs starts

# As tests/transcripts.rs starts an engine.
FLAGS = ("--enable-debug-command", "yes", "--save", "")

# A tilde says that the answer may depend on limits; the real server has the same as our plain run.
REQUEST = re.compile(r"~?([+&]?)([a-z]*)> (.*)")
RECEIVED = re.compile(r"([a-z]*)<")
NEXT, REST = "# Not as Redis:", "# Not as Redis from here:"

# The words of CLIENT behind which the number of a session stands.
NUMBERED = (b"ID", b"UNBLOCK", b"REDIRECT")

# How memory is laid out, which no transcript shows.
SIZES = re.compile(rb"( tot-mem=| qbuf-free=|_max_input_buffer:)\d+")

ADDRESS = re.compile(r"127\.0\.0\.1:\d+")

# A reply that has not come after so many seconds does not come; where none is expected, this is how long we look.
PATIENCE, GLANCE = 5.0, 0.01
# Where another answer came than is expected, the rest of it comes within so many seconds; where that is known to be so,
# there is no hurry.
REST_COMES = 0.5
# So many files are played at once.
AT_ONCE = 12
# So often a file is played until it has no difference.
GOES = 2
# Long enough for the real server's cron to have run once.
TICK = 0.12


def split_words(text):
    """A request as redis-cli splits it."""
    words, at = [], 0
    while True:
        while text[at:at + 1] == " ":
            at += 1
        if at >= len(text):
            return words
        word, mark = bytearray(), text[at] if text[at] in "\"'" else ""
        at += len(mark)
        while at < len(text) and text[at] != (mark or " "):
            if mark == '"' and text[at] == "\\":
                at += 1
                if text[at] == "x" and re.fullmatch("[0-9a-fA-F]{2}", text[at + 1:at + 3]):
                    word.append(int(text[at + 1:at + 3], 16))
                    at += 2
                else:
                    word += {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}.get(text[at], text[at]).encode()
            elif mark == "'" and text[at:at + 2] == "\\'":
                at += 1
                word += b"'"
            else:
                word += text[at].encode()
            at += 1
        at += len(mark)
        words.append(bytes(word))


def show(frame, depth=0):
    """A reply as the transcripts write it."""
    indent = "  " * depth
    lines = []
    if frame.attribute is not None:
        lines.append("%s|%d" % (indent, len(frame.attribute) // 2))
        for part in frame.attribute:
            lines += show(part, depth + 1)
    if frame.value is None:
        lines.append(indent + ("nil*" if frame.kind == "*" else "nil"))
    elif frame.is_list:
        lines.append("%s%s%d" % (indent, frame.kind, len(frame.value) // (2 if frame.kind == "%" else 1)))
        for part in frame.value:
            lines += show(part, depth + 1)
    elif frame.kind in "$=":
        text = SIZES.sub(rb"\1?", frame.value)
        lines.append(indent + ("=" if frame.kind == "=" else "") + quote(text, len(text)))
    else:
        lines.append(indent + frame.kind + frame.value.decode("utf-8", "replace"))
    return lines


class Step:
    """One line that does something, and the lines of the answer below it."""

    def __init__(self, number, line):
        self.number, self.line, self.lines, self.expected = number, line, [line], []
        self.is_ours_alone = False
        self.answered = []

    def is_chorus(self):
        """Whether several sessions send one and the same request at once."""
        asked = [REQUEST.fullmatch(line) for line in self.lines]
        return len(asked) > 1 and all(asked) and all(line.group(1) == "&" for line in asked[1:]) \
            and len({line.group(3) for line in asked}) == 1


def steps_of(text):
    """The steps of a transcript, up to where the comparison ends."""
    steps, is_ours_alone = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(REST):
            break
        if line.startswith(NEXT):
            is_ours_alone = True
        elif not line or line.startswith("#") and line not in ("#t", "#f"):
            continue
        elif line.startswith(("+", "&")) and REQUEST.fullmatch(line):
            steps[-1].lines.append(line)
        elif line.startswith("@") or REQUEST.fullmatch(line) or RECEIVED.fullmatch(line):
            steps.append(Step(number, line))
            steps[-1].is_ours_alone = is_ours_alone
            is_ours_alone = False
        elif steps:
            steps[-1].expected.append(line)
    return steps


class Player:
    """The sessions of one transcript at a real server whose clock we hold."""

    def __init__(self, peer, shim, folder):
        self.clock = os.path.join(folder, "clock")
        self.now_ms = START_MS
        self.set_clock()
        os.environ["FROZEN_CLOCK"], os.environ["LD_PRELOAD"] = self.clock, shim
        try:
            self.server = Server(peer, "peer", FLAGS)
        finally:
            del os.environ["FROZEN_CLOCK"], os.environ["LD_PRELOAD"]
        self.connections = {}
        self.numbers_before = None

    def set_clock(self, ahead_ms=0):
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as file:
            file.write(struct.pack("<q", (self.now_ms + ahead_ms) * 1000))

    def session(self, name):
        if name not in self.connections:
            self.connections[name] = Connection(self.server.port, PATIENCE)
            number = int(self.connections[name]("CLIENT", "ID").value)
            if self.numbers_before is None:
                self.numbers_before = number - 1
        return self.connections[name]

    def has_child(self):
        """Whether a save or a rewrite runs in a child of the server, or has ended and was not noticed yet."""
        shown = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.server.process.pid)], capture_output=True)
        return bool(shown.stdout.strip())

    def let_crons_run(self):
        """One cron, and where a child saves, until it has ended and nothing that was put off till then has begun."""
        is_busy, deadline = self.has_child(), time.time() + PATIENCE
        while time.time() < deadline:
            time.sleep(TICK)
            was_busy, is_busy = is_busy, self.has_child()
            if not (was_busy or is_busy):
                return

    def receive(self, name, step):
        """What has come, as lines. Stops early when it is what is expected, and soon when it is as much."""
        connection, lines, expected = self.session(name), [], step.expected
        rest_comes = GLANCE if not expected else PATIENCE if step.is_ours_alone else REST_COMES
        deadline = time.time() + (PATIENCE if expected else GLANCE)
        while lines != expected or not expected:
            if len(lines) >= len(expected):
                deadline = min(deadline, time.time() + rest_comes)
            left = deadline - time.time()
            if left <= 0 or not connection.ready(left):
                break
            try:
                lines += show(connection.read())
            except Closed:
                break
        return lines

    def play(self, step):
        """What the server answers to one step."""
        if step.line.startswith("@"):
            # A real server thinks that a moment is over when the clock has passed it, ours when the clock is there. So
            # it looks a millisecond later than the transcript.
            self.now_ms += int(step.line[1:])
            self.set_clock(ahead_ms=1)
            self.let_crons_run()
            self.set_clock()
            return []
        received = RECEIVED.fullmatch(step.line)
        if received:
            return self.receive(received.group(1) or "main", step)
        first, packets = None, {}
        for line in step.lines:
            mark, name, words = REQUEST.fullmatch(line).groups()
            name = (name or "main") if mark != "+" else last
            first, last = first or name, name
            self.session(name)
            packets.setdefault(name, []).append(self.with_our_numbers(split_words(words)))
        for name, commands in packets.items():
            self.session(name).send(*commands)
        return self.receive(first, step)

    def with_our_numbers(self, words):
        """A request of CLIENT, with the numbers that the real server gave to the sessions."""
        if words[:1] != [b"CLIENT"]:
            return words
        return [b"%d" % (int(word) + self.numbers_before) if before in NUMBERED and re.fullmatch(b"[1-9]", word) else word
                for before, word in zip([b"", *words], words)]

    def discard(self):
        for connection in self.connections.values():
            connection.close()
        self.server.discard()


def names_in(lines):
    """The names of the fields in CLIENT INFO; the values are those of a connection."""
    return re.findall(r"([\w-]+)=", " ".join(lines))


def alike(step, answered):
    """Whether the answer is what the transcript has, or as good."""
    answered, expected = ([ADDRESS.sub("(address)", line) for line in lines] for lines in (answered, step.expected))
    if answered == expected:
        return True
    asked = REQUEST.fullmatch(step.line)
    if not asked or not answered or not expected:
        return False
    name, both = rules.first_words(split_words(asked.group(3)))
    if both in (b"CLIENT ID", b"CLIENT GETREDIR"):
        return answered[0][0] == expected[0][0] == ":"
    if both in (b"CLIENT INFO", b"CLIENT LIST"):
        return names_in(answered) == names_in(expected)
    how = rules.HOW.get(both) or rules.HOW.get(name)
    if how in (rules.unordered, rules.unordered_pairs, rules.parameters, rules.unordered_lists, rules.full_scan):
        return sorted(answered) == sorted(expected)
    if how in (rules.kind_only, rules.shape, rules.greeting):
        return answered[0][:1] == expected[0][:1]
    return False


def choruses(steps):
    """The steps that send a chorus, each with those right after it that only receive."""
    at = 0
    while at < len(steps):
        end = at + 1
        while end < len(steps) and RECEIVED.fullmatch(steps[end].line):
            end += 1
        if steps[at].is_chorus():
            yield steps[at:end]
        at = end


def play_all(steps, peer, shim, folder):
    """Asks a fresh server everything; the steps that differ."""
    player = Player(peer, shim, folder)
    try:
        for step in steps:
            try:
                step.answered = player.play(step)
            except Closed as error:
                step.answered = ["(%s)" % error]
    finally:
        player.discard()
    in_any_order = [id(step) for chorus in choruses(steps) for step in chorus
                    if sorted(step.answered for step in chorus) == sorted(step.expected for step in chorus)]
    return [step for step in steps if not (step.is_ours_alone or id(step) in in_any_order or alike(step, step.answered))]


def compare(path, peer, shim, folder):
    """The differences of one file, as text."""
    with open(path, encoding="utf-8") as file:
        steps = steps_of(file.read())
    for _ in range(GOES):
        found = play_all(steps, peer, shim, folder)
        if not found:
            break
    return ["%s:%d %s\n  written:  %s\n  answered: %s" % (
        os.path.basename(path), step.number, step.line, "\n            ".join(step.expected) or "(nothing)",
        "\n            ".join(step.answered) or "(nothing)") for step in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="names in tests/transcripts (all)")
    parser.add_argument("--peer", default=find_peer(), help="the real server (%(default)s)")
    opts = parser.parse_args()
    if not (opts.peer and sys.platform == "linux" and shutil.which("cc")):
        print("transcripts: Linux, a redis-server and a C compiler are needed; scripts/setup.sh installs them", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    paths = [os.path.join(FOLDER, name) for name in opts.files] or sorted(glob.glob(os.path.join(FOLDER, "*.txt")))
    folder = tempfile.mkdtemp(prefix="transcripts-")
    try:
        shim = os.path.join(folder, "frozen.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, os.path.join(HERE, "frozen.c")], check=True)
        # Each file has a server of its own and mostly waits for it, so they are played side by side.
        jobs = [(path, opts.peer, shim, tempfile.mkdtemp(dir=folder)) for path in paths]
        with concurrent.futures.ProcessPoolExecutor(max_workers=AT_ONCE) as pool:
            each = pool.map(compare, *zip(*jobs))
            found = [text for texts in each for text in texts]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(found))
    print("transcripts: %d files, %d differences" % (len(paths), len(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
