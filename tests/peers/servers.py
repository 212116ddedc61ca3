"""Servers started for a test: ours and a real one, on free ports, in directories of their own, gone afterwards.

The real one ("the peer") is the newest found: PEERS_DIR's redis8-server, then `redis-server` on PATH. Its version
decides which commands and texts can be compared at all (see `rules.py`).
"""

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from resp import Closed, Connection


def peers_dirs():
    """Where scripts/peers.sh may have put what it built."""
    named = os.environ.get("PEERS_DIR")
    home = os.path.expanduser("~/.cache")
    return [folder for folder in (named, os.path.join(home, "pollux-peers"), os.path.join(home, "peers")) if folder]


def find_program(*names):
    """The first of `names` in the peers' folder or on PATH."""
    for name in names:
        for folder in peers_dirs():
            path = os.path.join(folder, "bin", name)
            if os.access(path, os.X_OK):
                return path
        path = shutil.which(name)
        if path:
            return path
    return None


def find_peer():
    """The best real server there is, or None."""
    return find_program("redis8-server", "redis-server")


def find_tool(name):
    """A real client tool: `cli` or `benchmark`."""
    return find_program("redis8-" + name, "redis-" + name)


def free_port():
    """A port that nobody has, and that the kernel does not give to a client either before the server is there."""
    while True:
        port = random.randrange(11000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def die_with_parent():
    """A test that is killed leaves no servers behind. Linux only; elsewhere they would stay."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # 1 is PR_SET_PDEATHSIG


class Server:
    """A server process. `options` are given as `--name value`; `prepare` is given its folder before it starts."""

    def __init__(self, binary, name, options=(), prepare=None):
        self.binary, self.name, self.options = os.path.abspath(binary), name, list(options)
        self.dir = tempfile.mkdtemp(prefix="peers-")
        if prepare:
            prepare(self.dir)
        self.process = None
        self.port = None
        self.start()
        self.version, self.flavour = self.ask_version()

    def start(self):
        self.port = free_port()
        self.log_path = os.path.join(self.dir, "log")
        log = open(self.log_path, "ab")
        command = [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.dir,
                   "--save", "", "--appendonly", "no", "--enable-debug-command", "yes",
                   "--enable-module-command", "no", *self.options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                                        start_new_session=True, preexec_fn=die_with_parent,
                                        # A write beyond a limit of size shall fail and not kill, see disk.py.
                                        restore_signals=False)
        log.close()
        deadline = time.time() + 20
        while time.time() < deadline:
            if self.process.poll() is not None:
                raise SystemExit("%s: exited with %s at once\n%s" % (self.name, self.process.returncode, self.log()))
            try:
                connection = self.connect()
                reply = connection("PING")
                connection.close()
                if reply.kind == "+" or reply.kind == "-" and not reply.text().startswith("LOADING"):
                    return
                time.sleep(0.02)
            except Closed:
                time.sleep(0.02)
        raise SystemExit("%s: no answer to PING in 20 s: %s\n%s" % (self.name, " ".join(command), self.log()))

    def connect(self, timeout=10):
        return Connection(self.port, timeout)

    def is_alive(self):
        return self.process.poll() is None

    def revive(self):
        """Starts again what has died or hangs."""
        self.stop()
        self.start()

    def ask_version(self):
        """((8, 0, 6), "redis"), by what INFO says."""
        connection = self.connect()
        text = connection("INFO", "server").text()
        connection.close()
        flavour = "valkey" if "valkey_version" in text else "redis"
        found = re.search(r"%s_version:(\d+)\.(\d+)\.(\d+)" % flavour, text)
        return (tuple(int(part) for part in found.groups()) if found else (0, 0, 0)), flavour

    def log(self, lines=15):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError:
            return ""

    def memory(self):
        """Resident bytes, by ps, which Linux and macOS both have."""
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, text=True,
                               check=False)
        return int(shown.stdout or 0) * 1024

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def discard(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
