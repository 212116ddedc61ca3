#!/usr/bin/env python3
"""What a server says and does when the disk fails, beside what a real one says and does.

The disk is filled up by a limit on the size of files, which can be lifted again; synchronising fails because the log is a
link to a device that cannot do it; directories are moved away and put back. Each scene returns what a client was told, what
INFO says, how the process ended and which of the known lines are in the log, and both servers must agree. What is there
after a restart is looked at as well.

  tests/peers/disk.py --bin target/debug/pollux
"""

import argparse
import os
import re
import resource
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from resp import Closed
from servers import Server, find_peer

# Lines that both write. What stands for the program's own name, for numbers and for places is left out.
KNOWN = re.compile(
    r"(Error writing to the AOF file: .*|Short write while writing to the AOF file|AOF write error looks solved|"
    r"Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...|"
    r"Can't persist AOF for fsync error when the AOF fsync policy is 'always': .*|"
    r"Write error while saving DB to the disk\(\w+\): .*|Failed opening the temp RDB file|Background saving error|"
    r"Background saving terminated with success|Background AOF rewrite terminated with success|"
    r"Can't open or create append-only dir \S+: .*)")

# What a file may grow to when the disk is full, beyond what it has.
ROOM = 300
LARGE = 50_000


class Scene:
    """A server, and what is noted of it."""

    def __init__(self, binary, options, prepare=None):
        self.server = Server(binary, "server", options, prepare)
        self.link = self.server.connect()
        self.notes = []

    def note(self, *words):
        self.notes.append(words)

    def ask(self, *words):
        """A request whose answer is compared."""
        try:
            self.note(" ".join(words)[:60], self.link(*words).show())
        except Closed:
            self.note(" ".join(words)[:60], "closed")

    def info(self, *names):
        text = self.link("INFO", "persistence").text()
        for name in names:
            found = re.search("^%s:(.*)\r$" % name, text, re.MULTILINE)
            self.note(name, found and found.group(1))

    def wait_info(self, name, value, seconds=8):
        until = time.time() + seconds
        while "%s:%s\r" % (name, value) not in self.link("INFO", "persistence").text():
            if time.time() > until:
                self.note(name, "is not", value)
                return
            time.sleep(0.02)
        self.note(name, "is", value)

    def fill_up(self, path=None, room=ROOM):
        # The limit is for the server's own log too, so it must be far beyond that.
        size = os.path.getsize(os.path.join(self.server.dir, path)) if path else LARGE
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, (size + room, hard))

    def make_room(self):
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))

    def until_refused(self):
        """Writes until the server will not; returns how many writes were accepted."""
        for count in range(2000):
            reply = self.link("RPUSH", "list", "%04d" % count + "x" * 36)
            if reply.is_error:
                self.note("RPUSH", reply.show())
                return count
        self.note("it never refused")
        return 2000

    def end(self):
        """How the process ends, without being asked to."""
        try:
            self.note("ends with", self.server.process.wait(10))
        except Exception:
            self.note("does not end")

    def log_lines(self):
        found = []
        for line in KNOWN.findall(self.server.log(1000)):
            if line not in found:
                found.append(line)
        self.note("log", sorted(found))

    def names(self, *path):
        """Names of files, without numbers of processes."""
        names = os.listdir(os.path.join(self.server.dir, *path))
        self.note("files", sorted(re.sub(r"\d\d+", "N", name) for name in names if name != "log"))

    def restart(self):
        self.server.revive()
        self.link = self.server.connect()

    def close(self):
        self.server.discard()


AOF = ["--appendonly", "yes"]
INCREMENT = "appendonlydir/appendonly.aof.1.incr.aof"


def full_disk(binary):
    scene = Scene(binary, [*AOF, "--appendfsync", "everysec"])
    scene.ask("SET", "a", "x" * LARGE)
    scene.fill_up(INCREMENT)
    accepted = scene.until_refused()
    scene.ask("PING")
    scene.ask("SET", "b", "1")
    scene.ask("STRLEN", "a")
    scene.info("aof_last_write_status", "aof_enabled")
    scene.make_room()
    scene.wait_info("aof_last_write_status", "ok")
    scene.ask("SET", "b", "2")
    length = int(scene.link("LLEN", "list").value)
    assert length >= accepted, "%d of %d writes are there" % (length, accepted)
    digest = scene.link("DEBUG", "DIGEST").text()
    scene.restart()
    assert scene.link("DEBUG", "DIGEST").text() == digest, "the data set is another after the restart"
    scene.log_lines()
    return scene


def full_disk_always(binary):
    scene = Scene(binary, [*AOF, "--appendfsync", "always"])
    scene.ask("SET", "a", "x" * LARGE)
    scene.fill_up(INCREMENT)
    accepted = 0
    try:
        while True:
            scene.link("RPUSH", "list", "%04d" % accepted + "x" * 36)
            accepted += 1
    except Closed:
        pass
    scene.end()
    scene.log_lines()
    scene.restart()
    length = int(scene.link("LLEN", "list").value)
    assert length == accepted, "%d writes are there, and %d were acknowledged" % (length, accepted)
    return scene


def log_on(device):
    """The log is a link to this device."""
    def prepare(folder):
        place = os.path.join(folder, "appendonlydir")
        os.mkdir(place)
        os.symlink(device, os.path.join(place, "appendonly.aof.1.incr.aof"))
        with open(os.path.join(place, "appendonly.aof.manifest"), "w", encoding="ascii") as manifest:
            manifest.write("file appendonly.aof.1.incr.aof seq 1 type i\n")
    return prepare


def failing_fsync(binary):
    """A device that takes everything cannot be synchronised."""
    scene = Scene(binary, [*AOF, "--appendfsync", "always"], log_on("/dev/null"))
    scene.ask("GET", "a")
    scene.ask("SET", "a", "1")
    scene.end()
    scene.log_lines()
    return scene


def no_room_at_all(binary):
    scene = Scene(binary, [*AOF, "--appendfsync", "everysec"])
    scene.ask("SET", "a", "x" * LARGE)
    scene.fill_up(INCREMENT, 0)
    scene.ask("SET", "b", "1")
    scene.ask("SET", "c", "1")
    scene.ask("PING")
    scene.ask("MULTI")
    scene.ask("GET", "b")
    scene.ask("EXEC")
    scene.info("aof_last_write_status", "aof_buffer_length")
    scene.ask("MULTI")
    scene.ask("SET", "b", "2")
    scene.ask("EXEC")
    scene.ask("CONFIG", "SET", "appendonly", "no")
    scene.ask("SET", "b", "1")
    scene.log_lines()
    return scene


def full_disk_for_a_save(binary):
    scene = Scene(binary, ["--save", "1000 1000"])
    scene.ask("SET", "small", "1")
    scene.ask("SAVE")
    scene.ask("DEBUG", "POPULATE", "5000")
    scene.fill_up()
    scene.ask("SAVE")
    scene.ask("BGSAVE")
    scene.wait_info("rdb_last_bgsave_status", "err")
    scene.ask("SET", "b", "1")
    scene.ask("PING")
    scene.names()
    scene.make_room()
    scene.ask("BGSAVE")
    scene.wait_info("rdb_last_bgsave_status", "ok")
    scene.ask("SET", "b", "1")
    scene.log_lines()
    return scene


def directory_that_vanishes(binary):
    """The directory of the log is moved away: the files that are open go on, and a rewrite makes all of it anew."""
    scene = Scene(binary, [*AOF, "--appendfsync", "everysec"])
    scene.ask("SET", "a", "1")
    folder = os.path.join(scene.server.dir, "appendonlydir")
    os.rename(folder, folder + ".away")
    scene.ask("SET", "b", "1")
    scene.info("aof_last_write_status")
    scene.ask("BGREWRITEAOF")
    scene.wait_info("aof_rewrite_in_progress", "0")
    scene.info("aof_last_bgrewrite_status")
    scene.ask("SET", "c", "1")
    scene.names("appendonlydir")
    scene.restart()
    scene.ask("MGET", "a", "b", "c")
    return scene


def place_that_vanishes(binary):
    """The directory that files are saved in is moved away, and comes back."""
    scene = Scene(binary, ["--save", "1000 1000", "--enable-protected-configs", "yes"])
    scene.ask("SET", "a", "1")
    folder = os.path.join(scene.server.dir, "place")
    os.mkdir(folder)
    scene.link("CONFIG", "SET", "dir", folder)
    os.rmdir(folder)
    scene.ask("SAVE")
    scene.ask("BGSAVE")
    scene.wait_info("rdb_last_bgsave_status", "err")
    scene.ask("SET", "b", "1")
    scene.link("CONFIG", "SET", "dir", scene.server.dir)
    scene.ask("SAVE")
    scene.ask("SET", "b", "1")
    scene.log_lines()
    return scene


SCENES = [full_disk, full_disk_always, failing_fsync, no_room_at_all, full_disk_for_a_save, directory_that_vanishes,
          place_that_vanishes]


def compare(scene, binary, peer):
    """Plays a scene with both; says where they differ."""
    told = []
    for program in (binary, peer):
        played = None
        try:
            played = scene(program)
            told.append(played.notes)
        finally:
            if played:
                played.close()
    for ours, theirs in zip(*told):
        assert ours == theirs, "%s: ours %s, theirs %s" % (scene.__name__, ours, theirs)
    assert len(told[0]) == len(told[1]), "%s: %d notes of ours, %d of theirs" % (scene.__name__, len(told[0]), len(told[1]))


def tests_for(binary, peer):
    """The limit can be lifted from outside on Linux only."""
    if sys.platform != "linux":
        return []
    return [("disk: " + scene.__name__.replace("_", " "), lambda scene=scene: compare(scene, binary, peer)) for scene in SCENES]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="target/release/pollux")
    parser.add_argument("--peer", default=find_peer())
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    for name, test in tests_for(options.bin, options.peer):
        if options.only in name:
            test()
            print("ok", name)


if __name__ == "__main__":
    main()
