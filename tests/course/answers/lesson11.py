"""Lesson 11: a replica. Its primary is one more client, whose requests are obeyed and not answered."""

import socket
import sys
import time

import lesson8
from lesson3 import OK, READ, Refused, encode_request, parse

WRITES = ("set", "del", "unlink", "incr", "pexpire", "pexpireat", "persist", "rpush", "lpush", "lpop", "blpop")
RETRY_SECONDS = 0.2


class Link(lesson8.Client):
    """`step` is what to do with what comes: a method that takes the input and says whether it got anywhere."""

    def __init__(self, sock, step):
        super().__init__(sock)
        self.step = step
        self.size = None
        self.asks = []


class Server(lesson8.Server):
    arity = {**lesson8.Server.arity, "replicaof": (3, 3), "select": (2, 2), "replconf": (3, 3), "unlink": lesson8.Server.arity["del"]}

    def __init__(self, port):
        super().__init__(port)
        self.port = port
        self.primary = self.link = None
        # The stream that we have, and how many bytes of it.
        self.stream, self.offset = "?", -1
        self.next_try = self.next_word = 0

    def do_replicaof(self, client, host, port):
        self.primary = (host.decode(), int(port))
        return OK

    def do_select(self, client, number):
        if number != b"0":
            raise Refused("ERR DB index is out of range")
        return OK

    do_unlink = lesson8.Server.do_del

    def do_replconf(self, client, what, _):
        if what.upper() == b"GETACK":
            self.acknowledge()
        return OK

    def admit(self, client, words):
        name = super().admit(client, words)
        if self.primary and client is not self.link and name in WRITES:
            raise Refused("READONLY You can't write against a read only replica.")
        return name

    def expired(self, key):
        """A replica hides what is overdue and waits for the DEL of its primary, so that both have the same."""
        if self.primary is None:
            super().expired(key)

    # ---------------------------------------------------------------------------------------------------- the link

    def sleep_seconds(self):
        times = [0.1 if self.primary else None, super().sleep_seconds()]
        return min((seconds for seconds in times if seconds is not None), default=None)

    def before_sleep(self):
        super().before_sleep()
        now = time.monotonic()
        if self.primary and self.link is None and now >= self.next_try:
            self.next_try = now + RETRY_SECONDS
            self.connect()
        elif self.link and self.link.step == self.follow and now >= self.next_word:
            self.next_word = now + 1
            self.acknowledge()

    def connect(self):
        try:
            sock = socket.create_connection(self.primary, timeout=1)
        except OSError:
            return
        sock.setblocking(False)
        self.link = Link(sock, self.introduce)
        self.link.asks = [[b"REPLCONF", b"listening-port", b"%d" % self.port], [b"REPLCONF", b"capa", b"psync2"],
                          [b"PSYNC", self.stream.encode(), b"%d" % (self.offset + 1 if self.offset >= 0 else -1)]]
        self.clients.add(self.link)
        self.selector.register(sock, READ, self.link)
        self.link.output += encode_request([b"PING"])

    def close(self, client):
        super().close(client)
        if client is self.link:
            self.link = None

    def work(self, client):
        if client is not self.link:
            super().work(client)
            return
        while client.input and client.step(client):
            pass

    def line(self, link):
        end = link.input.find(b"\r\n")
        if end < 0:
            return None
        text = bytes(link.input[:end])
        del link.input[:end + 2]
        return text

    def introduce(self, link):
        """Each answer brings the next word, the last of which is PSYNC."""
        text = self.line(link)
        if text is None:
            return False
        link.output += encode_request(link.asks.pop(0))
        if not link.asks:
            link.step = self.agree
        return True

    def agree(self, link):
        text = self.line(link)
        if text is None:
            return False
        words = text.lstrip(b"\n").split()
        if words[0] == b"+FULLRESYNC":
            self.stream, self.offset = words[1].decode(), int(words[2])
            link.step = self.skip_file
        elif words[0] == b"+CONTINUE":
            self.stream = words[1].decode() if len(words) > 1 else self.stream
            link.step = self.follow
        else:
            link.has_ended = True
        return True

    def skip_file(self, link):
        """The data set is empty, says the exercise. Single line ends before it mean: I am still here."""
        if link.size is None:
            while link.input[:1] == b"\n":
                del link.input[:1]
            text = self.line(link)
            if text is None:
                return False
            link.size = int(text[1:])
        taken = min(link.size, len(link.input))
        del link.input[:taken]
        link.size -= taken
        if link.size == 0:
            link.step = self.follow
        return True

    def follow(self, link):
        found = parse(link.input, 0)
        if found is None:
            return False
        words, used = found
        if words:
            self.execute(link, words)
        del link.input[:used]
        self.offset += used
        return True

    def acknowledge(self):
        self.link.output += encode_request([b"REPLCONF", b"ACK", b"%d" % self.offset])


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
