"""Lesson 10: a log. What changes something is written down, and nobody reads a reply before the disk has it."""

import os
import sys

import lesson8
from lesson3 import encode_request, parse

FILE = "log"


class Server(lesson8.Server):
    def __init__(self, port):
        super().__init__(port)
        # Records of this turn; those of a transaction until it is over.
        self.records = bytearray()
        self.group = None
        self.has_changed = False
        self.is_loading = True
        self.file = os.open(FILE, os.O_RDWR | os.O_CREAT, 0o644)
        self.load()
        self.is_loading = False

    def changes(self, key):
        self.has_changed = True
        super().changes(key)

    def append(self, words):
        if self.is_loading:
            return
        if self.group is not None:
            self.group.append(words)
        else:
            self.records += encode_request(words)

    # --------------------------------------------------------------------------------------------- what is written

    def call(self, client, name, words):
        if client.queue is None:
            words = self.absolute(name, words)
        was_changed, self.has_changed = self.has_changed, False
        reply = super().call(client, name, words)
        if self.has_changed and name not in ("exec", "blpop"):
            self.append(words)
        self.has_changed |= was_changed
        return reply

    def absolute(self, name, words):
        """A time of day instead of a span: it means the same when it is read tomorrow."""
        if name == "pexpire" and words[2].lstrip(b"-").isdigit():
            return [b"PEXPIREAT", words[1], b"%d" % (self.now() + int(words[2]))]
        if name == "set":
            words = list(words)
            for at in range(3, len(words) - 1):
                if words[at].upper() == b"PX" and words[at + 1].isdigit() and int(words[at + 1]) > 0:
                    words[at:at + 2] = b"PXAT", b"%d" % (self.now() + int(words[at + 1]))
        return words

    def expired(self, key):
        super().expired(key)
        self.append([b"DEL", key])

    def pop_for_waiter(self, key):
        value = super().pop_for_waiter(key)
        self.append([b"LPOP", key])
        return value

    def do_exec(self, client):
        self.group = []
        try:
            return super().do_exec(client)
        finally:
            group, self.group = self.group, None
            if group:
                for words in ([b"MULTI"], *group, [b"EXEC"]):
                    self.append(words)

    def before_sleep(self):
        """Before any output leaves: that is the promise."""
        super().before_sleep()
        if self.records:
            os.write(self.file, self.records)
            os.fsync(self.file)
            self.records.clear()

    # ------------------------------------------------------------------------------------------------ what is read

    def now(self):
        """While the log is read nothing expires by itself: what expired stands in it."""
        return 0 if self.is_loading else super().now()

    def load(self):
        data = os.read(self.file, os.fstat(self.file).st_size)
        client = self.new_client(None)
        at = whole = 0
        while at < len(data) and (found := parse(data, at)):
            words, at = found
            self.execute(client, words)
            if client.queue is None:
                whole = at
        # A torn record, and a transaction without its end, have not happened.
        os.ftruncate(self.file, whole)
        os.lseek(self.file, whole, os.SEEK_SET)


if __name__ == "__main__":
    Server(int(sys.argv[1])).run()
