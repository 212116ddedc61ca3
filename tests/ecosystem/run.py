#!/usr/bin/env python3
"""Packages that live on scripts, run against our server and a real one: what passes there passes here.

Each program of `node` and `python` uses one package, or a few of a kind, in parts, and prints a line for each. It is run
with a fresh server of either kind; its packages lie in a folder outside of the repository, where `scripts/ecosystem.sh` has
put them.

  tests/ecosystem/run.py --packages ~/.cache/pollux-ecosystem --only bull
"""

import argparse
import glob
import os
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "peers"))

from servers import Server, find_peer

SECONDS = 240
HELPERS = {"common.mjs", "common.py", "tasks.py"}
# The real server lacks what these need: all their parts have to pass here.
OURS_ONLY = {"json.mjs", "json_.py"}


def programs(packages):
    """The name of each, and the command that runs it."""
    found = []
    # Node looks for packages beside the program.
    shutil.copytree(os.path.join(HERE, "node"), os.path.join(packages, "node"), dirs_exist_ok=True)
    for path in sorted(glob.glob(os.path.join(packages, "node", "*.mjs"))):
        found.append((os.path.basename(path), ["node", path]))
    python = os.path.join(packages, "python", "bin", "python")
    for path in sorted(glob.glob(os.path.join(HERE, "python", "*.py"))):
        found.append((os.path.basename(path), [python, "-B", path]))
    return [(name, command) for name, command in found if name not in HELPERS]


def run(binary, command):
    """The parts that have passed, those that have not, and all that was said."""
    server = Server(binary, "server", ("--save", ""))
    try:
        environment = dict(os.environ, REDIS_PORT=str(server.port), NO_COLOR="1")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False)
            said = done.stdout + done.stderr
            ended = done.returncode in (0, 1)
        except subprocess.TimeoutExpired as error:
            said, ended = ((error.stdout or b"") + (error.stderr or b"")).decode(errors="replace") + "\nit did not end", False
    finally:
        server.discard()
    lines = said.splitlines()
    passed = [line[3:] for line in lines if line.startswith("ok ")]
    failed = [line[7:] for line in lines if line.startswith("FAILED ")]
    return passed, failed if ended else failed + ["its end"], said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--peer", default=find_peer(), help="a real one (%(default)s)")
    parser.add_argument("--packages", default=os.path.expanduser("~/.cache/pollux-ecosystem"), help="where the packages are (%(default)s)")
    parser.add_argument("--only", default="", help="only programs with one of these words in their names, comma separated")
    opts = parser.parse_args()
    wanted = [word for word in opts.only.split(",") if word]
    bad = good = 0
    for name, command in programs(opts.packages):
        if wanted and not any(word in name for word in wanted):
            continue
        started = time.time()
        there = run(opts.peer, command)[0] if opts.peer and name not in OURS_ONLY else None
        passed, failed, said = run(os.path.abspath(opts.bin), command)
        missing = failed if there is None else [part for part in there if part not in passed]
        good += len(passed)
        bad += len(missing)
        print("%-7s %-20s %2d parts pass here, %s on the real server, %5.1f s" % (
            "FAILED" if missing else "ok", name, len(passed), "?" if there is None else "%2d" % len(there), time.time() - started), flush=True)
        if missing:
            print("        " + "\n        ".join(missing) + "\n" + said[-4000:], flush=True)
        elif not passed:
            bad += 1
            print("        nothing has run:\n" + said[-4000:], flush=True)
    print("%d passed, %d failed" % (good, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
