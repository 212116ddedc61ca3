#!/usr/bin/env python3
"""Sends the same random commands to our server and to a real redis-server, and compares the replies byte for byte.

A round starts from empty servers, picks RESP2 or RESP3 and perhaps tiny limits for the small encodings, sends some 150
commands of the chosen families and plays scenes between them (blocked clients, subscribers, iterations), and ends by
comparing what every key holds. The first reply that differs ends the round; the commands before it are then dropped
one by one as long as the difference stays, and the shortest sequence is printed, ready for redis-cli.

  tests/peers/differ.py --families hash --count 20000          one family, a random seed, stops at the first difference
  tests/peers/differ.py --families zset,set --max 10           up to ten distinct differences
  tests/peers/differ.py --seed 7 --round 12                    one round again, as printed
  tests/peers/differ.py --seconds 600                          all families, for ten minutes

The peer is PEERS_DIR/bin/redis8-server where there is one, else redis-server on PATH; --peer names another. What an
honest server may answer differently is in rules.py, and what an older peer says in other words as well.
"""

import argparse
import os
import random
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rules
from dice import INT_MIN, Dice
from families import FAMILIES
from ops import Command, NotThere, Pause, Scene, Stage, show_note
from resp import SILENCE, Closed, Frame
from scenes import state_of_everything
from servers import Server, find_peer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

EVENTS = "notify-keyspace-events"

# Parameters that move the borders between encodings: (default, others). Replies may not depend on them but by OBJECT.
LIMITS = {
    "hash-max-listpack-entries": ("128", ["0", "1", "4", "512"]), "hash-max-listpack-value": ("64", ["0", "4", "1000"]),
    "set-max-intset-entries": ("512", ["0", "1", "4"]), "set-max-listpack-entries": ("128", ["0", "1", "4"]),
    "set-max-listpack-value": ("64", ["0", "4"]), "zset-max-listpack-entries": ("128", ["0", "1", "4"]),
    "zset-max-listpack-value": ("64", ["0", "4"]), "list-max-listpack-size": ("-2", ["1", "2", "5", "-1", "-5"]),
    "list-compress-depth": ("0", ["1", "2"]), "stream-node-max-entries": ("100", ["1", "2", "5", "0"]),
    "stream-node-max-bytes": ("4096", ["10", "100", "0"]), "hll-sparse-max-bytes": ("3000", ["0", "20", "100"]),
    "lazyfree-lazy-user-del": ("no", ["yes"]), "maxmemory-policy": ("noeviction", ["allkeys-lfu", "volatile-lru"]),
    # Where there are any, somebody listens, and what is heard is compared.
    EVENTS: ("", ["KEA", "KEAn", "KEAm", "KA", "Eg$lsn", "KEhztm"]),
}


# A real server that still has replies to send leaves the error of a failed AUTH out, and every further reply is one
# off. So these are neither pipelined nor queued in a transaction.
AUTHENTICATING = (b"AUTH", b"HELLO")


# ------------------------------------------------------------------------------------------------------- making rounds

def number(arg):
    try:
        return int(arg.lstrip(b"#"))
    except ValueError:
        return None


def is_safe(args):
    """Whether a command may be sent at all: it must neither wait for ever nor ask for gigabytes, which real servers
    grant."""
    name = args[0].upper()
    upper = [arg.upper() for arg in args]
    numbers = [number(arg) for arg in args[1:]]
    if name in (b"SETBIT", b"BITFIELD") and any(n is not None and 100000 < n < 2**32 for n in numbers):
        return False
    if name == b"SETRANGE" and any(n is not None and 100000 < n < 2**29 for n in numbers):
        return False
    if name.endswith((b"RANDMEMBER", b"RANDFIELD")) and any(n is not None and INT_MIN < n < -1000 for n in numbers):
        return False
    if name == b"SPOP" and (len(args) != 3 or numbers[1] is not None and numbers[1] > 0):
        return False        # leaves the two servers with different sets; a scene tests it
    if name.endswith((b"BYLEX", b"LEXCOUNT")) or b"BYLEX" in upper:
        if not args[2 if name == b"ZRANGESTORE" and len(args) > 2 else 1].startswith(b"zlex"):
            return False
    if name in (b"ZADD", b"ZINCRBY") and any(arg.startswith(b"zlex") for arg in args) and set(args[2::2]) != {b"0"}:
        return False
    if name == b"SET" and any(word in (b"EXAT", b"PXAT") and n is not None and 0 < n < 2 * 10**12 and (word == b"PXAT" or n < 2 * 10**9)
                              for word, n in zip(upper[1:], numbers[1:])):
        return False        # stores a key that is due already, and counts until it is swept away
    if name in (b"SORT", b"SORT_RO") and b"BY" in upper and {b"ALPHA", b"GET"} & set(upper) and not args[1].startswith(b"l"):
        return False        # equal weights leave elements, and what is looked up for them, in the order of a hash table
    if name == b"XAUTOCLAIM" and any(n is not None and n > 10**6 for n in numbers):
        return False
    if name in (b"WAIT", b"WAITAOF") and any(n not in (None, 0) for n in numbers[:len(numbers) - 1]):
        return False
    if name in (b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BZPOPMIN", b"BZPOPMAX"):
        return is_short(args[-1])
    if name in (b"BLMPOP", b"BZMPOP") and len(args) > 1:
        return is_short(args[1])
    if name in (b"XREAD", b"XREADGROUP"):
        blocks = [args[i + 1] for i, word in enumerate(upper[:-1]) if word == b"BLOCK"]
        return all(number(each) is None or number(each) < 0 or 0 < number(each) < 50 for each in blocks)
    return True


def is_short(timeout):
    """A timeout that is refused or over soon."""
    try:
        seconds = float(timeout)
    except ValueError:
        return b"x" not in timeout.lower()      # a hexadecimal number that Python does not read
    return seconds < 0 or 0 < seconds <= 0.05


def mangle(dice, args):
    """A small mistake of the kind people and libraries make."""
    args = list(args)
    at = dice.between(1, len(args) - 1) if len(args) > 1 else 0
    how = dice.pick(["drop", "double", "swap", "replace", "replace", "append", "more", "nul", "byte", "end", "spell"])
    if at and how == "drop":
        del args[at]
    elif at and how == "double":
        args.insert(at, args[at])
    elif at and how == "swap":
        other = dice.between(1, len(args) - 1)
        args[at], args[other] = args[other], args[at]
    elif at and how == "replace":
        args[at] = dice.junk()
    elif at > 1 and how == "nul":               # where C's strings end; the names of subcommands do so by chance
        args[at] += b"\x00" + dice.pick([b"", b"x", b" "])
    elif at and how == "byte":
        place = dice.between(0, len(args[at]))
        args[at] = args[at][:place] + bytes([dice.between(0, 255)]) + args[at][place:]
    elif at and how in ("end", "spell"):        # a number that is too much for somebody, or written as nobody does
        numbers = [i for i in range(1, len(args)) if number(args[i]) is not None]
        at = dice.pick(numbers) if numbers else at
        spelt = dice.pick([b" %s", b"+%s", b"0%s", b"%s ", b"%s.0", b"%se0", b"0x%s", b"\t%s", b"-%s"]) % args[at]
        args[at] = dice.near_an_end() if how == "end" else spelt
    elif how == "more":
        args += [dice.junk() for _ in range(dice.between(1, 4))]
    else:
        args.append(dice.junk())
    return args


class Maker:
    """Makes rounds out of the families that both servers have."""

    def __init__(self, families, missing, peer_version, opts):
        self.opts, self.peer_version = opts, peer_version
        self.choices = []
        for family in families:
            lines = [t for t in family.templates
                     if t.since <= peer_version[:2] and (t.name, t.subcommand) not in missing and (t.name, None) not in missing]
            weights = [line.weight for line in lines]
            if lines:
                self.choices.append((family, lines, weights))

    def round(self, index, limits):
        dice = Dice("%s:%d" % (self.opts.seed, index))
        dice.prefixes = {family.name: family.prefix for family, _, _ in self.choices}
        protocol = {"2": 2, "3": 3, "both": 2 + index % 2}[self.opts.protocol]
        settings = {}
        if dice.chance(0.4):
            settings = {name: dice.pick(limits[name][1]) for name in sorted(limits) if dice.chance(0.4)}
        ops, queues = [], False
        while len(ops) < self.opts.length:
            family, lines, weights = dice.pick(self.choices)
            dice.family = family.name
            if family.scenes and not self.opts.no_scenes and dice.chance(0.04):
                # A scene's own commands would be queued if the round were inside a MULTI.
                ops += [Command([b"DISCARD"]), dice.pick(family.scenes)(dice)]
                queues = False
                continue
            args = dice.rng.choices(lines, weights)[0].roll(dice)
            if dice.chance(self.opts.odd):
                args = mangle(dice, args)
            if dice.chance(0.08):
                args = [arg.lower() if arg.isupper() and arg.isalpha() else arg for arg in args]
            op = Command(args)
            # Since lists have listpacks LSET reads only 32 bits of its index; an older peer reads all of them.
            if self.peer_version < (7, 2) and op.name == b"LSET" and any(abs(number(arg) or 0) >= 2**31 for arg in args[2:3]):
                continue
            # An older peer does not hold XSETID against what was deleted, and goes on with another stream.
            if self.peer_version < (7, 2) and op.name == b"XSETID":
                continue
            if not is_safe(args) or queues and op.name in AUTHENTICATING:
                continue
            # A real server counts the argument that MULTI has queued and a value has become.
            if queues and rules.first_words(args)[1] == b"OBJECT REFCOUNT":
                continue
            queues = op.name == b"MULTI" or queues and op.name not in (b"EXEC", b"DISCARD", b"RESET")
            ops.append(op)
        ops.append(state_of_everything())
        return ops, protocol, settings


# -------------------------------------------------------------------------------------------------------- playing them

class Difference:
    def __init__(self, index, op, ours, peers, detail=""):
        self.index, self.op, self.ours, self.peers, self.detail = index, op, ours, peers, detail

    @property
    def signature(self):
        """What makes two differences the same fault, roughly: the command and the beginnings of both answers."""
        if isinstance(self.op, Command):
            what = " ".join(rules.first_words(self.op.args)[0].decode("latin1").split())
            if self.op.name in (b"EXEC",):
                what += self.detail
        else:
            what = self.op.show().split(" of ")[0][:24] + re.sub(r"\d+", "", self.detail)[:24]
        def begin(text):
            return re.sub(r"[0-9.]+", "N", text)[:28]
        return what, begin(self.ours), begin(self.peers)


class Judge:
    """Compares replies in order, remembering what a transaction has queued."""

    def __init__(self, peer_version):
        self.peer_version = peer_version
        self.queued = None

    def same(self, args, ours, peers):
        name = args[0].upper() if args else b""
        if self.queued is not None and ours.value == peers.value == b"QUEUED":
            self.queued.append(args)
            return True
        if name == b"EXEC" and self.queued is not None:
            queued, self.queued = self.queued, None
            if ours.is_list and peers.is_list and len(queued) == len(ours.value) == len(peers.value):
                return all(rules.same(each, mine, theirs, self.peer_version)
                           for each, mine, theirs in zip(queued, ours.value, peers.value))
        elif name == b"MULTI" and ours.value == peers.value == b"OK":
            self.queued = []
        elif name in (b"DISCARD", b"RESET") and not ours.is_error:
            self.queued = None
        return rules.same(args, ours, peers, self.peer_version)


class Incomparable(Exception):
    """The round cannot go on: a scene needs what one server lacks, the real one crashed where ours answered, or, being
    older, did not queue what newer ones do, or both wait for what will not come."""


class Duel:
    """Two running servers, and the rounds played on them."""

    def __init__(self, ours, peer, lenient):
        self.ours, self.peer, self.lenient = ours, peer, lenient
        self.commands = self.peer_deaths = 0
        self.limits = {name: values for name, values in LIMITS.items()
                       if all(self.accepts(server, name, values[0]) for server in (ours, peer))}

    @staticmethod
    def accepts(server, name, value):
        connection = server.connect()
        reply = connection("CONFIG", "SET", name, value)
        connection.close()
        return not reply.is_error

    def open(self, server, protocol, settings):
        if not server.is_alive():
            server.revive()
        connection = server.connect()
        chosen = [word for name in self.limits for word in (name, settings.get(name, self.limits[name][0]))]
        if chosen:
            connection("CONFIG", "SET", *chosen)
        for command in (["CONFIG", "SET", "slowlog-log-slower-than", "-1"], ["SLOWLOG", "RESET"], ["FLUSHALL"], ["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"]):
            connection(*command)
        if protocol == 3:
            connection("HELLO", "3")
        return connection

    def play(self, ops, protocol, settings):
        """The first difference, or None."""
        try:
            connections = [self.open(self.ours, protocol, settings)]
        except Closed as error:
            log = self.ours.log()
            self.ours.revive()
            return Difference(0, ops[0], "cannot begin: %s" % error, "", log)
        try:
            connections.append(self.open(self.peer, protocol, settings))
        except Closed:
            self.peer.revive()
            connections.append(self.open(self.peer, protocol, settings))
        judge = Judge(self.peer.version)
        # Older versions announce fewer things.
        hears_all = settings.get(EVENTS) and self.peer.version >= (8, 0)
        listeners = self.listeners() if hears_all else []
        at = 0
        try:
            while at < len(ops):
                op = ops[at]
                if isinstance(op, Pause):
                    op.run()
                    found, used = None, 1
                elif isinstance(op, Scene):
                    found, used = self.play_scene(op, at, connections, protocol), 1
                else:
                    batch = batch_from(ops, at)
                    found, used = self.play_batch(batch, at, connections, judge), len(batch)
                if not found and listeners:
                    found = self.compare_events(at + used - 1, ops[at + used - 1], listeners)
                if found:
                    return found
                at += used
            return None
        except Incomparable:
            return None
        finally:
            for connection in connections + listeners:
                connection.close()

    def listeners(self):
        """A connection to each server that hears all events of keys."""
        listeners = [server.connect() for server in (self.ours, self.peer)]
        for listener in listeners:
            listener("PSUBSCRIBE", "__key*")
        return listeners

    @staticmethod
    def compare_events(at, op, listeners):
        """Whether both heard the same. One that was disconnected by a command hears nothing more."""
        heard = []
        try:
            for listener in listeners:
                listener.send([b"PING", b"end"])
                events, frame = [], listener.read()
                while frame.value[0].value != b"pong":
                    events.append(b" ".join(part.value for part in frame.value[2:]))
                    frame = listener.read()
                heard.append(events)
        except Closed:
            listeners.clear()
            return None
        for index in range(max(map(len, heard))):
            mine, theirs = [show_note(each[index]) if index < len(each) else "(no event)" for each in heard]
            if mine != theirs:
                return Difference(at, op, mine, theirs, "heard by a subscriber")
        return None

    def play_batch(self, batch, at, connections, judge):
        commands = [op.args for op in batch]
        answers, failures = [], []
        for connection in connections:          # both servers work at the same time
            try:
                connection.send(*commands)
            except Closed:
                pass                            # seen again when reading
        for connection in connections:
            replies, failure = [], None
            try:
                for _ in commands:
                    replies.append(connection.read())
            except Closed as error:
                failure = str(error)
            answers.append(replies)
            failures.append(failure)
        self.commands += len(commands)
        for index, op in enumerate(batch):
            ours, peers = ([replies[index] if index < len(replies) else None for replies in answers])
            if ours is None or peers is None:
                return self.ended(at + index, op, ours, peers, failures)
            if not judge.same(op.args, ours, peers):
                if self.peer.version < (7, 4) and ours.value == b"QUEUED" and peers.is_error:
                    raise Incomparable
                return Difference(at + index, op, ours.show(40), peers.show(40))
        return None

    def ended(self, index, op, ours, peers, failures):
        """One of the servers stopped answering."""
        said = []
        time.sleep(0.05)
        if ours is not None and not self.peer.is_alive():
            self.peer.revive()
            self.peer_deaths += 1
            raise Incomparable
        if ours is None and peers is None and failures[0] == failures[1] == SILENCE and self.ours.is_alive() and self.peer.is_alive():
            raise Incomparable              # both wait for ever, as for a time that is nothing when it is rounded
        for server, reply, failure in ((self.ours, ours, failures[0]), (self.peer, peers, failures[1])):
            died = not server.is_alive()
            said.append(reply.show() if reply else ("DIED: " if died else "") + str(failure))
            if reply is None and (died or failure == SILENCE):
                log = server.log()
                server.revive()
                if server is self.ours:
                    self.last_words = log
        return Difference(index, op, said[0], said[1], getattr(self, "last_words", "") if ours is None else "")

    def play_scene(self, scene, at, connections, protocol):
        notes, failures = [], []
        for server, connection in zip((self.ours, self.peer), connections):
            stage = Stage(server, connection, protocol, self.peer.version, lenient=self.lenient)
            failure = None
            try:
                scene.play(stage)
            except Closed as error:
                failure = str(error)
            except NotThere as error:
                stage.close()
                raise Incomparable from error
            except Exception as error:           # the play met a reply of a shape it did not expect
                stage.write("the scene broke off", "%s: %s" % (type(error).__name__, error))
            stage.close()
            notes.append(stage.notes)
            failures.append(failure)
        self.commands += 10
        for index in range(max(map(len, notes))):
            (label, ours), (other_label, peers) = [each[index] if index < len(each) else ("(nothing)", "") for each in notes]
            same = ours == peers if not (isinstance(ours, Frame) and isinstance(peers, Frame)) else \
                rules.same(label.encode("latin1", "replace").split(), ours, peers, self.peer.version)
            if label != other_label or not same:
                if any(failures):
                    break
                return Difference(at, scene, show_note(ours), show_note(peers), label)
        if any(failures):
            if failures[1] is None:
                return self.ended(at, scene, None, Frame("+", b"went on", b""), failures)
            return self.ended(at, scene, None if failures[0] else Frame("+", b"went on", b""), None, failures)
        return None


def batch_from(ops, at):
    """Commands that go out together, those that authenticate alone."""
    batch = []
    for op in ops[at:at + 40]:
        if not isinstance(op, Command) or batch and op.name in AUTHENTICATING:
            break
        batch.append(op)
        if op.name in AUTHENTICATING:
            break
    return batch


def shorten(duel, ops, protocol, settings, found, seconds):
    """The shortest sequence that still shows a difference of the same kind, tried within so many seconds."""
    deadline = time.time() + seconds
    ops = ops[:found.index + 1]

    def still(candidate):
        again = duel.play(candidate, protocol, settings)
        return again if again and again.signature == found.signature else None

    if not still(ops):
        return ops, found, False
    size = max(1, len(ops) // 2)
    while time.time() < deadline:
        at, shrunk = 0, False
        while at < len(ops) - 1 and time.time() < deadline:
            candidate = ops[:at] + ops[min(at + size, len(ops) - 1):]
            again = still(candidate)
            if again:
                ops, found, shrunk = candidate[:again.index + 1], again, True
            else:
                at += size
        if size == 1 and not shrunk:
            break
        size = max(1, size // 2)
    for index, op in enumerate(ops):             # long values are rarely the point
        for place, arg in enumerate(op.args if isinstance(op, Command) else ()):
            if len(arg) > 20 and time.time() < deadline:
                shorter = Command(op.args[:place] + (arg[:1],) + op.args[place + 1:])
                again = still(ops[:index] + [shorter] + ops[index + 1:])
                if again:
                    ops[index] = op = shorter
                    found = again
    return ops, found, True


# ----------------------------------------------------------------------------------------------------------- reporting

def unknown_to(server, templates):
    """The (command, subcommand) pairs that this server does not know."""
    missing = set()
    for name, subcommand in sorted({(t.name, t.subcommand) for t in templates}, key=repr):
        if subcommand in (b"OBJECT", b"HELP"):
            subcommand = None
        connection = server.connect()
        try:
            reply = connection(*([name] if subcommand is None else [name, subcommand]))
            if reply.is_error and re.match(r"ERR unknown (sub)?command", reply.text()):
                missing.add((name, subcommand))
        except Closed:
            pass
        connection.close()
    missing.discard((b"NOSUCHCOMMAND", None))
    return missing


def report(number, opts, round_number, protocol, settings, ops, found, steady):
    limits = " ".join("%s %s" % pair for pair in sorted(settings.items()))
    print("\nDIFFERENCE %d (seed %s, round %d, RESP%d%s%s)" %
          (number, opts.seed, round_number, protocol, ", " + limits if limits else "", "" if steady else ", did not repeat"))
    shown = ops if len(ops) <= 60 else ops[-60:]
    for op in shown[:-1]:
        print("    " + op.show())
    print("  > " + found.op.show())
    if found.detail:
        print("    " + found.detail.rstrip().replace("\n", "\n    "))
    print("  ours: " + found.ours)
    print("  peer: " + found.peers)
    print("  again: %s --families %s --length %d --protocol %s --seed %s --round %d" %
          (os.path.relpath(__file__), opts.families, opts.length, opts.protocol, opts.seed, round_number), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server (target/release/pollux)")
    add("--peer", default=find_peer(), help="the real one (%(default)s)")
    add("--families", default="all", help="comma separated: " + " ".join(FAMILIES) + "; a leading - leaves one out")
    add("--seed", help="any word; the same seed gives the same commands (random)")
    add("--round", type=int, help="only this round of the seed")
    add("--count", type=int, default=20000, help="commands in all (%(default)s)")
    add("--seconds", type=float, help="instead of --count: go on for so long")
    add("--length", type=int, default=150, help="commands in a round (%(default)s)")
    add("--protocol", choices=("2", "3", "both"), default="both")
    add("--max", type=int, default=1, help="stop after so many distinct differences (%(default)s)")
    add("--odd", type=float, default=0.04, help="share of commands with a mistake put in (%(default)s)")
    add("--no-scenes", action="store_true", help="single commands only")
    add("--plain", action="store_true", help="leave the encodings' limits at their defaults")
    add("--strict", action="store_true", help="a command we do not know at all is a failure, not left out")
    add("--shorten", type=float, default=30, metavar="SECONDS", help="time to find the shortest sequence (%(default)s)")
    opts = parser.parse_args()
    if not opts.peer:
        print("differ: no redis-server to compare with; scripts/setup.sh installs one", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    opts.seed = opts.seed or str(random.SystemRandom().randrange(10**6))
    names = [name for name in opts.families.split(",") if not name.startswith("-")]
    left_out = {name[1:] for name in opts.families.split(",") if name.startswith("-")}
    names = [name for name in (FAMILIES if names in ([], ["all"]) else names) if name not in left_out]
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        parser.error("no such family: " + unknown[0])
    ours, peer = Server(opts.bin, "ours"), None
    try:
        peer = Server(opts.peer, "peer")
        return compare(opts, [FAMILIES[name] for name in names], ours, peer)
    finally:
        for server in (ours, peer):
            if server:
                server.discard()


def compare(opts, families, ours, peer):
    templates = [line for family in families for line in family.templates]
    lacking = {server.name: unknown_to(server, templates) for server in (ours, peer)}
    duel = Duel(ours, peer, lenient=not opts.strict)
    maker = Maker(families, lacking["ours"] | lacking["peer"], peer.version, opts)
    not_ours = sorted(b" ".join(filter(None, each)).decode() for each in lacking["ours"] - lacking["peer"])
    print("differ: %s %s beside %s %s, seed %s" % (os.path.basename(opts.bin), ".".join(map(str, ours.version)),
                                                 peer.flavour, ".".join(map(str, peer.version)), opts.seed), flush=True)
    if not_ours:
        print("differ: left out, not known to ours: " + ", ".join(not_ours))
    if not maker.choices:
        print("differ: nothing left to compare")
        return 1
    seen, differences, rounds, started = set(), 0, 0, time.time()
    number = opts.round if opts.round is not None else 0
    while True:
        ops, protocol, settings = maker.round(number, {} if opts.plain else duel.limits)
        found = duel.play(ops, protocol, settings)
        rounds += 1
        if found and found.signature not in seen:
            first = found.signature
            ops, found, steady = shorten(duel, ops, protocol, settings, found, opts.shorten)
            seen |= {first, found.signature}
            differences += 1
            report(differences, opts, number, protocol, settings, ops, found, steady)
        if opts.round is not None or differences >= opts.max > 0:
            break
        if time.time() - started > opts.seconds if opts.seconds else duel.commands >= opts.count:
            break
        number += 1
    failed = differences + (len(not_ours) if opts.strict else 0)
    print("differ: %d commands in %d rounds, %.0f s: %s" %
          (duel.commands, rounds, time.time() - started, "%d differences" % differences if differences else "no difference"))
    if duel.peer_deaths:
        print("differ: the real server died in %d rounds, which ended there" % duel.peer_deaths)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
