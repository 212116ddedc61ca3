"""redis-py: r.json(), all of its methods, in either protocol. A real server has no JSON without a module."""

import redis
from common import PORT, parts
from redis.commands.json.path import Path

older = redis.Redis(port=PORT, decode_responses=True, protocol=2)
newer = redis.Redis(port=PORT, decode_responses=True, protocol=3)
CLIENTS = (older, newer)


def whole():
    """Documents are set, read and removed."""
    for r in CLIENTS:
        assert r.json().set("doc", Path.root_path(), {"nested": [1, 2, 3], "a": {"b": None}}) is True
        assert r.json().get("doc") == {"nested": [1, 2, 3], "a": {"b": None}}
        assert r.json().get("doc", "$.nested") == [[1, 2, 3]]
        assert r.json().get("doc", "$.nested", "$.a.b") == {"$.nested": [[1, 2, 3]], "$.a.b": [None]}
        assert r.json().get("doc", Path(".nested")) == [1, 2, 3]
        assert r.json().get("missing") is None
        assert r.json().set("doc", "$.new", "text", nx=True) is True
        assert r.json().set("doc", "$.new", "other", nx=True) is None
        assert r.json().set("doc", "$.newer", 1, xx=True) is None
        assert r.json().delete("doc", "$.new") == 1 and r.json().forget("doc", "$.a") == 1
        assert r.json().get("doc", "$") == [{"nested": [1, 2, 3]}]
        assert r.json().delete("doc") == 1 and r.exists("doc") == 0


def several():
    """Several documents are set, read and merged."""
    for r in CLIENTS:
        assert r.json().mset([("one", "$", {"a": 1}), ("two", "$", {"a": [2]})]) is True
        assert r.json().mget(["one", "two", "missing"], "$.a") == [[1], [[2]], None]
        assert r.json().merge("one", "$", {"b": {"c": 2}, "a": None}) is True
        assert r.json().get("one") == {"b": {"c": 2}}


def numbers():
    """Numbers are added and multiplied, booleans turned over."""
    for r in CLIENTS:
        r.json().set("n", "$", {"a": 1, "b": [{"a": 2.5}, {"a": "x"}], "ok": True})
        assert r.json().numincrby("n", "$..a", 2) == [3, 4.5, None]
        assert r.json().nummultby("n", "$.a", 2) == [6]
        assert r.json().toggle("n", "$.ok") in ([0], [False])
        assert r.json().clear("n", "$.a") == 1 and r.json().get("n", "$.a") == [0]


def texts():
    """Strings are appended to and measured."""
    for r in CLIENTS:
        r.json().set("s", "$", {"a": "foo", "b": 1})
        assert r.json().strlen("s", "$.*") == [3, None]
        assert r.json().strappend("s", "bar", "$.a") == [6]
        assert r.json().get("s", "$.a") == ["foobar"]


def arrays():
    """Arrays grow, shrink and are searched."""
    for r in CLIENTS:
        r.json().set("l", "$", {"a": [1, 2, 3]})
        assert r.json().arrappend("l", "$.a", 4, "five") == [5]
        assert r.json().arrinsert("l", "$.a", 0, {"z": 1}) == [6]
        assert r.json().arrindex("l", "$.a", "five") == [5] and r.json().arrindex("l", "$.a", 99) == [-1]
        assert r.json().arrlen("l", "$.a") == [6]
        assert r.json().arrpop("l", "$.a") in (['"five"'], ["five"])
        assert r.json().arrtrim("l", "$.a", 1, 2) == [2] and r.json().get("l", "$.a") == [[1, 2]]


def objects():
    """Objects tell their names, and values their types."""
    for r in CLIENTS:
        r.json().set("o", "$", {"a": {"x": 1, "y": None}, "b": "t"})
        assert r.json().objkeys("o", "$.a") == [["x", "y"]] and r.json().objlen("o", "$") == [2]
        types = r.json().type("o", "$.*")
        assert types in (["object", "string"], [["object", "string"]]), types
        assert r.json().debug("MEMORY", "o", "$.a")[0] > 0
        assert r.type("o") == "ReJSON-RL" and any(module["name"] == "ReJSON" for module in r.module_list())


def pipelines():
    """Pipelines and transactions take documents."""
    for r in CLIENTS:
        pipe = r.pipeline()
        pipe.json().set("p", "$", {"a": 1})
        pipe.json().numincrby("p", "$.a", 1)
        pipe.json().get("p")
        assert pipe.execute() == [True, [2], {"a": 2}]


def errors():
    """Errors are errors."""
    for r in CLIENTS:
        r.set("text", "x")
        for call in (lambda: r.json().get("text"), lambda: r.json().set("new", "$.a", 1),
                     lambda: r.json().numincrby("missing", "$", 1), lambda: r.json().get("p", "$.[")):
            try:
                call()
                raise AssertionError("it was taken")
            except redis.exceptions.ResponseError:
                pass


parts(whole, several, numbers, texts, arrays, objects, pipelines, errors)
