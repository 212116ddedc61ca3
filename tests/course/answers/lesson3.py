"""Lesson 3: the loop of lesson 2, and requests in its bytes. The lessons after it build on this server."""

import selectors
import socket
import sys

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
OUTPUT_MAX = 1 << 20
WORDS_MAX, WORD_MAX, LINE_MAX = 1 << 20, 512 << 20, 1 << 16


class Refused(Exception):
    """What a command answers instead of doing anything."""


class Malformed(Exception):
    """Bytes that are no request. Where the next one begins, nobody knows."""


class Line(str):
    """A simple string: `+OK`."""


class Raw(bytes):
    """A reply that is written down already."""


OK, PONG = Line("OK"), Line("PONG")
NIL_ARRAY = Raw(b"*-1\r\n")
# The command answers later.
LATER = Raw(b"")


def encode(reply):
    """A Python value as RESP."""
    if reply is None:
        return b"$-1\r\n"
    if isinstance(reply, Raw):
        return reply
    if isinstance(reply, Line):
        return b"+%s\r\n" % reply.encode()
    if isinstance(reply, int):
        return b":%d\r\n" % reply
    if isinstance(reply, Refused):
        return b"-%s\r\n" % str(reply).encode()
    if isinstance(reply, list):
        return b"*%d\r\n%s" % (len(reply), b"".join(map(encode, reply)))
    return b"$%d\r\n%s\r\n" % (len(reply), reply)


def encode_request(words):
    return encode(list(words))


def header(data, at, mark, most, what):
    """The number in the line at `at`, and where the next line begins. None: it has not come."""
    end = data.find(b"\r\n", at)
    if end < 0:
        if len(data) - at > LINE_MAX:
            raise Malformed("too big %s" % what)
        return None
    if data[at:at + 1] != mark:
        raise Malformed("expected '%s', got '%s'" % (mark.decode(), chr(data[at])))
    text = data[at + 1:end]
    if not text.isdigit() or int(text) > most:
        raise Malformed("invalid %s" % what)
    return int(text), end + 2


def parse(data, at):
    """The words of the request at `at`, and where it ends. None: not all of it has come."""
    if data[at:at + 1] != b"*":
        end = data.find(b"\n", at)
        if end < 0:
            if len(data) - at > LINE_MAX:
                raise Malformed("too big inline request")
            return None
        return bytes(data[at:end]).split(), end + 1
    found = header(data, at, b"*", WORDS_MAX, "multibulk length")
    if found is None:
        return None
    count, at = found
    words = []
    for _ in range(count):
        if at >= len(data):
            return None
        found = header(data, at, b"$", WORD_MAX, "bulk length")
        if found is None:
            return None
        size, at = found
        if len(data) < at + size + 2:
            return None
        words.append(bytes(data[at:at + size]))
        at += size + 2
    return words, at


class Client:
    """One connection: what came and is not understood yet, what is to be sent."""

    def __init__(self, sock):
        self.sock = sock
        self.input, self.output = bytearray(), bytearray()
        # Sends no more, or is to be sent no more than what waits.
        self.has_ended = False
        self.is_waiting = False
        self.wanted = READ


class Server:
    """The loop. A command is a method `do_name` with its row in `arity`: how few and how many words it takes."""

    arity = {"ping": (1, 2), "echo": (2, 2)}

    def __init__(self, port):
        self.selector = selectors.DefaultSelector()
        self.clients = set()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.listener.setblocking(False)
        self.selector.register(self.listener, READ, None)

    # ---------------------------------------------------------------------------------------------------- the loop

    def run(self):
        while True:
            for event, ready in self.selector.select(self.sleep_seconds()):
                if event.data is None:
                    self.accept()
                else:
                    self.serve(event.data, ready)
            self.before_sleep()
            for client in list(self.clients):
                self.flush(client)

    def sleep_seconds(self):
        """How long the poll may wait. None: until something comes."""

    def before_sleep(self):
        """What is due at the end of a turn, before anything is written."""

    def accept(self):
        sock, _ = self.listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = self.new_client(sock)
        self.clients.add(client)
        self.selector.register(sock, READ, client)

    def new_client(self, sock):
        return Client(sock)

    def serve(self, client, ready):
        if ready & READ:
            try:
                data = client.sock.recv(1 << 18)
            except OSError:
                self.close(client)
                return
            if not data:
                client.has_ended = True
                self.left(client)
            client.input += data
            self.work(client)

    def work(self, client):
        """Runs what has come whole."""
        at = 0
        try:
            while at < len(client.input) and not client.is_waiting and client.wanted is not None:
                found = parse(client.input, at)
                if found is None:
                    break
                words, at = found
                if words:
                    client.output += encode(self.execute(client, words))
        except Malformed as error:
            client.output += b"-ERR Protocol error: %s\r\n" % str(error).encode()
            client.has_ended = True
            client.input.clear()
            at = 0
        del client.input[:at]

    def flush(self, client):
        """Sends what can be sent, and tells the poll what we want to hear of next."""
        try:
            if client.output:
                del client.output[:client.sock.send(client.output)]
        except BlockingIOError:
            pass
        except OSError:
            self.close(client)
            return
        if client.has_ended and not client.output:
            self.close(client)
            return
        reads = READ if not client.has_ended and len(client.output) < OUTPUT_MAX else 0
        wanted = reads | (WRITE if client.output else 0)
        if wanted != client.wanted:
            client.wanted = wanted
            self.selector.modify(client.sock, wanted or WRITE, client)

    def left(self, client):
        """The client is gone, or will be; nothing more is to be done for it."""

    def close(self, client):
        self.left(client)
        self.clients.discard(client)
        self.selector.unregister(client.sock)
        client.sock.close()

    # ------------------------------------------------------------------------------------------------- the commands

    def execute(self, client, words):
        """The reply to a request."""
        try:
            name = self.admit(client, words)
            return self.call(client, name, words)
        except Refused as refusal:
            return refusal

    def admit(self, client, words):
        """Whether a request may run at all: its name."""
        name = words[0].decode("latin1").lower()
        if name not in self.arity:
            raise Refused("ERR unknown command '%s', with args beginning with: " % words[0].decode("latin1").replace("\r", " ").replace("\n", " "))
        least, most = self.arity[name]
        if not least <= len(words) <= most:
            raise Refused("ERR wrong number of arguments for '%s' command" % name)
        return name

    def call(self, client, name, words):
        return getattr(self, "do_" + name)(client, *words[1:])

    def do_ping(self, client, message=None):
        return PONG if message is None else message

    def do_echo(self, client, message):
        return message


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
