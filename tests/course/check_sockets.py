"""Lessons 1 to 3: a socket that answers, many of them, and requests in the bytes."""

import random
import select
import socket
import struct
import threading
import time

from stage import Closed, Connection, Wrong, array, ask, bulk, check, expect, quote, receive

# ------------------------------------------------------------------------------------------------- 1. one socket


def echo(sock, data):
    """Sends, and reads at the same time, for a server that answers piece by piece."""
    came = []
    reader = threading.Thread(target=lambda: came.append(receive(sock, len(data))))
    reader.start()
    try:
        sock.sendall(data)
    except OSError:
        pass
    reader.join()
    check(came[0] == data, "sent %s (%d bytes)\ncame %s (%d bytes)", quote(data, 60), len(data), quote(came[0], 60),
          len(came[0]))


def what_is_sent_comes_back(stage):
    sock = stage.raw()
    echo(sock, b"good morning\n")
    echo(sock, b"and once more\n")
    sock.close()


def bytes_are_no_text(stage):
    sock = stage.raw()
    echo(sock, bytes(range(256)))
    echo(sock, b"no line end")
    echo(sock, b"\xff\xfe\x00")
    sock.close()


def a_megabyte(stage):
    sock = stage.raw()
    echo(sock, random.Random(1).randbytes(1 << 20))
    sock.close()


def an_end_is_answered_with_an_end(stage):
    sock = stage.raw()
    sock.sendall(b"the last words")
    sock.shutdown(socket.SHUT_WR)
    came = receive(sock, 100)
    check(came == b"the last words", "what was sent before the end has to come back before yours; %s came", quote(came))
    try:
        end = sock.recv(1)
    except OSError as error:
        raise Wrong("the client has said that it sends no more, and you do not close: %s" % error) from error
    check(end == b"", "more came back than was sent")
    sock.close()


def the_next_is_served(stage):
    for _ in range(3):
        sock = stage.raw()
        echo(sock, b"the next")
        sock.close()


def one_that_breaks_off_breaks_nothing(stage):
    sock = stage.raw()
    sock.sendall(b"x" * 100_000)
    # Closing with bytes unread and no patience is a reset, an error in your next call.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    sock = stage.raw()
    echo(sock, b"still there?")
    sock.close()


ONE_SOCKET = [
    ("what is sent comes back", what_is_sent_comes_back),
    ("bytes come back as they are, text or not", bytes_are_no_text),
    ("a megabyte comes back", a_megabyte),
    ("who sends no more gets the rest, and an end", an_end_is_answered_with_an_end),
    ("then the next client is served", the_next_is_served),
    ("a client that breaks off breaks nothing", one_that_breaks_off_breaks_nothing),
]

# ---------------------------------------------------------------------------------------------- 2. many sockets


def a_silent_one_holds_up_nobody(stage):
    stage.raw()
    sock = stage.raw()
    echo(sock, b"is somebody there?")
    sock.close()


def two_hundred_at_once(stage):
    socks = [stage.raw() for _ in range(200)]
    for number, sock in enumerate(socks):
        sock.sendall(b"I am %d" % number)
    for number, sock in reversed(list(enumerate(socks))):
        wanted = b"I am %d" % number
        came = receive(sock, len(wanted))
        check(came == wanted, "client %d of 200 got %s", number, quote(came))
    for sock in socks:
        sock.close()


MOST = 64 << 20


def fill(sock):
    """Sends without reading until nothing more is taken for a second; returns how much was."""
    sock.setblocking(False)
    sent = 0
    while sent < MOST and select.select([], [sock], [], 1)[1]:
        try:
            sent += sock.send(b"greed" * 20_000)
        except BlockingIOError:
            pass
    return sent


def a_greedy_one_holds_up_nobody(stage):
    greedy = stage.raw()
    sock = stage.raw()
    sent = fill(greedy)
    started = time.time()
    echo(sock, b"and I?")
    check(time.time() - started < 2, "an echo took %.1f s while another client did not read", time.time() - started)
    check(sent < MOST, "a client sent %d MB and read nothing, and you took all of it: memory has an end", sent >> 20)
    greedy.settimeout(5)
    came = receive(greedy, sent)
    check(came == (b"greed" * (sent // 5 + 1))[:sent],
          "the client that did not read reads at last: %d bytes were sent, %d came", sent, len(came))
    greedy.close()
    sock.close()


def those_who_leave_are_forgotten(stage):
    for _ in range(20):
        socks = [stage.raw() for _ in range(100)]
        for sock in socks:
            sock.close()
    stage.sockets = []
    sock = stage.raw()
    echo(sock, b"after two thousand")
    sock.close()


MANY_SOCKETS = [
    ("what is sent comes back", what_is_sent_comes_back),
    ("a silent client holds up nobody", a_silent_one_holds_up_nobody),
    ("two hundred clients at once get their own bytes", two_hundred_at_once),
    ("one that sends and does not read holds up nobody, and has a limit", a_greedy_one_holds_up_nobody),
    ("who sends no more gets the rest, and an end", an_end_is_answered_with_an_end),
    ("two thousand come and go", those_who_leave_are_forgotten),
    ("a client that breaks off breaks nothing", one_that_breaks_off_breaks_nothing),
]

# ------------------------------------------------------------------------------------------------- 3. the protocol


def ping(stage):
    client = stage.client()
    expect(client, ["PING"], b"+PONG\r\n")
    expect(client, ["PING", "hello"], bulk("hello"))
    expect(client, ["ECHO", "hello"], bulk("hello"))
    client.close()


def any_case(stage):
    client = stage.client()
    expect(client, ["pInG"], b"+PONG\r\n")
    expect(client, ["echo", "Hello"], bulk("Hello"))
    client.close()


def piece_by_piece(stage):
    client = stage.client()
    for byte in array(bulk("ECHO"), bulk("a\r\nb")) + array(bulk("PING")):
        client.send_raw(bytes([byte]))
        time.sleep(0.002)
    for wanted in (bulk("a\r\nb"), b"+PONG\r\n"):
        try:
            came = client.read().raw
        except Closed as error:
            raise Wrong("a request that comes byte by byte is not answered: %s" % error) from error
        check(came == wanted, "a request that comes byte by byte\n  should be answered with %s\n  and your answer is       %s",
              quote(wanted), quote(came))
    client.close()


def many_in_one_write(stage):
    client = stage.client()
    numbers = [b"%d" % number for number in range(1000)]
    client.send_raw(b"".join(array(bulk("ECHO"), bulk(number)) for number in numbers))
    for number in numbers:
        try:
            came = client.read().raw
        except Closed as error:
            raise Wrong("1000 requests came in one write, and only %s were answered: %s" % (number.decode(), error)) from error
        check(came == bulk(number), "1000 requests came in one write; reply %s is %s", number.decode(), quote(came))
    client.close()


def any_bytes(stage):
    client = stage.client()
    for data in (b"", b"\r\n", b"*1\r\n$4\r\nPING\r\n", bytes(range(256)), b"x" * 300_000):
        expect(client, ["ECHO", data], bulk(data))
    client.close()


def errors_are_answers(stage):
    client = stage.client()
    for request, begins in ((["NONSENSE", "x"], b"-ERR unknown command"),
                            (["ECHO"], b"-ERR wrong number of arguments for 'echo' command\r\n"),
                            (["ECHO", "a", "b"], b"-ERR wrong number of arguments for 'echo' command\r\n")):
        came = ask(client, *request)
        check(came.startswith(begins), "%s\n  should be answered with %s\n  and your answer is       %s", " ".join(request),
              quote(begins), quote(came))
    expect(client, ["PING"], b"+PONG\r\n")
    client.close()


def lengths_are_not_believed(stage):
    for request in (b"*1\r\n$-7\r\n", b"*1\r\n$99999999999\r\n", b"*1\r\nPING\r\n", b"*99999999999\r\n", b"*x\r\n"):
        client = Connection(stage.port, 5)
        client.send_raw(request)
        try:
            came = client.read().raw
        except Closed as error:
            came = str(error).encode()
        check(came.startswith(b"-ERR Protocol error"), "%s is no request, and should be answered with -ERR Protocol error;"
              "\nyour answer is %s", quote(request), quote(came))
        try:
            end = client.sock.recv(1)
        except OSError:
            end = b"silence"
        check(end == b"", "after %s nobody can know where the next request begins: close", quote(request))
        client.close()


def by_hand(stage):
    sock = stage.raw()
    sock.sendall(b"PING\r\nECHO hello\r\n")
    wanted = b"+PONG\r\n" + bulk("hello")
    came = receive(sock, len(wanted))
    check(came == wanted, "a line without a * is a request too, words between spaces\n  should be answered with %s\n"
          "  and your answer is       %s", quote(wanted), quote(came))
    sock.close()


PROTOCOL = [
    ("PING and ECHO are answered", ping),
    ("names are written in any case", any_case),
    ("a request may come byte by byte", piece_by_piece),
    ("a thousand requests may come in one write", many_in_one_write),
    ("arguments are any bytes", any_bytes),
    ("an error is an answer, and the connection goes on", errors_are_answers),
    ("what is no request is answered once and ends the connection", lengths_are_not_believed),
    ("a line typed by hand is a request", by_hand),
]
