"""The steps of a round: a command, a pause, or a scene.

A scene is a small program that is run on both servers, with as many connections as it likes, and whose notes are then
compared. It is how blocking, pub/sub, scanning and random choice are tested: what differs from run to run stays inside
the scene, and only what must not differ is noted.
"""

import time

from resp import Frame, quote, show_command


class Command:
    """One command on the round's own connection."""

    def __init__(self, args):
        self.args = tuple(args)

    @property
    def name(self):
        return self.args[0].upper() if self.args else b""

    def show(self):
        return show_command(self.args)


class Pause:
    """Lets time pass on both servers, for deadlines of a few milliseconds."""

    def __init__(self, ms):
        self.ms = ms

    def run(self):
        time.sleep(self.ms / 1000)

    def show(self):
        return "(pause of %d ms)" % self.ms


class Scene:
    """`play(stage)` is run once per server and writes notes. What it does may depend only on its own arguments."""

    def __init__(self, title, play):
        self.title, self.play = title, play

    def show(self):
        return "(scene) " + self.title


class NotThere(Exception):
    """The server lacks a command that a scene needs."""


class Stage:
    """What a scene is given: the round's connection, more connections by number, and the notes. With `lenient` a command
    that the server does not know breaks the scene off."""

    def __init__(self, server, connection, protocol, peer_version=(8, 0), lenient=False):
        self.server, self.protocol, self.peer_version, self.lenient = server, protocol, peer_version, lenient
        self.connections = {0: connection}
        self.notes = []

    def on(self, number):
        if number not in self.connections:
            connection = self.server.connect()
            if self.protocol == 3:
                connection("HELLO", "3")
            self.connections[number] = connection
        return self.connections[number]

    def ask(self, *args):
        """A command on the round's connection whose reply is only looked at."""
        return self.known(self.connections[0](*args))

    def known(self, reply):
        if self.lenient and reply.is_error and reply.value.startswith(b"ERR unknown command"):
            raise NotThere
        return reply

    def note(self, *args, on=0):
        """A command whose reply is noted with it, and returned."""
        reply = self.known(self.on(on)(*args))
        self.write(show_command([arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]), reply)
        return reply

    def write(self, label, what):
        """Notes anything: a frame, bytes, a number, a list."""
        self.notes.append((label, what))

    def wait_for_blocked(self, count, seconds=2.0):
        """Until so many clients are blocked, by INFO. Writes down if it never happens."""
        deadline = time.time() + seconds
        text = "blocked_clients:%d\r\n" % count
        while time.time() < deadline:
            if text in self.ask("INFO", "clients").text():
                return True
            time.sleep(0.002)
        self.write("blocked clients", "never %d" % count)
        return False

    def close(self):
        """Leaves with QUIT and waits for the end, so that the server has forgotten these clients when the next step asks."""
        for number, connection in self.connections.items():
            if number:
                connection.leave()


def show_note(what):
    if isinstance(what, Frame):
        return what.show()
    return quote(what) if isinstance(what, bytes) else str(what)
