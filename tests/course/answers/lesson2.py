"""Lesson 2: an echo for many. Only `select` waits; a client whose bytes are not taken is not read from."""

import selectors
import socket
import sys

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

# What one client may have waiting to be sent.
OUTPUT_MAX = 1 << 18


class Client:
    """One connection, and what is to be sent on it."""

    def __init__(self, sock):
        self.sock = sock
        self.output = bytearray()
        self.has_ended = False


class Echo:
    """The loop and its clients."""

    def __init__(self, port):
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.listener.setblocking(False)
        self.selector.register(self.listener, READ)

    def run(self):
        while True:
            for event, ready in self.selector.select():
                if event.data is None:
                    self.accept()
                    continue
                try:
                    if ready & READ:
                        self.read(event.data)
                    if ready & WRITE:
                        self.write(event.data)
                    self.want(event.data)
                except OSError:
                    self.close(event.data)

    def accept(self):
        sock, _ = self.listener.accept()
        sock.setblocking(False)
        self.selector.register(sock, READ, Client(sock))

    def read(self, client):
        data = client.sock.recv(1 << 16)
        client.output += data
        client.has_ended = not data

    def write(self, client):
        sent = client.sock.send(client.output)
        del client.output[:sent]

    def want(self, client):
        """Of which readiness the poll is to tell us next."""
        reads = READ if not client.has_ended and len(client.output) < OUTPUT_MAX else 0
        writes = WRITE if client.output else 0
        if reads | writes:
            self.selector.modify(client.sock, reads | writes, client)
        else:
            self.close(client)

    def close(self, client):
        self.selector.unregister(client.sock)
        client.sock.close()


if __name__ == "__main__":
    Echo(int(sys.argv[1])).run()
