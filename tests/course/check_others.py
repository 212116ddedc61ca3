"""Lessons 11 to 13: other servers, figures, and differences."""

import os
import random
import socket
import socketserver
import subprocess
import threading
import time

from stage import OK, Closed, Connection, Wrong, array, ask, bulk, check, expect, integer, quote

# --------------------------------------------------------------------------------------------------- 11. a replica


class Primary:
    """Pollux, and a relay before it that can be cut."""

    def __init__(self, stage):
        if not os.access(stage.binary or "", os.X_OK):
            raise SystemExit("lesson: this one needs the server: make build, or BIN=path/to/a/redis-server")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = [stage.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", stage.folder,
                 "--repl-diskless-sync-delay", "0"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.time() + 20
        while time.time() < deadline:
            try:
                Connection(self.port, 1).close()
                break
            except Closed:
                time.sleep(0.05)
        self.relay = Relay(self.port)

    def client(self):
        return Connection(self.port, 10)

    def info(self, name):
        text = self.client()("INFO").text()
        return next((line.split(":", 1)[1] for line in text.splitlines() if line.startswith(name + ":")), "")

    def stop(self):
        self.relay.shutdown()
        self.relay.server_close()
        self.relay.cut()
        self.process.kill()
        self.process.wait()


class Relay(socketserver.ThreadingTCPServer):
    """Passes bytes on, and can break every connection."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, to):
        super().__init__(("127.0.0.1", 0), None)
        self.to, self.links = to, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        other = socket.create_connection(("127.0.0.1", self.to))
        self.links += [request, other]
        back = threading.Thread(target=pump, args=(other, request), daemon=True)
        back.start()
        pump(request, other)
        back.join()

    def handle_error(self, request, client_address):
        pass

    def cut(self):
        links, self.links = self.links, []
        for link in links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def primary_of(stage):
    """One primary for all steps."""
    if not stage.beside:
        stage.beside = [Primary(stage)]
    return stage.beside[0]


def soon(client, request, wanted, seconds=8):
    deadline = time.time() + seconds
    while ask(client, *request) != wanted and time.time() < deadline:
        time.sleep(0.02)
    expect(client, request, wanted)


def begins(stage):
    primary = primary_of(stage)
    replica = stage.client()
    expect(replica, ["REPLICAOF", "127.0.0.1", str(primary.relay.server_address[1])], OK)
    deadline = time.time() + 10
    while "state=online" not in primary.info("slave0") and time.time() < deadline:
        time.sleep(0.05)
    check("state=online" in primary.info("slave0"), "the primary's INFO does not list your server as a replica that is online;"
          " it says: slave0:%s", primary.info("slave0"))


def follows(stage):
    primary, replica = primary_of(stage).client(), stage.client()
    for words in (["SET", "greeting", "hello"], ["INCR", "n"], ["INCR", "n"], ["RPUSH", "list", "a", "b"], ["LPOP", "list"],
                  ["SET", "gone", "1"], ["DEL", "gone"]):
        primary(*words)
    for words in (["MULTI"], ["SET", "one", "1"], ["INCR", "one"], ["EXEC"]):
        primary(*words)
    soon(replica, ["GET", "one"], bulk("2"))
    expect(replica, ["GET", "greeting"], bulk("hello"))
    expect(replica, ["GET", "n"], bulk("2"))
    expect(replica, ["LLEN", "list"], integer(1))
    expect(replica, ["EXISTS", "gone"], integer(0))
    big = b"x" * 3_000_000
    primary("SET", "big", big)
    soon(replica, ["GET", "big"], bulk(big))


def follows_deadlines(stage):
    primary, replica = primary_of(stage).client(), stage.client()
    primary("SET", "short", "1", "PX", "400")
    soon(replica, ["GET", "short"], bulk("1"))
    soon(replica, ["GET", "short"], bulk(None))


def tells_how_far(stage):
    primary = primary_of(stage).client()
    for number in range(5):
        primary("SET", "n", str(number))
        came = ask(primary, "WAIT", "1", "3000")
        check(came == integer(1), "SET, then WAIT 1 3000 at the primary: it answers %s, so it has not heard from you that you have"
              " come as far as the SET; the bytes of the stream count, all of them and nothing else", quote(came))


def refuses(stage):
    replica = stage.client()
    came = ask(replica, "SET", "mine", "1")
    check(came.startswith(b"-READONLY"), "a replica takes changes from its primary only; SET is answered with %s", quote(came))


def goes_on(stage):
    primary = primary_of(stage)
    client, replica = primary.client(), stage.client()
    fulls = primary.info("sync_full")
    for number in range(3):
        primary.relay.cut()
        client("SET", "cut", str(number))
        soon(replica, ["GET", "cut"], bulk(number), 15)
    check(primary.info("sync_full") == fulls, "the link broke three times, and you asked for the whole data set again instead of"
          " going on: PSYNC takes the primary's id and the offset of the first byte that you lack")
    tells_how_far(stage)


REPLICA = [
    ("REPLICAOF makes a replica that is online", begins),
    ("it follows, transactions and large values too", follows),
    ("a key that expires there is gone here", follows_deadlines),
    ("it tells how far it is", tells_how_far),
    ("it takes no other changes", refuses),
    ("a link that breaks is taken up where it broke", goes_on),
]

# --------------------------------------------------------------------------------------------------- 12. measuring


def record(client, numbers):
    for start in range(0, len(numbers), 1000):
        client.send([b"RECORD", *(b"%d" % number for number in numbers[start:start + 1000])])
        expect_reply(client, OK)


def expect_reply(client, wanted):
    came = client.read().raw
    check(came == wanted, "RECORD should be answered with %s, and your answer is %s", quote(wanted), quote(came))


def quantiles(client, numbers, allowed=0.02):
    ordered = sorted(numbers)
    for text in ("0", "0.5", "0.9", "0.99", "0.999", "1"):
        # The smallest value that is not exceeded by this share of all.
        place = max(-(-int(float(text) * 1_000_000) * len(ordered) // 1_000_000), 1) - 1
        wanted = ordered[place]
        reply = client("QUANTILE", text)
        check(reply.kind == ":", "QUANTILE %s is answered with an integer; this came: %s", text, quote(reply.raw))
        came = int(reply.value)
        check(abs(came - wanted) <= wanted * allowed, "of %d values, QUANTILE %s should be %d, by two in a hundred more or less, and is %d",
              len(ordered), text, wanted, came)


def few(stage):
    client = stage.client()
    expect(client, ["QUANTILE", "0.5"], bulk(None))
    expect(client, ["RECORD", "7"], OK)
    expect(client, ["QUANTILE", "0.5"], integer(7))
    expect(client, ["RECORD", "1", "2", "3", "4", "5", "6"], OK)
    quantiles(client, [1, 2, 3, 4, 5, 6, 7])
    expect(client, ["RESET"], OK)
    expect(client, ["QUANTILE", "1"], bulk(None))


def like_latencies(rng, count):
    """Most are near a hundred, one of a hundred waits a thousand times as long."""
    return [int(rng.lognormvariate(4.6, 0.4)) + (rng.randrange(50_000, 200_000) if rng.random() < 0.01 else 0) for _ in range(count)]


def many(stage):
    client, rng = stage.client(), random.Random(12)
    numbers = like_latencies(rng, 50_000)
    record(client, numbers)
    quantiles(client, numbers)
    expect(client, ["RESET"], OK)
    numbers = [int(10 ** rng.uniform(0, 9)) for _ in range(50_000)]
    record(client, numbers)
    quantiles(client, numbers)
    expect(client, ["RESET"], OK)


def not_kept(stage):
    client, rng = stage.client(), random.Random(13)
    numbers = [int(10 ** rng.uniform(0, 9)) for _ in range(100_000)]
    record(client, numbers)
    before = stage.memory()
    for _ in range(9):
        record(client, numbers)
    grown = stage.memory() - before
    check(grown < 4 << 20, "900,000 values more, and your program has grown by %d MB: a histogram does not", grown >> 20)
    started = time.time()
    quantiles(client, numbers)
    spent = (time.time() - started) / 6
    check(spent < 0.1, "one QUANTILE takes %d ms; it is asked for by people who look at a slow server", spent * 1000)


def wrong_numbers(stage):
    client = stage.client()
    expect(client, ["RESET"], OK)
    expect(client, ["RECORD", "-1"], b"-ERR value is not an integer or out of range\r\n")
    expect(client, ["RECORD", "3", "x"], b"-ERR value is not an integer or out of range\r\n")
    expect(client, ["QUANTILE", "0.5"], bulk(None))
    expect(client, ["QUANTILE", "2"], b"-ERR value is out of range\r\n")


MEASURE = [
    ("a few values are told exactly", few),
    ("many are told by two in a hundred", many),
    ("a million take no more room than a thousand", not_kept),
    ("what is no value is refused, and nothing of it kept", wrong_numbers),
]

# -------------------------------------------------------------------------------------------------- 13. differences


class Actor(socketserver.ThreadingTCPServer):
    """A server that answers by a play, and remembers what it was asked."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, play):
        super().__init__(("127.0.0.1", 0), None)
        self.play, self.asked = play, b""
        self.stop = self.shutdown
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        data = b""
        while more := request.recv(1 << 16):
            self.asked += more
            data += more
            while True:
                words, used = first_request(data)
                if words is None:
                    break
                data = data[used:]
                reply = self.play(words)
                # In pieces, so that nobody takes a read for a reply.
                for start in range(0, len(reply), 50_000):
                    piece = reply[start:start + 50_000]
                    request.sendall(piece[:3])
                    if len(reply) < 200:
                        time.sleep(0.002)
                    request.sendall(piece[3:])

    def handle_error(self, request, client_address):
        pass


def first_request(data):
    """The words of the request that `data` begins with, and its length."""
    lines = data.split(b"\r\n", 1)
    if len(lines) < 2:
        return None, 0
    count, at, words = int(lines[0][1:]), len(lines[0]) + 2, []
    for _ in range(count):
        end = data.find(b"\r\n", at)
        if end < 0:
            return None, 0
        size = int(data[at + 1:end])
        if len(data) < end + 2 + size + 2:
            return None, 0
        words.append(data[end + 2:end + 2 + size])
        at = end + 2 + size + 2
    return words, at


def first_play(words):
    name = words[0].upper()
    if name == b"ECHO":
        return bulk(words[1])
    if name == b"HGETALL":
        return array(bulk("a"), bulk("1"), bulk("b"), bulk("2"))
    if name == b"NESTED":
        return array(array(integer(1), bulk("x\r\n+y")), b"-ERR inside\r\n", NESTED_END, array())
    if name == b"BIG":
        return bulk(b"big" * 100_000)
    return b"+PONG\r\n"


NESTED_END = b"*-1\r\n"


def second_play(words):
    name = words[0].upper()
    if name == b"HGETALL":
        return array(bulk("b"), bulk("2"), bulk("a"), bulk("1"))
    if name == b"ECHO" and words[1] == b"odd":
        return bulk("ODD")
    return first_play(words)


def invite_actors(stage):
    """The two servers, whose ports the program is given."""
    stage.beside = [Actor(first_play), Actor(second_play)]
    stage.more = [actor.port for actor in stage.beside]


def passes_on(stage):
    client = stage.client()
    expect(client, ["DIFFERENCES"], integer(0))
    expect(client, ["PING"], b"+PONG\r\n")
    expect(client, ["ECHO", "a\r\nb"], bulk("a\r\nb"))
    expect(client, ["NESTED"], first_play([b"NESTED"]))
    expect(client, ["BIG"], first_play([b"BIG"]))
    wanted = b"".join(array(*map(bulk, words)) for words in (["PING"], ["ECHO", "a\r\nb"], ["NESTED"], ["BIG"]))
    for actor, name in zip(stage.beside, ("first", "second")):
        check(actor.asked == wanted, "the %s server should have been sent %s\nand has been sent        %s", name, quote(wanted),
              quote(actor.asked))
    expect(client, ["DIFFERENCES"], integer(0))


def counts(stage):
    client = stage.client()
    expect(client, ["HGETALL", "x"], first_play([b"HGETALL"]))
    soon(client, ["DIFFERENCES"], integer(1), 2)
    expect(client, ["ECHO", "odd"], bulk("odd"))
    expect(client, ["ECHO", "even"], bulk("even"))
    soon(client, ["DIFFERENCES"], integer(2), 2)


def in_a_row(stage):
    client = stage.client()
    words = [b"odd" if number % 10 == 0 else b"n%d" % number for number in range(200)]
    client.send(*([b"ECHO", word] for word in words))
    for number, word in enumerate(words):
        try:
            came = client.read().raw
        except Closed as error:
            raise Wrong("200 requests in one write, and %d replies: %s" % (number, error)) from error
        check(came == bulk(word), "200 requests in one write; reply %d should be %s and is %s", number, quote(bulk(word)), quote(came))
    soon(client, ["DIFFERENCES"], integer(22), 5)


def two_clients(stage):
    one, other = stage.client(), stage.client()
    one.send([b"ECHO", b"one"])
    expect(other, ["ECHO", "other"], bulk("other"))
    check(one.read().raw == bulk("one"), "each client gets its own replies")
    soon(other, ["DIFFERENCES"], integer(22), 2)


DIFFER = [
    ("requests go to both, replies come from the first", passes_on),
    ("replies that differ are counted", counts),
    ("also when many are on their way", in_a_row),
    ("and several clients are there", two_clients),
]
