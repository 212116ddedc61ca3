"""RESP on a socket, kept as it came.

A reply is a `Frame`: the type byte, the value, and the exact bytes, because two servers that mean the same can still
say it differently, and a client would notice. Attributes (`|`) stay in front of the frame they belong to; pushes (`>`)
are ordinary frames here and the caller decides what to do with them.
"""

import select
import socket


SILENCE = "no reply in time"


class Closed(Exception):
    """The server closed the connection, or said nothing for too long."""


class Frame:
    """One reply. `kind` is the type byte as a character. `value` is bytes for what fits a line or a bulk, a list of
    frames for aggregates (a map is its keys and values in turn), None for the null bulk and the null array."""

    __slots__ = ("kind", "value", "raw", "attribute")

    def __init__(self, kind, value, raw, attribute=None):
        self.kind, self.value, self.raw, self.attribute = kind, value, raw, attribute

    def __eq__(self, other):
        return isinstance(other, Frame) and self.raw == other.raw

    def __hash__(self):
        return hash(self.raw)

    @property
    def is_error(self):
        return self.kind in "-!"

    @property
    def is_list(self):
        return self.kind in "*%~>" and self.value is not None

    def number(self):
        """The value as a number where it is one, else None."""
        try:
            return float(self.value)
        except (TypeError, ValueError):
            return None

    def text(self):
        return self.value.decode("latin1") if isinstance(self.value, bytes) else ""

    def show(self, limit=12):
        """A line a person can read, with the type visible."""
        if self.value is None:
            return {"$": "(null bulk)", "*": "(null array)", "_": "(null)"}.get(self.kind, "(null)")
        if self.kind in "*%~>":
            name = {"*": "", "%": "map", "~": "set", ">": "push"}[self.kind]
            parts = [part.show(limit) for part in self.value[:limit]]
            if len(self.value) > limit:
                parts.append("... %d in all" % len(self.value))
            return "%s[%s]" % (name, ", ".join(parts))
        if self.kind == "-":
            return "(error) " + self.text()
        if self.kind == ":":
            return "(integer) " + self.text()
        if self.kind == "+":
            return self.text()
        if self.kind == "$":
            return quote(self.value)
        name = {",": "double", "#": "boolean", "(": "big number", "=": "verbatim", "!": "bulk error"}
        return "(%s) %s" % (name.get(self.kind, self.kind), quote(self.value))


def quote(data, limit=300):
    """Bytes as redis-cli quotes them, so that they can be pasted back."""
    out = ['"']
    for byte in data[:limit]:
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif char in "\n\r\t\a\b":
            out.append({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"}[char])
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append("\\x%02x" % byte)
    out.append('"')
    if len(data) > limit:
        out.append("... %d bytes" % len(data))
    return "".join(out)


def show_command(args, limit=300):
    """A command line for redis-cli."""
    words = []
    for arg in args:
        plain = arg and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in arg)
        words.append(arg.decode() if plain and len(arg) <= limit else quote(arg, limit))
    return " ".join(words)


def encode(args):
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        out.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
    return b"".join(out)


def as_bytes(arg):
    if isinstance(arg, bytes):
        return arg
    return str(arg).encode()


class Connection:
    """A blocking client that reads whole frames. A port may be the path of a Unix socket."""

    def __init__(self, port, timeout=10, host="127.0.0.1"):
        try:
            if isinstance(port, str):
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(timeout)
                self.sock.connect(port)
            else:
                self.sock = socket.create_connection((host, port), timeout=timeout)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise Closed("cannot connect to port %s: %s" % (port, error)) from error
        self.buffer = b""
        self.at = 0

    def close(self):
        self.sock.close()

    def leave(self, seconds=1):
        """Says QUIT and waits for the server to close, so that it has surely forgotten us."""
        try:
            self.sock.settimeout(seconds)
            self.sock.sendall(encode([b"QUIT"]))
            while self.sock.recv(1 << 16):
                pass
        except OSError:
            pass
        self.sock.close()

    def __call__(self, *args):
        """One command, its reply."""
        self.send([as_bytes(arg) for arg in args])
        return self.read()

    def send(self, *commands):
        self.send_raw(b"".join(encode(command) for command in commands))

    def send_raw(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Closed("while sending: %s" % error) from error

    def converse(self, commands):
        """Sends all the commands, then reads a reply for each. What was read before a failure is kept in the
        exception's `replies`, so that the caller knows which command was the last to be answered."""
        self.send(*commands)
        replies = []
        try:
            for _ in commands:
                replies.append(self.read())
        except Closed as error:
            error.replies = replies
            raise
        return replies

    def ready(self, seconds):
        """Whether something can be read within so many seconds."""
        if self.at < len(self.buffer):
            return True
        return bool(select.select([self.sock], [], [], seconds)[0])

    def read(self):
        start = self.at
        frame, used = self._frame(start)
        self.at = used
        if self.at == len(self.buffer):
            self.buffer, self.at = b"", 0
        elif self.at > 1 << 20:
            self.buffer, self.at = self.buffer[self.at:], 0
        return frame

    def _more(self):
        try:
            data = self.sock.recv(1 << 16)
        except socket.timeout as error:
            raise Closed(SILENCE) from error
        except OSError as error:
            raise Closed("while reading: %s" % error) from error
        if not data:
            raise Closed("the server closed the connection")
        self.buffer += data

    def _line(self, at):
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end >= 0:
                return self.buffer[at:end], end + 2
            self._more()

    def _frame(self, at):
        start = at
        line, at = self._line(at)
        kind, rest = chr(line[0]) if line else "?", line[1:]
        if kind in "$=!":
            length = int(rest)
            if length < 0:
                return Frame(kind, None, self.buffer[start:at]), at
            while len(self.buffer) < at + length + 2:
                self._more()
            value = self.buffer[at:at + length]
            at += length + 2
            return Frame(kind, value, self.buffer[start:at]), at
        if kind in "*%~>|":
            count = int(rest)
            if count < 0:
                return Frame(kind, None, self.buffer[start:at]), at
            parts = []
            for _ in range(count * 2 if kind in "%|" else count):
                part, at = self._frame(at)
                parts.append(part)
            if kind == "|":
                frame, at = self._frame(at)
                return Frame(frame.kind, frame.value, self.buffer[start:at], parts), at
            return Frame(kind, parts, self.buffer[start:at]), at
        if kind == "_":
            return Frame(kind, None, self.buffer[start:at]), at
        if kind not in "+-:,#(":
            raise Closed("not RESP: %r" % line[:100])
        return Frame(kind, rest, self.buffer[start:at]), at
