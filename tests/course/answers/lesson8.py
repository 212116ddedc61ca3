"""Lesson 8: transactions. Nothing is undone and nothing is locked; there is only one thread."""

import sys

import lesson7
from lesson3 import NIL_ARRAY, OK, Line, Refused
from lesson4 import MANY

QUEUED = Line("QUEUED")
AT_ONCE = ("multi", "exec", "discard", "watch")


class Client(lesson7.Client):
    def __init__(self, sock):
        super().__init__(sock)
        # Requests since MULTI. None: no transaction.
        self.queue = None
        self.is_spoiled = False
        self.watched = set()
        self.is_touched = False


class Server(lesson7.Server):
    arity = {**lesson7.Server.arity, "multi": (1, 1), "exec": (1, 1), "discard": (1, 1), "watch": (2, MANY), "unwatch": (1, 1)}

    def __init__(self, port):
        super().__init__(port)
        self.watchers = {}
        self.is_inside = False

    def new_client(self, sock):
        return Client(sock)

    # ---------------------------------------------------------------------------------------- who changes what

    def changes(self, key):
        for client in self.watchers.get(key, ()):
            client.is_touched = True

    def put(self, key, value, deadline=None):
        self.changes(key)
        super().put(key, value, deadline)

    def update(self, key, value):
        self.changes(key)
        super().update(key, value)

    def remove(self, key):
        self.changes(key)
        super().remove(key)

    def touch(self, key):
        self.changes(key)
        super().touch(key)

    # ---------------------------------------------------------------------------------------------- the commands

    def admit(self, client, words):
        try:
            return super().admit(client, words)
        except Refused:
            client.is_spoiled = True
            raise

    def call(self, client, name, words):
        if client.queue is not None and name not in AT_ONCE:
            client.queue.append((name, words))
            return QUEUED
        return super().call(client, name, words)

    def wait(self, client, keys, deadline):
        return NIL_ARRAY if self.is_inside else super().wait(client, keys, deadline)

    def do_multi(self, client):
        if client.queue is not None:
            raise Refused("ERR MULTI calls can not be nested")
        client.queue, client.is_spoiled = [], False
        return OK

    def do_exec(self, client):
        if client.queue is None:
            raise Refused("ERR EXEC without MULTI")
        queue, is_spoiled, is_touched = client.queue, client.is_spoiled, client.is_touched
        self.forget(client)
        if is_spoiled:
            raise Refused("EXECABORT Transaction discarded because of previous errors.")
        if is_touched:
            return NIL_ARRAY
        self.is_inside = True
        replies = [self.reply_of(client, name, words) for name, words in queue]
        self.is_inside = False
        return replies

    def reply_of(self, client, name, words):
        try:
            return self.call(client, name, words)
        except Refused as refusal:
            return refusal

    def do_discard(self, client):
        if client.queue is None:
            raise Refused("ERR DISCARD without MULTI")
        self.forget(client)
        return OK

    def do_watch(self, client, *keys):
        if client.queue is not None:
            raise Refused("ERR WATCH inside MULTI is not allowed")
        for key in keys:
            client.watched.add(key)
            self.watchers.setdefault(key, set()).add(client)
        return OK

    def do_unwatch(self, client):
        for key in client.watched:
            self.watchers[key].discard(client)
            if not self.watchers[key]:
                del self.watchers[key]
        client.watched, client.is_touched = set(), False
        return OK

    def forget(self, client):
        self.do_unwatch(client)
        client.queue, client.is_spoiled = None, False

    def close(self, client):
        self.forget(client)
        super().close(client)


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
