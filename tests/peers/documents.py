#!/usr/bin/env python3
"""Random JSON commands against our server and a plain model: no real server beside us has documents.

The model keeps Python's own lists and dictionaries and follows what RedisJSON's documentation says of each command, in
both protocols. Documents are small, and grow beyond what is kept in one piece now and then.

  tests/peers/documents.py --bin target/release/pollux --count 50000 --seed 7
"""

import argparse
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from resp import Connection
from servers import Server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAMES = ["a", "b", "c", "name", "value", "other"]
ERROR, NULL, OK = "error", None, ("+", "OK")
MISSING = object()


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def dump(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"%s"' % value
    if isinstance(value, list):
        return "[%s]" % ",".join(map(dump, value))
    return "{%s}" % ",".join('"%s":%s' % (name, dump(item)) for name, item in value.items())


def copy(value):
    if isinstance(value, list):
        return [copy(item) for item in value]
    if isinstance(value, dict):
        return {name: copy(item) for name, item in value.items()}
    return value


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return one == other


def type_name(value):
    return {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array",
            dict: "object"}[type(value)]


# ---------------------------------------------------------------------------------------------------------- paths

def children(value):
    if isinstance(value, list):
        return list(enumerate(value))
    return list(value.items()) if isinstance(value, dict) else []


def walk(value, steps, place=()):
    """The places that a path leads to, with their values, in the order of the path."""
    if not steps:
        return [(place, value)]
    (kind, *what), rest = steps[0], steps[1:]
    found = []
    if kind == "descend":
        found += walk(value, rest, place)
        for at, child in children(value):
            found += walk(child, steps, place + (at,))
    elif kind == "all":
        for at, child in children(value):
            found += walk(child, rest, place + (at,))
    elif kind == "fields" and isinstance(value, dict):
        for name in what[0]:
            if name in value:
                found += walk(value[name], rest, place + (name,))
    elif kind == "elements" and isinstance(value, list):
        for number in what[0]:
            at = max(0, number + len(value)) if number < 0 else number
            if at < len(value):
                found += walk(value[at], rest, place + (at,))
    elif kind == "range" and isinstance(value, list):
        start, end, step = what
        for at in range(*slice(start, end, step).indices(len(value))):
            found += walk(value[at], rest, place + (at,))
    elif kind == "filter":
        if isinstance(value, (list, dict)):
            for at, child in children(value):
                if what[0](child):
                    found += walk(child, rest, place + (at,))
        elif what[0](value):
            found += walk(value, rest, place)
    return found


def at_place(value, place):
    for at in place:
        value = value[at]
    return value


def compare(name, sign, number):
    def holds(value):
        if not isinstance(value, dict) or name not in value:
            return sign == "!="
        value = value[name]
        if not is_number(value):
            return sign == "!="
        return {"<": value < number, ">=": value >= number, "==": value == number, "!=": value != number}[sign]
    return holds


def random_path(rng):
    """Its text behind the dollar, and its steps."""
    text, steps = "", []
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3])):
        name, other, number = rng.choice(NAMES), rng.choice(NAMES), rng.randrange(-2, 5)
        kind = rng.randrange(11)
        if kind < 4:
            text += rng.choice([".%s", "['%s']", '["%s"]']) % name
            steps.append(("fields", [name]))
        elif kind == 4:
            text += "[%d]" % number
            steps.append(("elements", [number]))
        elif kind == 5:
            text += rng.choice([".*", "[*]"])
            steps.append(("all",))
        elif kind == 6:
            text += "..%s" % name
            steps += [("descend",), ("fields", [name])]
        elif kind == 7 and name != other:
            text += "['%s','%s']" % (name, other)
            steps.append(("fields", [name, other]))
        elif kind == 8:
            text += "[0,%d]" % (number or 1)
            steps.append(("elements", [0, number or 1]))
        elif kind == 9:
            start, end, step = rng.choice([None, 0, 1, -2]), rng.choice([None, 1, 2, -1]), rng.choice([None, 2])
            shown = ["" if part is None else str(part) for part in (start, end, step)]
            text += "[%s:%s%s]" % (shown[0], shown[1], ":" + shown[2] if step else "")
            steps.append(("range", start, end, step))
        elif kind == 10:
            sign = rng.choice(["<", ">=", "==", "!="])
            text += "[?(@.%s%s%d)]" % (name, sign, number)
            steps.append(("filter", compare(name, sign, number)))
    return text, steps


def topmost(places):
    return [place for place in places if not any(place[:len(other)] == other for other in places if other != place and len(other) < len(place))]


# --------------------------------------------------------------------------------------------------------- values

def random_value(rng, depth=0):
    kind = rng.randrange(12 if depth < 3 else 7)
    if kind < 7:
        return [None, True, False, rng.randrange(-5, 300), rng.randrange(1 << 40), rng.randrange(40) / 2,
                rng.choice(["", "x", "some text", "y" * rng.randrange(300)])][kind]
    if kind < 9:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(6))]
    return {name: random_value(rng, depth + 1) for name in rng.sample(NAMES, rng.randrange(len(NAMES)))}


class Model:
    def __init__(self):
        self.documents = {}

    def get(self, key):
        return self.documents.get(key, MISSING)

    def find(self, key, steps):
        return walk(self.documents[key], steps)

    def put(self, key, place, value):
        if place:
            at_place(self.documents[key], place[:-1])[place[-1]] = value
        else:
            self.documents[key] = value

    def set(self, key, path, value, condition=None):
        text, steps, legacy = path
        if key not in self.documents:
            if condition == "XX":
                return NULL
            if steps:
                return ERROR
            self.documents[key] = copy(value)
            return OK
        if not steps and condition == "NX":
            return NULL
        if condition != "NX":
            places = [place for place, _ in self.find(key, steps)]
            if places:
                for place in topmost(places):
                    self.put(key, place, copy(value))
                return OK
            if condition == "XX":
                return NULL
        if not all(kind in ("fields", "elements") and len(what[0]) == 1 for kind, *what in steps):
            return ERROR
        kind, (last,) = steps[-1]
        if kind == "elements":
            return NULL if self.find(key, steps) else ERROR
        done = False
        for _, parent in self.find(key, steps[:-1]):
            if isinstance(parent, dict) and last not in parent:
                parent[last] = copy(value)
                done = True
        return OK if done else NULL

    def read(self, key, path, value_of, missing, nothing, resp3=False):
        """The answer of a command that looks: one value for the older form of path, an array for the newer."""
        text, steps, legacy = path
        if key not in self.documents:
            return missing[0] if legacy else missing[1]
        answers = [value_of(value) for _, value in self.find(key, steps)]
        if not legacy:
            return answers
        if not answers:
            return nothing
        return answers[0]

    def change(self, key, path, is_wanted, change, show=lambda answer: answer):
        """The same for one that changes: from the end, since arrays may be within arrays."""
        text, steps, legacy = path
        if key not in self.documents:
            return ERROR
        found = self.find(key, steps)
        answers = []
        for place, value in reversed(found):
            answers.append(change(place, value) if is_wanted(value) else NULL)
        answers.reverse()
        if not legacy:
            return [show(answer) if answer is not NULL else NULL for answer in answers]
        if not any(is_wanted(value) for _, value in found):
            return ERROR
        last = [answer for answer, (_, value) in zip(answers, found) if is_wanted(value)]
        last = [answer for answer in last if answer is not NULL]
        return show(last[-1]) if last else NULL


def nearest(index, count):
    return max(0, count + index) if index < 0 else min(index, count - 1)


def merge(target, patch):
    if not isinstance(patch, dict):
        return copy(patch)
    target = target if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merge(target.get(name), value)
    return target


class Player:
    """Makes a command, and says what the answer should be."""

    def __init__(self, rng, resp3):
        self.rng, self.resp3, self.model = rng, resp3, Model()

    def path(self):
        text, steps = random_path(self.rng)
        legacy = self.rng.randrange(3) == 0
        if legacy:
            # Only what begins with a name can be said so without doubt.
            text = text[1:] if text.startswith(".") and not text.startswith("..") and self.rng.randrange(2) else text or "."
        else:
            text = "$" + text
        if legacy and text.startswith("[") or legacy and text.startswith(".."):
            text, legacy = "$" + text, False
        return text, steps, legacy

    def one(self):
        rng, model = self.rng, self.model
        key, path, value = rng.choice(["doc", "doc", "doc", "two"]), self.path(), random_value(rng)
        name = rng.choice([command for command in dir(self) if command.startswith("json_")])
        return getattr(self, name)(key, path, value)

    def json_set(self, key, path, value):
        condition = self.rng.choice([None, None, "NX", "XX"])
        words = ["JSON.SET", key, path[0], dump(value)] + ([condition] if condition else [])
        return words, self.model.set(key, path, value, condition)

    def json_set_root(self, key, path, value):
        value = {name: random_value(self.rng, 0) for name in NAMES}
        return ["JSON.SET", key, "$", dump(value)], self.model.set(key, ("$", [], False), value)

    def json_get(self, key, path, value):
        answer = self.model.read(key, path, dump, (NULL, NULL), ERROR)
        if isinstance(answer, list):
            answer = "[%s]" % ",".join(answer)
        return ["JSON.GET", key, path[0]], answer

    def json_get_all(self, key, path, value):
        value = self.model.get(key)
        return ["JSON.GET", key], NULL if value is MISSING else dump(value)

    def json_type(self, key, path, value):
        answer = self.model.read(key, path, type_name, (NULL, NULL), NULL)
        return ["JSON.TYPE", key, path[0]], [answer] if self.resp3 else answer

    def json_del(self, key, path, value):
        words = ["JSON.DEL", key, path[0]]
        if key not in self.model.documents:
            return words, 0
        if not path[1]:
            del self.model.documents[key]
            return words, 1
        places = topmost(list(dict.fromkeys(place for place, _ in self.model.find(key, path[1]) if place)))
        for place in reversed(sorted(places, key=lambda place: [(0, at, "") if isinstance(at, int) else (1, 0, at) for at in place])):
            del at_place(self.model.documents[key], place[:-1])[place[-1]]
        return words, len(places)

    def json_clear(self, key, path, value):
        words = ["JSON.CLEAR", key, path[0]]
        if key not in self.model.documents:
            return words, ERROR
        def full(value):
            return bool(value) and (isinstance(value, (list, dict)) or is_number(value))
        found = self.model.find(key, path[1])
        places = topmost(list(dict.fromkeys(place for place, value in found if full(value))))
        for place in places:
            old = at_place(self.model.documents[key], place)
            self.model.put(key, place, [] if isinstance(old, list) else {} if isinstance(old, dict) else 0)
        return words, len(places)

    def json_merge(self, key, path, value):
        words = ["JSON.MERGE", key, path[0], dump(value)]
        if key not in self.model.documents:
            if path[1]:
                return words, ERROR
            self.model.documents[key] = copy(value)
            return words, OK
        places = [place for place, _ in self.model.find(key, path[1])]
        if not places:
            return words, self.model.set(key, path, value)
        for place in topmost(places):
            self.model.put(key, place, merge(at_place(self.model.documents[key], place), value))
        return words, OK

    def number(self, name, key, path, calculate, operand):
        words = ["JSON." + name, key, path[0], dump(operand)]
        def change(place, value):
            number = calculate(at_place(self.model.documents[key], place), operand)
            self.model.put(key, place, number)
            return number
        if len({place for place, _ in self.model.find(key, path[1])} if key in self.model.documents else ()) != \
                len(self.model.find(key, path[1]) if key in self.model.documents else ()):
            return ["PING"], ("+", "PONG")
        if self.resp3:
            path = (path[0], path[1], False)
            answer = self.model.change(key, path, is_number, change)
            return words, answer
        answer = self.model.change(key, path, is_number, change, dump)
        if isinstance(answer, list):
            answer = "[%s]" % ",".join("null" if one is NULL else one for one in answer)
        return words, answer

    def json_numincrby(self, key, path, value):
        return self.number("NUMINCRBY", key, path, lambda one, other: one + other, self.rng.choice([1, 2, -3, 0.5]))

    def json_nummultby(self, key, path, value):
        return self.number("NUMMULTBY", key, path, lambda one, other: one * other, self.rng.choice([1, 0, -1, 0.5]))

    def repeats(self, key, path):
        found = [place for place, _ in self.model.find(key, path[1])] if key in self.model.documents else []
        return len(found) != len(set(found))

    def json_toggle(self, key, path, value):
        if self.repeats(key, path):
            return ["PING"], ("+", "PONG")
        def change(place, value):
            self.model.put(key, place, not value)
            return not value
        show = (lambda one: "true" if one else "false") if path[2] else int
        words = ["JSON.TOGGLE", key, path[0]]
        return words, self.model.change(key, path, lambda value: isinstance(value, bool), change, show)

    def json_strlen(self, key, path, value):
        def length(value):
            return len(value.encode()) if isinstance(value, str) else ERROR if path[2] else NULL
        return ["JSON.STRLEN", key, path[0]], self.model.read(key, path, length, (NULL, ERROR), ERROR)

    def json_strappend(self, key, path, value):
        if self.repeats(key, path):
            return ["PING"], ("+", "PONG")
        def change(place, value):
            self.model.put(key, place, value + "zz")
            return len(value) + 2
        words = ["JSON.STRAPPEND", key, path[0], '"zz"']
        return words, self.model.change(key, path, lambda value: isinstance(value, str), change)

    def json_arrlen(self, key, path, value):
        def length(value):
            return len(value) if isinstance(value, list) else ERROR if path[2] else NULL
        return ["JSON.ARRLEN", key, path[0]], self.model.read(key, path, length, (NULL, ERROR), ERROR)

    def array(self, words, key, path, change, show=lambda one: one):
        if self.repeats(key, path):
            return ["PING"], ("+", "PONG")
        return words, self.model.change(key, path, lambda value: isinstance(value, list), change, show)

    def json_arrappend(self, key, path, value):
        lens = {}
        for place, old in self.model.find(key, path[1]) if key in self.model.documents else ():
            lens[place] = len(old) if isinstance(old, list) else 0
        def change(place, array):
            array += [copy(value), 7]
            return lens[place] + 2
        return self.array(["JSON.ARRAPPEND", key, path[0], dump(value), "7"], key, path, change)

    def json_arrinsert(self, key, path, value):
        found = self.model.find(key, path[1]) if key in self.model.documents else []
        words = ["JSON.ARRINSERT", key, path[0], "-1", dump(value)]
        if any(value == [] for _, value in found if isinstance(value, list)):
            return words, ERROR
        def change(place, array):
            array.insert(len(array) - 1, copy(value))
            return len(array)
        return self.array(words, key, path, change)

    def json_arrpop(self, key, path, value):
        index = self.rng.randrange(-3, 6)
        def change(place, array):
            return dump(array.pop(nearest(index, len(array)))) if array else NULL
        return self.array(["JSON.ARRPOP", key, path[0], str(index)], key, path, change)

    def json_arrtrim(self, key, path, value):
        start, stop = self.rng.randrange(-3, 4), self.rng.randrange(-3, 6)
        def change(place, array):
            if not array or start >= len(array):
                del array[:]
            else:
                first, last = nearest(start, len(array)), nearest(stop, len(array))
                array[:] = array[first:last + 1] if first <= last else []
            return len(array)
        return self.array(["JSON.ARRTRIM", key, path[0], str(start), str(stop)], key, path, change)

    def json_arrindex(self, key, path, value):
        def index(array):
            if not isinstance(array, list):
                return ERROR if path[2] else NULL
            return next((at for at, one in enumerate(array) if same(one, value)), -1)
        found = self.model.find(key, path[1]) if key in self.model.documents else []
        arrays = [one for _, array in found if isinstance(array, list) for one in array]
        value = self.rng.choice(arrays) if arrays else value
        return ["JSON.ARRINDEX", key, path[0], dump(value)], self.model.read(key, path, index, (ERROR, ERROR), ERROR)

    def json_objlen(self, key, path, value):
        def length(value):
            return len(value) if isinstance(value, dict) else ERROR if path[2] else NULL
        return ["JSON.OBJLEN", key, path[0]], self.model.read(key, path, length, (NULL, ERROR), NULL)

    def json_objkeys(self, key, path, value):
        def names(value):
            return list(value) if isinstance(value, dict) else ERROR if path[2] else NULL
        return ["JSON.OBJKEYS", key, path[0]], self.model.read(key, path, names, (NULL, ERROR), NULL)


def ask(connection, words):
    return connection(*words)


def plain(frame):
    """A reply in the model's words."""
    if frame.is_error:
        return ERROR
    if frame.value is None:
        return NULL
    if frame.is_list:
        return [plain(part) for part in frame.value]
    text = frame.text() if not isinstance(frame.value, bytes) else frame.value.decode()
    if frame.kind == ":":
        return int(text)
    if frame.kind == ",":
        return float(text)
    return ("+", text) if frame.kind == "+" else text


def is_answer(expected, got):
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(is_answer, expected, got))
    return expected == got and (type(expected) is type(got) or is_number(expected))


def play(server, seed, count):
    rng = random.Random(seed)
    for protocol in (2, 3):
        connection = Connection(server.port)
        ask(connection, [b"FLUSHALL"])
        ask(connection, [b"HELLO", b"%d" % protocol])
        player = Player(rng, protocol == 3)
        for number in range(count // 2):
            words, expected = player.one()
            got = plain(ask(connection, [word.encode() for word in words]))
            if not is_answer(expected, got):
                print("seed %d, RESP%d, command %d: %s\n  expected %r\n  got      %r" % (seed, protocol, number, words, expected, got))
                return 1
            # The document as a whole, so that an error shows where it is made.
            for key, value in player.model.documents.items():
                text = plain(ask(connection, [b"JSON.GET", key.encode()]))
                if text != dump(value):
                    print("seed %d, RESP%d, command %d: %s\n  expected %s\n  got      %s" % (seed, protocol, number, words, dump(value), text))
                    return 1
            if rng.randrange(60) == 0 or sum(len(dump(value)) for value in player.model.documents.values()) > 20000:
                for key in player.model.documents:
                    payload = ask(connection, [b"DUMP", key.encode()]).value
                    ask(connection, [b"RESTORE", key.encode(), b"0", payload, b"REPLACE"])
                if rng.randrange(3) == 0:
                    player.model.documents.clear()
                    ask(connection, [b"FLUSHALL"])
        connection.close()
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--count", type=int, default=20000, help="how many commands (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    opts = parser.parse_args()
    server = Server(os.path.abspath(opts.bin), "server", ("--save", "", "--enable-debug-command", "yes"))
    try:
        bad = play(server, opts.seed, opts.count)
    finally:
        server.discard()
    if not bad:
        print("%d commands answered as the model does" % opts.count)
    return bad


if __name__ == "__main__":
    sys.exit(main())
