"""Lesson 1: an echo for one client at a time. Everything in it waits: for a client, for bytes, for room to send them."""

import socket
import sys


def serve(port):
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        with client:
            try:
                while data := client.recv(1 << 16):
                    client.sendall(data)
            except OSError:
                pass                            # the client has broken off; the next one has not


if __name__ == "__main__":
    serve(int(sys.argv[1]))
