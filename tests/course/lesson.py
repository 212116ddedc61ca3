#!/usr/bin/env python3
"""Checks the answer to an exercise of docs/course.

  make lesson N=3                             your program is .lessons/3.*, or the last one before it
  make lesson N=3 LESSON=path/to/mine.py      or wherever it is
  make lesson N=3 LESSON="node server.js"     or a command

The program is given a port as its last argument and listens there, on 127.0.0.1. It may be in any language: what ends in
.py .js .rb .go .sh .rs .c .cpp is started as usual (and compiled before, into a folder of its own), anything else is run
as it is. Its current folder is empty at the start of a check; that is the place for its files.
"""

import argparse
import glob
import os
import re
import shlex
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import check_clients
import check_files
import check_keys
import check_others
import check_sockets
from stage import Closed, Stage, Wrong

CHECKS = {
    1: check_sockets.ONE_SOCKET, 2: check_sockets.MANY_SOCKETS, 3: check_sockets.PROTOCOL,
    4: check_keys.VALUES, 5: check_keys.TABLE, 6: check_keys.DEADLINES,
    7: check_clients.WAITING, 8: check_clients.TRANSACTIONS,
    9: check_files.SNAPSHOT, 10: check_files.LOG,
    11: check_others.REPLICA, 12: check_others.MEASURE, 13: check_others.DIFFER,
}

# What has to be there before the program starts.
BEFORE = {13: check_others.invite_actors}

STARTED_BY = {".py": sys.executable, ".js": "node", ".mjs": "node", ".rb": "ruby", ".sh": "bash", ".go": "go run"}
COMPILED_BY = {".rs": "rustc --edition 2024 -O -o {to} {file}", ".c": "cc -O2 -o {to} {file}", ".cpp": "c++ -O2 -o {to} {file}"}


def usual_program(number):
    """The reader's own file of this lesson, or the last before it."""
    folder = os.path.join(ROOT, ".lessons")
    for chapter in range(number, 0, -1):
        found = [path for path in sorted(glob.glob(os.path.join(folder, "*")))
                 if re.match(r"0*%d\b" % chapter, os.path.basename(path))]
        if found:
            return os.path.relpath(found[0])
    raise SystemExit("lesson: there is no program yet. Write .lessons/%d.py (or .js, .go, .rs, .c ...), or say where it is:\n"
                     "  make lesson N=%d LESSON=path/to/yours" % (number, number))


def command_of(program, folder):
    """How a program is started: a command, or a file by its ending."""
    path = os.path.abspath(program)
    if not os.path.isfile(path):
        words = shlex.split(program)
        return shlex.join(os.path.abspath(word) if os.path.exists(word) else word for word in words)
    ending = os.path.splitext(path)[1]
    if ending in COMPILED_BY:
        to = os.path.join(folder, "program")
        line = COMPILED_BY[ending].format(to=shlex.quote(to), file=shlex.quote(path))
        if os.system(line) != 0:
            raise SystemExit("lesson: it does not compile: " + line)
        return shlex.quote(to)
    if ending in STARTED_BY:
        return STARTED_BY[ending] + " " + shlex.quote(path)
    return shlex.quote(path)


def explained(error):
    """For the reader."""
    if isinstance(error, Wrong):
        return error
    if isinstance(error, (Closed, OSError)):
        return "the connection broke: %s" % error
    return "what came is no reply that can be read: %s" % error


def run(number, command, binary, show=print):
    """Whether all steps of a lesson pass; tells of each."""
    stage = Stage(command, binary)
    steps = CHECKS[number]
    try:
        BEFORE.get(number, lambda stage: None)(stage)
        for index, (sentence, step) in enumerate(steps):
            try:
                if stage.process is None:
                    stage.start()
                step(stage)
            except (Wrong, Closed, OSError, ValueError, TypeError) as error:
                show("not yet  %s" % sentence)
                show("\n%s" % explained(error))
                said = stage.said() if os.path.exists(os.path.join(stage.folder, ".screen")) else ""
                if said:
                    show("\nyour program's last words:\n%s" % said.rstrip())
                show("\n%d of %d" % (index, len(steps)))
                return False
            show("ok       %s" % sentence)
        show("\nall %d: lesson %d is done" % (len(steps), number))
        return True
    finally:
        stage.discard()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int, choices=CHECKS, metavar="N", help="the lesson, 1 to %d" % max(CHECKS))
    parser.add_argument("--program", default="", help="a file or a command")
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="pollux, for lesson 11")
    opts = parser.parse_args()
    program = os.path.expanduser(opts.program or usual_program(opts.number))
    print("lesson %d: %s\n" % (opts.number, program), flush=True)
    with tempfile.TemporaryDirectory(prefix="lesson-") as folder:
        command = command_of(program, folder)
        is_right = run(opts.number, command, os.path.abspath(opts.bin), lambda line: print(line, flush=True))
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
