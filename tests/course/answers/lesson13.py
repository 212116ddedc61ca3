"""Lesson 13: a client speaks to two servers at once, and hears the first."""

import socket
import sys
from collections import deque

import lesson3
from lesson3 import READ, encode, encode_request


def reply_end(data, at=0):
    """Where the reply at `at` ends. None: not all of it has come."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, rest = data[at:at + 1], data[at + 1:end]
    at = end + 2
    if kind == b"$" and int(rest) >= 0:
        at += int(rest) + 2
        return at if at <= len(data) else None
    if kind == b"*":
        for _ in range(int(rest)):
            at = reply_end(data, at)
            if at is None:
                return None
    return at


class Upstream(lesson3.Client):
    """A connection to one of the servers, on behalf of a client."""

    def __init__(self, sock, owner, number):
        super().__init__(sock)
        self.owner, self.number = owner, number


class Client(lesson3.Client):
    def __init__(self, sock):
        super().__init__(sock)
        self.servers = []
        # Two replies for each request on its way; a request to us has None.
        self.pairs = deque()


class Server(lesson3.Server):
    arity = {"differences": (1, 1)}

    def __init__(self, port, first, second):
        super().__init__(port)
        self.ports = first, second
        self.differences = 0

    def new_client(self, sock):
        client = Client(sock)
        for number, port in enumerate(self.ports):
            upstream = Upstream(socket.create_connection(("127.0.0.1", port)), client, number)
            upstream.sock.setblocking(False)
            client.servers.append(upstream)
            self.clients.add(upstream)
            self.selector.register(upstream.sock, READ, upstream)
        return client

    def execute(self, client, words):
        if words[0].lower() == b"differences":
            client.pairs.append(None)
        else:
            for upstream in client.servers:
                upstream.output += encode_request(words)
            client.pairs.append([None, None])
        self.settle(client)
        return lesson3.LATER

    def work(self, client):
        if not isinstance(client, Upstream):
            super().work(client)
            return
        while (end := reply_end(client.input)) is not None:
            self.heard(client, bytes(client.input[:end]))
            del client.input[:end]

    def heard(self, upstream, reply):
        """A whole reply from one of the two. It belongs to the oldest request that has none from this server."""
        pair = next((pair for pair in upstream.owner.pairs if pair and pair[upstream.number] is None), None)
        if pair:
            pair[upstream.number] = reply
            self.settle(upstream.owner)

    def settle(self, client):
        """Answers what can be answered, in the order of the requests."""
        while client.pairs:
            pair = client.pairs[0]
            if pair is None:
                client.output += encode(self.differences)
            elif None in pair:
                break
            else:
                client.output += pair[0]
                self.differences += pair[0] != pair[1]
            client.pairs.popleft()

    def left(self, client):
        for upstream in getattr(client, "servers", ()):
            upstream.has_ended = True


if __name__ == "__main__":
    Server(*map(int, sys.argv[1:4])).run()
