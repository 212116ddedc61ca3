#!/usr/bin/env python3
"""What keeps strangers and users within their bounds, asked of ours and of a real server, each scene on servers of its own.

Files of users and lines of users at the start, good ones and bad ones; ACL LOAD while clients are connected; what a client
may send before it has authenticated; requests of browsers; commands that need a parameter; secrets in SLOWLOG, MONITOR and
ACL LOG.

  guard.py --bin target/release/pollux
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from resp import Closed, Connection
from servers import die_with_parent, find_peer, free_port


class Scene:
    """A server with a configuration file and other files, in a folder of its own. `port` is None when it has ended."""

    def __init__(self, binary, lines, files):
        self.dir = tempfile.mkdtemp(prefix="peers-")
        self.port = free_port()
        for name, text in files.items():
            self.write(name, text)
        self.write("conf", 'port %d\nbind 127.0.0.1\ndir %s\nsave ""\n%s\n' % (self.port, self.dir, "\n".join(lines)))
        with open(os.path.join(self.dir, "log"), "wb") as log:
            self.process = subprocess.Popen([binary, os.path.join(self.dir, "conf")], cwd=self.dir, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        deadline = time.time() + 20
        while self.process.poll() is None and time.time() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        self.port = None

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="latin1") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.dir, name), encoding="latin1") as file:
            return file.read()

    def connect(self):
        return Connection(self.port)

    def last_words(self):
        """The last line of the log, without its time."""
        line = self.read("log").splitlines()[-1]
        return re.sub(r"^\d+:. .{24} ", "", line)

    def discard(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def ask(connection, line):
    try:
        return connection(*line.split(" ")).show(60)
    except Closed:
        return "closed"


def conversation(*lines):
    """What is said to a client that sends these lines, or how the server ended."""
    def play(scene):
        if scene.port is None:
            return [scene.last_words()]
        connection = scene.connect()
        return [ask(connection, line) for line in lines]
    return play


def bytes_sent(data):
    """What comes back for these bytes."""
    def play(scene):
        with socket.create_connection(("127.0.0.1", scene.port)) as sock:
            sock.sendall(data)
            sock.settimeout(0.3)
            received = b""
            try:
                while True:
                    more = sock.recv(1 << 16)
                    if not more:
                        return received + b" and closed"
                    received += more
            except ConnectionResetError:
                return received + b" and closed"
            except socket.timeout:
                return received
    return play


def rewritten(scene):
    """The users, and what CONFIG REWRITE makes of them."""
    if scene.port is None:
        return [scene.last_words()]
    said = conversation("ACL LIST", "AUTH x", "ACL LIST", "CONFIG REWRITE")(scene)
    return said, [line for line in scene.read("conf").splitlines() if line.startswith("user")]


def loaded_anew(scene):
    """ACL LOAD with clients of users that stay, lose a channel, or are gone; then files that cannot be taken."""
    admin = scene.connect()
    clients = {name: scene.connect() for name in "abc"}
    for name, client in clients.items():
        client("AUTH", name, "p")
    clients["b"]("SUBSCRIBE", "channel")
    scene.write("users", "user a on >p +ping\nuser b on >p +@all ~* &other\n")
    said = [ask(admin, "ACL LOAD"), ask(admin, "ACL LIST")]
    time.sleep(0.1)
    said += [ask(client, "PING") for client in clients.values()] + [ask(clients["a"], "GET x")]
    scene.write("users", "user a on >p +nosuch\nuser d ~* ~x >secret\n")
    said += [ask(admin, line) for line in ("ACL LOAD", "ACL LIST", "ACL SAVE", "ACL LOAD")] + [scene.read("users")]
    os.remove(os.path.join(scene.dir, "users"))
    return said + [ask(admin, "ACL LOAD")], sorted(os.listdir(scene.dir))


def secrets(scene):
    """What the slow log and MONITOR show of secrets."""
    admin, monitor = scene.connect(), scene.connect()
    admin("CONFIG", "SET", "slowlog-log-slower-than", "0")
    monitor("MONITOR")
    lines = ["AUTH pw", "AUTH default pw", "HELLO 3 AUTH default pw", "HELLO 2 AUTH default pw SETNAME me", "ACL SETUSER u on >pw ~* +@all",
             "ACL SETUSER u >pw nonsense", "ACL GETUSER u", "ACL DELUSER u pw", "CONFIG SET requirepass pw", "CONFIG SET masterauth pw hz 11",
             "CONFIG SET masteruser pw", "CONFIG SET tls-key-file-pass pw", "ACL SETUSER", 'CONFIG SET requirepass "" hz 10']
    said = [admin(*line.split(" ")).kind for line in lines]
    time.sleep(0.1)
    shown = [re.sub(r"^\S+ \[[^]]*\] ", "", line) for line in monitor.sock.recv(1 << 20).decode("latin1").split("\r\n")]
    slow = [[word.text() for word in entry.value[3].value] for entry in admin("SLOWLOG", "GET", "50").value]
    return said, shown, slow


def denials(scene):
    """The log of what was denied, without what changes from run to run, and the counters."""
    admin, user = scene.connect(), scene.connect()
    ask(admin, "ACL SETUSER u on >p +@all -config ~k &c")
    ask(user, "AUTH u p")
    said = [ask(user, line) for line in ("CONFIG SET requirepass sss", "GET x", "GET x", "PUBLISH d secret", "AUTH u sss", "MULTI", "GET y", "EXEC",
                                         "EVAL redis.call('get','z') 0", "HELLO 3 AUTH u sss", "AUTH sss")]
    log = [[entry.value[at].show() for at in (1, 3, 5, 7, 9)] for entry in admin("ACL", "LOG").value]
    return said, log, admin("INFO", "stats").text().split("acl_")[1:]


USERS_FILES = ["", "user a on >p ~* +@all\n", "# comment\nuser a on\n", "user a on\nuser a off\n", "usr a\n", "user\n",
               "user a +nosuch >x #1\n", "user a (+get\n", 'user "a b" on\n', "\n\n   user a on   +get   \n", "user default on >x +@all ~*\n",
               "user a +get ~a allkeys ~b\n", "user a\ton\n", "user a (+get ~x) ( +set ~y )\n"]
USERS_LINES = [["user a on +@all", "user a off"], ["user a +nosuch"], ["user a (+get"], ["user a #12"], ['user "a b" on'],
               ["user default on >x ~* +@all"], ["requirepass x", "user default +@all"], ['user a (+get ~x) "(+set ~y)"'], ["user"],
               ["user a ~* ~b"], ["acl-pubsub-default allchannels", "user a on"], ["user b on", "user a on"]]
STRANGE = [b"*10\r\n" + b"$4\r\nPING\r\n" * 10, b"*11\r\n", b"*2\r\n$4\r\nPING\r\n$16385\r\n", b"*2147483648\r\n", b"*1\r\n$-5\r\n", b"PING\r\n",
           b"x" * 70000, b"*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$2\r\npw\r\n*11\r\n" + b"$1\r\nx\r\n" * 11]
WEB = [b"POST / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"post\r\nPING\r\n", b"*1\r\n$5\r\nHost:\r\n", b"POST\r\nHost:\r\n"]
GUARDED = ("DEBUG JMAP", "MODULE LOAD /x", "CONFIG SET dbfilename x.rdb", "CONFIG SET dir /tmp", "CONFIG SET enable-debug-command yes",
           "CONFIG SET enable-protected-configs yes")
RENAMED = ("FLUSHALL", "CONFIG GET port", "CONF GET hz", "ACL DRYRUN u CONF GET hz", "ACL DRYRUN u CONFIG GET hz", "AUTH u x", "CONF GET hz")


def scenes():
    """(name, lines of the configuration, other files, what happens)"""
    file = ["aclfile users"]
    for text in USERS_FILES:
        yield "file %r" % text, file, {"users": text}, conversation("AUTH x", "ACL LIST", "ACL LOAD", "ACL SAVE", "ACL LIST")
    yield "no file", file, {}, conversation("PING")
    yield "a file and lines", file + ["user a on"], {"users": ""}, conversation("PING")
    for lines in USERS_LINES:
        yield "lines %r" % lines, lines, {}, rewritten
    yield "load", file, {"users": "".join("user %s on >p +@all ~* &*\n" % name for name in "abc")}, loaded_anew
    for data in STRANGE:
        yield "stranger %r" % data[:30], ["requirepass pw"], {}, bytes_sent(data)
    for data in WEB:
        yield "browser %r" % data, [], {}, bytes_sent(data)
    yield "browser and password", ["requirepass pw"], {}, bytes_sent(WEB[0])
    yield "guarded commands", [], {}, conversation(*GUARDED)
    local = ["enable-debug-command local", "enable-module-command local", "enable-protected-configs local"]
    yield "guarded commands, local clients", local, {}, conversation("DEBUG SLEEP 0", "CONFIG SET dbfilename x.rdb")
    renames = ['rename-command FLUSHALL ""', "rename-command CONFIG conf", "user u on nopass ~* +@all -config -flushall"]
    yield "renamed", renames, {}, conversation(*RENAMED)
    yield "secrets", [], {}, secrets
    yield "denials", [], {}, denials


def tests_for(binary, peer):
    """For run.py."""
    return [("guard", lambda: report(compare(binary, peer)))]


def compare(binary, peer):
    differences = []
    for name, lines, files, play in scenes():
        said = []
        for program in (binary, peer):
            scene = Scene(program, lines, files)
            try:
                said.append(play(scene))
            finally:
                scene.discard()
        if said[0] != said[1]:
            differences.append("%s\n   ours   %s\n   theirs %s" % (name, said[0], said[1]))
    return differences


def report(differences):
    assert not differences, "\n".join(differences)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--peer", default=find_peer())
    opts = parser.parse_args()
    differences = compare(os.path.abspath(opts.bin), opts.peer)
    print("\n".join(differences))
    print("%d scenes, %d differences" % (len(list(scenes())), len(differences)))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
