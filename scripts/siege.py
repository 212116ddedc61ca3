#!/usr/bin/env python3
"""A server under attack, and what a client who behaves has of it.

Each attack runs for some seconds on a server of its own, beside one client that sends a SET and a GET in turn, four
hundred requests a second. Printed are that client's median and 99th percentile before the attack and during it, how
long a turn of the server's loop took, on average and, of ours, the 99th percentile, as it says itself, its resident
memory before, at its highest and after, what it says it uses, and its open files. What an attacker has taken must be
back when it has left; with --strict a leak, or a p99 of more than --factor times the quiet one, is a failure.

  comers     connections come, say PING and go, fifty at a time, as fast as they can
  silent     they come and say nothing, and others take their places
  deaf       two hundred clients ask for a value of a megabyte again and again, and read nothing; each may have a
             gigabyte of unread replies, where Redis and we set no limit by ourselves
  drip       two hundred clients send a request byte by byte, one a second
  garbage    random bytes, random bytes after a good beginning
  counts     lengths and counts of thousands of millions
  pipelines  eight clients send ten thousand requests at a time
  handshakes TLS: some bytes of a greeting, then nothing; and greetings that are garbage
  monitor    four MONITORs, of which one reads nothing, on a busy server
  sleeper    twenty subscribers that read nothing, while somebody publishes
  page       the page: slow requests, long heads, viewers that read nothing, a thousand callers

  scripts/siege.py --bin target/release/pollux --seconds 30
  scripts/siege.py --bin target/release/pollux --peer redis8-server --only deaf,sleeper

On two cores or more the server has the last and all others the rest. Server and client who measures come first, and the
attackers last, where the system lets us say so (as root): else it would be measured who gets a core, and what else the
machine does. A server that takes more than --gigabytes is refused more, which most do not survive. Needs Linux, for /proc.
"""

import argparse
import multiprocessing
import os
import random
import re
import resource
import select
import socket
import sys
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "peers"))

from resp import Closed, Connection
from servers import Server, find_program, free_port
from tls import options as tls_options

PAUSE = 0.0025              # between two requests of the client who measures
SETTLE_SECONDS = 3
MEGABYTE = 1 << 20


def words(*parts):
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


# ------------------------------------------------------------------------------------------------------------ attacks

class Target:
    """Where to attack, and until when."""

    def __init__(self, server, tls_port, page_port, seconds):
        self.port, self.tls_port, self.page_port = server.port, tls_port, page_port
        self.end = time.time() + seconds
        self.rng = random.Random(1)

    def goes_on(self):
        return time.time() < self.end

    def call(self, port=None):
        return socket.create_connection(("127.0.0.1", port or self.port), timeout=10)


def swallow(sock, wait=0.0):
    """What has come, thrown away; False when the other side has ended."""
    try:
        while select.select([sock], [], [], wait)[0]:
            if not sock.recv(1 << 16):
                return False
            wait = 0.0
        return True
    except OSError:
        return False


def push(sock, data):
    """As much as there is room for, without waiting; False when the other side has ended."""
    try:
        sock.send(data, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def comers(target):
    while target.goes_on():
        crowd = [target.call() for _ in range(50)]
        for sock in crowd:
            push(sock, b"PING\r\n")
        for sock in crowd:
            swallow(sock, 0.5)
            sock.close()


def silent(target):
    crowd = []
    while target.goes_on():
        crowd += [target.call() for _ in range(50)]
        if len(crowd) >= 800:
            target.rng.shuffle(crowd)
            for sock in crowd[400:]:
                sock.close()
            del crowd[400:]
        time.sleep(0.05)


def held(target, count, data, port=None, pause=0.02):
    """So many clients who send this again and again and never read; who is dropped comes again."""
    crowd = [target.call(port) for _ in range(count)]
    while target.goes_on():
        for at, sock in enumerate(crowd):
            if not push(sock, data):
                sock.close()
                crowd[at] = target.call(port)
        time.sleep(pause)


def deaf(target):
    sock = target.call()
    sock.sendall(words("SET", "big", b"x" * MEGABYTE))
    swallow(sock, 1)
    held(target, 200, words("GET", "big") * 50)


def drip(target):
    crowd = [(target.call(), words("SET", "drip", b"x" * 40), number) for number in range(200)]
    at = 0
    while target.goes_on():
        for sock, data, number in crowd:
            spot = (at + number) % len(data)
            push(sock, data[spot:spot + 1])
        at += 1
        time.sleep(1)


def garbage(target):
    rng = target.rng
    while target.goes_on():
        sock = target.call()
        for _ in range(rng.randrange(1, 20)):
            data = rng.randbytes(rng.choice([1, 30, 1000, 70000]))
            if rng.random() < 0.5:
                data = rng.choice([b"*3\r\n$3\r\nSET\r\n", b"*1\r\n", b"$5\r\n", b"GET ", words("GET", "a")[:-3]]) + data
            if not push(sock, data):
                break
        swallow(sock, 0.01)
        sock.close()


def counts(target):
    huge = ["1000000000", "2147483647", "9223372036854775807", "-2147483648", "-9223372036854775808", "536870912"]
    rng = target.rng
    sock = target.call()
    sock.sendall(words("SADD", "set", *range(1000)) + words("RPUSH", "list", *range(1000)) + words("ZADD", "zset", *range(1000)))
    swallow(sock, 1)
    while target.goes_on():
        number = rng.choice(huge)
        made = [words("LRANGE", "list", "0", number), words("LPOP", "nolist", number), words("SPOP", "noset", number),
                words("GETRANGE", "str", "0", number),
                words("SRANDMEMBER", "noset", number), words("ZRANGE", "zset", "0", number), words("SETRANGE", "str2", number, "x"),
                words("SETBIT", "bits", number, "1"), words("EVAL", "return 1", number), words("ZUNIONSTORE", "out", number, "zset"),
                words("LMPOP", number, "list", "LEFT"), words("SCAN", "0", "COUNT", number), words("XADD", "stream", "MAXLEN", number, "*", "a", "b"),
                b"*%s\r\n" % number.encode(), b"*2\r\n$%s\r\n" % number.encode(), b"*1048575\r\n" + b"$1\r\nx\r\n" * 1000]
        if not push(sock, rng.choice(made)) or not swallow(sock, 0.01) or rng.random() < 0.1:
            sock.close()
            sock = target.call()


def pipelines(target):
    crowd = [target.call() for _ in range(8)]
    data = b"".join(words("SET", "deep:%d" % number, "value") + words("GET", "deep:%d" % number) for number in range(5000))
    places = [0] * len(crowd)
    while target.goes_on():
        for at, sock in enumerate(crowd):
            try:
                places[at] += sock.send(data[places[at]:], socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            if places[at] >= len(data):
                places[at] = 0
            swallow(sock)


def handshakes(target):
    rng = target.rng
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(189)
    crowd = []
    while target.goes_on():
        sock = target.call(target.tls_port)
        push(sock, rng.choice([hello[:rng.randrange(1, len(hello))], b"", rng.randbytes(300), hello]))
        crowd.append(sock)
        if len(crowd) > 300:
            crowd.pop(rng.randrange(len(crowd))).close()
        time.sleep(0.002)


def monitor(target):
    watchers = [target.call() for _ in range(4)]
    for sock in watchers:
        sock.sendall(b"MONITOR\r\n")
    busy = target.call()
    data = words("SET", "busy", b"x" * 100) * 20
    while target.goes_on():
        push(busy, data)
        for sock in [busy, *watchers[1:]]:
            swallow(sock)
        time.sleep(0.002)


def sleeper(target):
    for _ in range(20):
        target.call().sendall(b"SUBSCRIBE channel\r\n")
    crowd, publisher = [], target.call()
    for _ in range(20):
        crowd.append(target.call())
        crowd[-1].sendall(b"SUBSCRIBE channel\r\n")
    data = words("PUBLISH", "channel", b"x" * 1000) * 5
    while target.goes_on():
        push(publisher, data)
        swallow(publisher)
        for at, sock in enumerate(crowd):
            if not push(sock, b"PING\r\n"):
                sock.close()
                crowd[at] = target.call()
                crowd[at].sendall(b"SUBSCRIBE channel\r\n")
        time.sleep(0.002)


def page(target):
    rng, port = target.rng, target.page_port
    head = b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % (b"%s", port)
    crowd = []
    while target.goes_on():
        try:
            sock = target.call(port)
        except OSError:
            continue
        kinds = [head % b"events" + b"\r\n", head % b"metrics" + b"\r\n", head % b"", head % b"x" + b"A: b\r\n" * 3000,
                 head % b"" + b"Origin: http://other\r\n\r\n", (head % b"metrics" + b"\r\n") * 50, rng.randbytes(500),
                 b"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999\r\n\r\n"]
        push(sock, rng.choice(kinds))
        crowd.append(sock)
        if len(crowd) > 1000:
            crowd.pop(rng.randrange(len(crowd))).close()
        time.sleep(0.003)


ATTACKS = [comers, silent, deaf, drip, garbage, counts, pipelines, handshakes, monitor, sleeper, page]


# ------------------------------------------------------------------------------------------------------ who measures

def put_first(pid):
    """Before all others: by itself, and the group that the kernel has made for its session."""
    def group():
        with open("/proc/%d/autogroup" % pid, "w", encoding="ascii") as file:
            file.write("-20")
    try_to(os.setpriority, os.PRIO_PROCESS, pid, -20)
    try_to(group)


def try_to(deed, *arguments):
    """Does what only root may, or is not to be had everywhere."""
    try:
        deed(*arguments)
    except OSError:
        pass


def measure(port, seconds, told):
    """A SET and a GET in turn; sends the median and the 99th percentile in microseconds, and how often it was refused."""
    try_to(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
    took, refused, client = [], 0, None
    end = time.time() + seconds
    requests = [[b"SET", b"mine", b"x" * 32], [b"GET", b"mine"]]
    while time.time() < end:
        for request in requests:
            begin = time.perf_counter_ns()
            try:
                client = client or Connection(port)
                client(*request)
            except (Closed, OSError):
                refused, client = refused + 1, None
            took.append((time.perf_counter_ns() - begin) / 1000)
            time.sleep(PAUSE)
    took.sort()
    told.put((took[len(took) // 2], took[int(len(took) * 0.99)], took[-1], refused))


def measured(server, page_port, seconds, also=lambda: None):
    """What the client saw, and the turns of the loop meanwhile: their average, and the 99th percentile."""
    before = turns(server, page_port)
    told = multiprocessing.Queue()
    process = multiprocessing.Process(target=measure, args=(server.port, seconds, told), daemon=True)
    process.start()
    end = time.time() + seconds + 60
    while process.is_alive() and time.time() < end:
        also()
        process.join(0.2)
    if process.is_alive() or process.exitcode != 0:
        process.kill()
        raise Closed("the client who measures has not come to an end")
    after = turns(server, page_port)
    average = (after[1] - before[1]) / max(1, after[0] - before[0])
    lengths = {top: count - before[2].get(top, 0) for top, count in after[2].items()}
    most = max(lengths.values(), default=0)
    percentile = min((top for top, count in lengths.items() if count >= most * 0.99), default=None)
    return *told.get(timeout=10), average, percentile


def turns(server, page_port):
    """How many turns the loop has had, how long they took altogether, in microseconds, and how many took at most how long."""
    client = server.connect(120)
    text = client("INFO", "everything").text()
    client.close()
    found = [re.search(r"%s:(\d+)" % name, text) for name in ("eventloop_cycles", "eventloop_duration_sum")]
    sums, lengths = [int(one.group(1)) if one else 0 for one in found], {}
    if page_port:
        found = re.findall(r'pollux_loop_turn_seconds_bucket\{le="([0-9.]+)"\} (\d+)', metrics(page_port))
        lengths = {float(top) * 1e6: int(count) for top, count in found}
    return *sums, lengths


def metrics(page_port):
    """What the page says of the loop; nothing if it has too many callers, as when it is attacked itself."""
    try:
        with socket.create_connection(("127.0.0.1", page_port), timeout=120) as caller:
            caller.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % page_port)
            return b"".join(iter(lambda: caller.recv(1 << 16), b"")).decode(errors="replace")
    except OSError:
        return ""


class State:
    """Memory and open files of a server."""

    def __init__(self, server):
        self.fds = len(os.listdir("/proc/%d/fd" % server.process.pid))
        with open("/proc/%d/status" % server.process.pid, encoding="ascii") as status:
            lines = dict(line.split(":", 1) for line in status if ":" in line)
        self.resident = int(lines["VmRSS"].split()[0]) / 1024
        self.highest = int(lines["VmHWM"].split()[0]) / 1024


def used(server):
    """Megabytes that the server says it uses for everything but keys."""
    # It may still have to answer what it was flooded with.
    client = server.connect(120)
    client("FLUSHALL", "SYNC")
    # Memory that the allocator keeps for a while is no leak.
    client("MEMORY", "PURGE")
    text = client("INFO", "memory").text()
    client.close()
    # Its connection is an open file for a moment more, and what was large is freed beside the loop.
    time.sleep(0.5)
    return int(text.split("used_memory:")[1].split()[0]) / MEGABYTE


def attack_on(attack, target):
    """One attacker, who begins anew when he is thrown out."""
    try_to(os.nice, 19)
    while target.goes_on():
        try:
            attack(target)
        except OSError:
            time.sleep(0.1)


def under_attack(binary, attack, opts):
    """One server, one attack. Returns what was measured; what could not be is among the faults."""
    tls_port, page_port = free_port(), free_port()
    is_ours = "pollux" in os.path.basename(binary)
    if not is_ours and attack in (page, handshakes):
        return None
    options = []
    if attack is handshakes:
        options += list(tls_options(tls_port))
    if attack is deaf:
        options += ["--client-output-buffer-limit", "normal 1gb 0 0"]
    if is_ours:
        options += ["--page-port", str(page_port)]
    else:
        page_port = None
    server = Server(binary, attack.__name__, options)
    attacker = None
    found = {"faults": []}
    try:
        pid = server.process.pid
        if os.cpu_count() > 1:
            os.sched_setaffinity(pid, {os.cpu_count() - 1})
        put_first(pid)
        resource.prlimit(pid, resource.RLIMIT_AS, (int(opts.gigabytes * 1024 * MEGABYTE),) * 2)
        used(server)
        found["quiet"] = measured(server, page_port, min(opts.seconds, 10))
        found["used"], found["before"] = [used(server)], State(server)
        target = Target(server, tls_port, page_port, opts.seconds)
        attacker = multiprocessing.Process(target=attack_on, args=(attack, target), daemon=True)
        attacker.start()
        time.sleep(0.5)
        found["fds"] = found["before"].fds

        def look():
            found["fds"] = max(found["fds"], State(server).fds)
        found["during"] = measured(server, page_port, opts.seconds - 1, look)
        attacker.join(20)
        if attacker.is_alive():
            attacker.kill()
        elif attacker.exitcode != 0:
            found["faults"].append("the attacker ended with %s" % attacker.exitcode)
        time.sleep(SETTLE_SECONDS)
        found["used"].append(used(server))
        found["after"] = State(server)
    except (Closed, OSError) as error:
        found["faults"].append("not measured to the end: %s" % error)
    finally:
        if attacker is not None:
            attacker.kill()
        if not server.is_alive():
            found["faults"].append("SERVER DIED " + server.log())
        server.discard()
    return found


def faults_of(found, factor):
    faults = found["faults"]
    if "after" not in found:
        return faults
    if found["after"].fds > found["before"].fds:
        faults.append("%d files left open" % (found["after"].fds - found["before"].fds))
    if found["used"][1] - found["used"][0] > 1:
        faults.append("%.1f MB kept" % (found["used"][1] - found["used"][0]))
    if found["during"][1] > found["quiet"][1] * factor:
        faults.append("p99 %.1f times as long" % (found["during"][1] / found["quiet"][1]))
    if found["during"][3]:
        faults.append("the client was dropped %d times" % found["during"][3])
    return faults


def line_of(found):
    """The figures, with a dash for each that there is not."""
    quiet, during = found.get("quiet"), found.get("during")
    before, after = found.get("before"), found.get("after")
    figures = [*(quiet[:3] if quiet else [None] * 3), *(during[:3] if during else [None] * 3),
               during[1] / quiet[1] if during else None, *(quiet[4:] if quiet else [None] * 2), *(during[4:] if during else [None] * 2),
               before and before.resident, after and after.highest, after and after.resident,
               *(found.get("used", []) + [None] * 2)[:2], before and before.fds, found.get("fds"), after and after.fds]
    widths = ["8.0f", "7.0f", "7.0f", "9.0f", "7.0f", "7.0f", "7.2f", "8.0f", "6.0f", "8.0f", "6.0f", "8.1f", "8.1f", "8.1f", "7.2f", "7.2f", "5d", "5d", "5d"]
    return "".join(format(figure, width) if figure is not None else "-".rjust(int(width.split(".")[0].rstrip("d")))
                   for figure, width in zip(figures, widths))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"))
    parser.add_argument("--peer", action="append", default=[], help="a real server, to see how that fares")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", default="")
    parser.add_argument("--gigabytes", type=float, default=8, help="what a server may take (%(default)s)")
    parser.add_argument("--factor", type=float, default=1.5)
    parser.add_argument("--strict", action="store_true")
    opts = parser.parse_args()
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, set(range(os.cpu_count() - 1)))
    chosen = [attack for attack in ATTACKS if not opts.only or attack.__name__ in opts.only.split(",")]
    print("%-10s %-14s%22s%23s%7s%28s%24s%14s%15s" % ("attack", "server", "quiet p50 p99 max us", "attacked p50 p99 max", "p99 x",
                                                  "turn us avg p99, attacked", "MB before, peak, after", "used MB", "files"))
    bad = 0
    for attack in chosen:
        for binary in [os.path.abspath(opts.bin), *[find_program(peer) or peer for peer in opts.peer]]:
            found = under_attack(binary, attack, opts)
            if found is None:
                continue
            print("%-10s %-14s%s" % (attack.__name__, os.path.basename(binary), line_of(found)))
            for fault in faults_of(found, opts.factor):
                bad += 1
                print("           - " + fault)
            sys.stdout.flush()
    return 1 if opts.strict and bad else 0


if __name__ == "__main__":
    sys.exit(main())
