"""Answers that are wrong, each in one way that people do it. `wrong.py NAME PORT ...`; the checks have to find them."""

import os
import socket
import sys
import time

import lesson1
import lesson2
import lesson3
import lesson4
import lesson5
import lesson6
import lesson7
import lesson8
import lesson9
import lesson10
import lesson11
import lesson12
import lesson13
from lesson3 import Malformed, Refused, encode


def text(port):
    """Takes bytes for text, and a read for a line."""
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        while data := client.recv(1 << 16):
            client.sendall(data.decode("utf-8", "replace").encode())
        client.close()


def once(port):
    """Serves one client, and is done."""
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        while data := client.recv(1 << 16):
            client.sendall(data)


class Waits(lesson2.Echo):
    """One loop, and a write in it that waits."""

    def read(self, client):
        client.sock.setblocking(True)
        super().read(client)
        client.sock.sendall(client.output)
        client.output.clear()
        client.sock.setblocking(False)


class Hoards(lesson2.Echo):
    """Takes all that is sent."""

    def want(self, client):
        if client.has_ended and not client.output:
            self.close(client)
        else:
            self.selector.modify(client.sock, lesson2.READ | (lesson2.WRITE if client.output else 0), client)


class OneReadOneRequest(lesson3.Server):
    def work(self, client):
        try:
            found = lesson3.parse(client.input, 0)
            client.input.clear()
            if found:
                client.output += encode(self.execute(client, found[0]))
        except Malformed:
            client.has_ended = True


class SplitsAtLines(lesson3.Server):
    def work(self, client):
        words = bytes(client.input).split(b"\r\n")[2::2]
        client.input.clear()
        if words:
            client.output += encode(self.execute(client, words))


class Believes(lesson3.Server):
    """A length is a length."""

    def work(self, client):
        try:
            super().work(client)
        except Malformed:
            pass

    def flush(self, client):
        client.has_ended = False
        super().flush(client)


class EndlessNumbers(lesson4.Server):
    def do_incr(self, client, key):
        number = int(self.read(key) or b"0") + 1
        self.put(key, b"%d" % number)
        return number


class Unconditional(lesson4.Server):
    def set_options(self, options):
        super().set_options(options)
        return None, None


class PlaceAsCursor(lesson5.Server):
    """The cursor counts keys in the order of a dictionary."""

    def do_scan(self, client, cursor, *options):
        keys = [key for bucket in self.table.buckets for key in bucket]
        at, count = lesson4.integer(cursor), int(options[1]) if options else 10
        following = at + count if at + count < len(keys) else 0
        return [b"%d" % following, keys[at:at + count]]


class OnlyWhenAsked(lesson6.Server):
    """Looks at a deadline when somebody asks for its key, and never else."""

    def before_sleep(self):
        pass

    def sleep_seconds(self):
        return None


class AllAtOnce(lesson6.Server):
    """Removes all that is due before anybody else is served."""

    def before_sleep(self):
        while self.due and self.due[0][0] <= self.now():
            super().before_sleep()
            time.sleep(0.01)


class KeepsDeadline(lesson6.Server):
    def do_set(self, client, key, value, *options):
        old = self.entry(key)
        reply = super().do_set(client, key, value, *options)
        if old and old[1] and not options:
            self.set_deadline(key, old[1])
        return reply


class YoungestFirst(lesson7.Server):
    def wait(self, client, keys, deadline):
        reply = super().wait(client, keys, deadline)
        for key in client.keys:
            self.waiters[key].insert(0, self.waiters[key].pop())
        return reply


class ServesTheGone(lesson7.Server):
    def left(self, client):
        if not client.has_ended:
            super().left(client)

    def close(self, client):
        self.clients.discard(client)
        self.selector.unregister(client.sock)
        client.sock.close()


class GoesOnWhileWaiting(lesson7.Server):
    def wait(self, client, keys, deadline):
        reply = super().wait(client, keys, deadline)
        client.is_waiting = False
        return reply


class Undoes(lesson8.Server):
    def do_exec(self, client):
        replies = super().do_exec(client)
        if isinstance(replies, list) and any(isinstance(reply, Refused) for reply in replies):
            raise Refused("EXECABORT Transaction discarded because of previous errors.")
        return replies


class ComparesValues(lesson8.Server):
    def changes(self, key):
        pass

    def do_watch(self, client, *keys):
        client.values = {key: self.read(key) for key in keys}
        return super().do_watch(client, *keys)

    def do_exec(self, client):
        client.is_touched = any(self.read(key) != value for key, value in getattr(client, "values", {}).items())
        client.values = {}
        return super().do_exec(client)


class SavesWhatItMeets(lesson9.Server):
    """Walks, and lets writes go on."""

    def preserve(self, key):
        pass


class SavesInPlace(lesson9.Server):
    def path(self):
        return lesson9.FILE

    def finish(self):
        self.file.flush()
        self.file.close()
        self.file = None


class StopsForSave(lesson9.Server):
    def do_bgsave(self, client):
        reply = super().do_bgsave(client)
        while self.cursor is not None:
            self.before_sleep()
        time.sleep(0.5)
        return reply


class WritesLater(lesson10.Server):
    def before_sleep(self):
        if len(self.records) > 4000:
            super().before_sleep()


class RelativeTimes(lesson10.Server):
    def absolute(self, name, words):
        return words

    def now(self):
        return lesson8.Server.now(self)


class BelievesTheEnd(lesson10.Server):
    """Takes a file for whole, and appends to a torn record."""

    def load(self):
        super().load()
        os.lseek(self.file, 0, os.SEEK_END)
        os.ftruncate(self.file, os.fstat(self.file).st_size + 3)
        os.lseek(self.file, 0, os.SEEK_END)


class Silent(lesson11.Server):
    def acknowledge(self):
        pass


class FromTheBeginning(lesson11.Server):
    def connect(self):
        self.stream, self.offset = "?", -1
        super().connect()


class CountsTheFile(lesson11.Server):
    def skip_file(self, link):
        self.offset += 1
        return super().skip_file(link)


class PowersOfTwo(lesson12.Server):
    def do_record(self, client, *words):
        return super().do_record(client, *(b"%d" % (1 << int(word).bit_length() - 1) if word.isdigit() and int(word) else word for word in words))


class KeepsAll(lesson12.Server):
    def do_record(self, client, *words):
        self.values = [*getattr(self, "values", []), *words] if len(getattr(self, "values", [])) < 300_000 else self.values
        return super().do_record(client, *words)


class ComparesReads(lesson13.Server):
    def work(self, client):
        if isinstance(client, lesson13.Upstream):
            self.heard(client, bytes(client.input))
            client.input.clear()
        else:
            super().work(client)


class AsksOne(lesson13.Server):
    def heard(self, upstream, reply):
        if upstream.number == 0:
            super().heard(upstream.owner.servers[1], reply)
            super().heard(upstream, reply)


# By lesson, with the step that has to find it.
WRONG = {
    1: {text: "bytes come back as they are", once: "who sends no more"},
    2: {lesson1.serve: "a silent client", Waits: "one that sends and does not read", Hoards: "one that sends and does not read"},
    3: {OneReadOneRequest: "a request may come byte by byte", SplitsAtLines: "a request may come byte by byte",
        Believes: "what is no request"},
    4: {EndlessNumbers: "INCR", Unconditional: "SET looks first"},
    5: {PlaceAsCursor: "also while"},
    6: {OnlyWhenAsked: "20,000 keys", AllAtOnce: "20,000 keys", KeepsDeadline: "a deadline belongs"},
    7: {YoungestFirst: "the one who waits longest", ServesTheGone: "nothing is given", GoesOnWhileWaiting: "the requests of one client"},
    8: {Undoes: "what fails while it runs", ComparesValues: "a watched key"},
    9: {SavesWhatItMeets: "it is what was there", SavesInPlace: "a save that is cut off", StopsForSave: "it is what was there"},
    10: {WritesLater: "what was answered", RelativeTimes: "time does not", BelievesTheEnd: "what was answered"},
    11: {Silent: "it tells how far", FromTheBeginning: "a link that breaks", CountsTheFile: "a link that breaks"},
    12: {PowersOfTwo: "a few values", KeepsAll: "a million"},
    13: {ComparesReads: "requests go to both", AsksOne: "replies that differ"},
}


if __name__ == "__main__":
    made = next(answer for answers in WRONG.values() for answer in answers if answer.__name__ == sys.argv[1])
    server = made(*map(int, sys.argv[2:]))
    server.run()
