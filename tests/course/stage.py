"""A reader's program on the stage: started in a folder of its own, spoken to over sockets, killed, started again.

A check is a list of steps. A step is a sentence and a function that is given the stage; what is not as it should be it
says by raising `Wrong` with a sentence for the reader. No step knows in which language the program is written.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "peers"))

from resp import Closed, Connection, quote, show_command     # noqa: E402

# A program that is compiled when it is started, as by `go run`, takes its time.
START_SECONDS = 60
PATIENCE = 5


class Wrong(Exception):
    """What is not as it should be, as a sentence for the reader."""


def check(is_so, sentence, *words):
    if not is_so:
        raise Wrong(sentence % words if words else sentence)


class Stage:
    """The program and where it runs. `more` are the words after the port."""

    def __init__(self, command, binary=None):
        self.command = shlex.split(command)
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="lesson-")
        self.more = []
        self.process = None
        self.port = 0
        self.sockets = []
        # What runs beside the program; it has `stop`.
        self.beside = []

    def start(self):
        """A fresh port each time: the old one may still be held by what the kernel remembers."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = [*self.command, str(self.port), *map(str, self.more)]
        with open(os.path.join(self.folder, ".screen"), "ab") as screen:
            try:
                self.process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=screen,
                                                stderr=screen, start_new_session=True)
            except OSError as error:
                raise Wrong("your program cannot be started: %s" % error) from error
        deadline = time.time() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
                return
            except OSError:
                pass
            check(self.process.poll() is None, "your program has ended before it listened")
            check(time.time() < deadline, "nobody listens on 127.0.0.1, port %d; the port is your first argument", self.port)
            time.sleep(0.02)

    def said(self):
        """The last words of the program on its screen."""
        with open(os.path.join(self.folder, ".screen"), encoding="utf-8", errors="replace") as screen:
            return "".join(screen.readlines()[-12:])

    def kill(self):
        """As when the power fails: no signal that it could catch, and its children go with it."""
        for sock in self.sockets:
            sock.close()
        self.sockets = []
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def restart(self, rest_seconds=0):
        """After a power cut, and so many seconds without power. A server may say that it loads."""
        self.kill()
        time.sleep(rest_seconds)
        self.start()
        deadline = time.time() + START_SECONDS
        while ask(self.client(), "PING").startswith(b"-LOADING") and time.time() < deadline:
            time.sleep(0.02)

    def discard(self):
        self.kill()
        for other in self.beside:
            other.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def raw(self):
        """A plain connection."""
        check(self.process.poll() is None, "your program has ended")
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.append(sock)
        return sock

    def client(self):
        """A connection that speaks RESP."""
        check(self.process.poll() is None, "your program has ended")
        connection = Connection(self.port, PATIENCE)
        self.sockets.append(connection.sock)
        return connection

    def memory(self):
        """Resident bytes of the program and of those it has started."""
        shown = subprocess.run(["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True, check=False).stdout
        rows = [line.split() for line in shown.splitlines()]
        return sum(int(size) for group, size in rows if int(group) == self.process.pid) * 1024


def receive(sock, count):
    """So many bytes, or fewer if the other side ends or says nothing for long."""
    data = b""
    try:
        while len(data) < count:
            more = sock.recv(min(1 << 16, count - len(data)))
            if not more:
                break
            data += more
    except OSError:
        pass
    return data


def expect(client, request, wanted):
    """One request and its reply, byte for byte."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in request]
    came = ask(client, *words)
    check(came == wanted, "%s\n  should be answered with %s\n  and your answer is       %s", show_command(words),
          quote(wanted), quote(came))


def ask(client, *words):
    """The bytes of a reply, or of what is wrong with it."""
    try:
        return client(*words).raw
    except (Closed, ValueError) as error:
        return ("(%s)" % error).encode()


def bulk(data):
    if data is None:
        return b"$-1\r\n"
    data = data if isinstance(data, bytes) else str(data).encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def array(*parts):
    return b"*%d\r\n%s" % (len(parts), b"".join(parts))


def integer(number):
    return b":%d\r\n" % number


OK = b"+OK\r\n"
NIL_ARRAY = b"*-1\r\n"
