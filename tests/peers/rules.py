"""When two replies count as the same.

Byte for byte, unless the command's answer may honestly differ: an order nobody promises, a clock that has moved on, a
random choice, an address. Each such command has a comparison of its own, as narrow as it can be. A peer older than the
version we imitate says some things in older words: `OLDER` lists those, each with the version that changed them, so
that an old distribution's server is still worth comparing with.
"""

import re

from resp import Frame

NEAR_MS = 5000
AUTO_ID = re.compile(rb"^(\d{13})-(\d+)$")


def first_words(args):
    """The command's name, and with its subcommand, in capitals."""
    name = args[0].upper() if args else b""
    return name, (name + b" " + args[1].upper()) if len(args) > 1 else name


def same(args, ours, peers, peer_version=(8, 0)):
    """Whether the two replies to `args` count as the same."""
    if ours.raw == peers.raw:
        return True
    name, both = first_words(args)
    how = HOW.get(both) or HOW.get(name)
    if how and how(args, ours, peers):
        return True
    for until, concerns, alike in OLDER:
        if peer_version < until and (concerns is None or name in concerns or both in concerns) \
                and alike(args, ours, peers):
            return True
    return False


# ------------------------------------------------------------------------------------------------- ways to be alike

def same_kind(ours, peers):
    """The same type, and both or neither a null. Errors are compared as they are."""
    return ours.kind == peers.kind and (ours.value is None) == (peers.value is None) and ours.kind != "-"


def shape(_, ours, peers):
    """The same type and, for aggregates, the same number of parts."""
    if not same_kind(ours, peers):
        return False
    return not ours.is_list or len(ours.value) == len(peers.value)


def kind_only(_, ours, peers):
    return same_kind(ours, peers)


def unordered(_, ours, peers):
    return shape(_, ours, peers) and ours.is_list and \
        sorted(part.raw for part in ours.value) == sorted(part.raw for part in peers.value)


def unordered_pairs(_, ours, peers):
    """A flat list or a map of keys and values, in any order of keys."""
    def pairs(frame):
        return sorted((frame.value[i].raw, frame.value[i + 1].raw) for i in range(0, len(frame.value) - 1, 2))
    return shape(_, ours, peers) and ours.is_list and pairs(ours) == pairs(peers)


# Where a server was put, and what was built into it.
PLACES = {b"port", b"dir", b"pidfile", b"logfile", b"bind", b"unixsocket", b"proc-title-template"}


def parameters(_, ours, peers):
    """CONFIG GET: in any order, and the places where the two servers were put are their own."""
    def pairs(frame):
        of = {frame.value[i].value: frame.value[i + 1].raw for i in range(0, len(frame.value) - 1, 2)}
        return {name: None if name in PLACES else value for name, value in of.items()}
    return shape(_, ours, peers) and ours.is_list and pairs(ours) == pairs(peers)


def unordered_lists(_, ours, peers):
    """A list of entries in any order, each a map or list in any order."""
    def flat(frame):
        if not frame.is_list:
            return frame.raw
        return repr((frame.kind, sorted(str(flat(part)) for part in frame.value)))
    return shape(_, ours, peers) and flat(ours) == flat(peers)


def entries_of_ours(_, ours, peers):
    """A list of entries in any order. Those of commands that we do not have are missing in ours, and no other."""
    def flat(frame):
        return repr((frame.kind, sorted(map(flat, frame.value)))) if frame.is_list else repr(frame.raw)
    return same_kind(ours, peers) and set(map(flat, ours.value)) <= set(map(flat, peers.value))


def near(limit):
    """Numbers, or lists of them, that differ by no more than `limit`; the signs -1 and -2 are exact."""
    def alike(_, ours, peers):
        if not shape(_, ours, peers):
            return False
        if ours.is_list:
            return all(mine.raw == theirs.raw or alike(_, mine, theirs) for mine, theirs in zip(ours.value, peers.value))
        mine, theirs = ours.number(), peers.number()
        return mine is not None and theirs is not None and mine >= 0 and theirs >= 0 and abs(mine - theirs) <= limit
    return alike


MOVING_FIELDS = {b"idle", b"inactive", b"seen-time", b"active-time"}


def stream_state(_, ours, peers):
    """XINFO, XPENDING, XREADGROUP and the like: times move on, and IDs that were made from the clock with them."""
    def alike(mine, theirs, label=None):
        if mine.raw == theirs.raw:
            return True
        if mine.kind != theirs.kind or (mine.value is None) != (theirs.value is None):
            return False
        if mine.is_list:
            if len(mine.value) != len(theirs.value):
                return False
            labels = [None] + [part.value if part.kind in "$+" else None for part in mine.value[:-1]]
            return all(alike(*pair) for pair in zip(mine.value, theirs.value, labels))
        if mine.kind == "$":
            first, second = AUTO_ID.match(mine.value), AUTO_ID.match(theirs.value)
            return bool(first and second and abs(int(first.group(1)) - int(second.group(1))) < NEAR_MS)
        number, other = mine.number(), theirs.number()
        if mine.kind != ":" or number is None or other is None:
            return False
        is_time = label in MOVING_FIELDS or min(number, other) > 1e12
        return is_time and abs(number - other) < NEAR_MS
    return alike(ours, peers)


def pending(args, ours, peers):
    """The long form of XPENDING: the third of each entry is how long it has been waiting."""
    if not shape(args, ours, peers) or not ours.is_list:
        return False
    for mine, theirs in zip(ours.value, peers.value):
        if not (mine.is_list and theirs.is_list and len(mine.value) == len(theirs.value) == 4):
            return stream_state(args, ours, peers)
        waited = [int(entry.value[2].value) for entry in (mine, theirs)]
        rest = [[part.raw for index, part in enumerate(entry.value) if index != 2] for entry in (mine, theirs)]
        if rest[0] != rest[1] or abs(waited[0] - waited[1]) > NEAR_MS:
            return False
    return True


def greeting(_, ours, peers):
    """HELLO: who is greeted and by which version differs; the fields, protocol, mode and role do not."""
    if not shape(_, ours, peers) or not ours.is_list:
        return False
    def facts(frame):
        pairs = {frame.value[i].value: frame.value[i + 1] for i in range(0, len(frame.value), 2)}
        return [(key, None if key in (b"version", b"id", b"server", b"modules") else value.raw)
                for key, value in pairs.items()]
    return facts(ours) == facts(peers)


def sorted_set_order(args, ours, peers):
    """SORT of a set without sorting gives the order of a hash table."""
    upper = [arg.upper() for arg in args]
    by = upper.index(b"BY") + 1 if b"BY" in upper else 0
    return 0 < by < len(args) and b"*" not in args[by] and unordered(args, ours, peers)


def full_scan(args, ours, peers):
    """A SCAN that went through everything in one call, or one that did not and so may differ in where it stopped."""
    if not shape(args, ours, peers) or not ours.is_list or len(ours.value) != 2:
        return False
    if ours.value[0].value == peers.value[0].value == b"0" and args[1 if args[0].upper() == b"SCAN" else 2] == b"0":
        if args[0].upper() in (b"HSCAN", b"ZSCAN") and b"NOVALUES" not in [arg.upper() for arg in args]:
            return unordered_pairs(args, ours.value[1], peers.value[1])
        return unordered(args, ours.value[1], peers.value[1])
    return True


def not_more(_, ours, peers):
    """A list of commands: ours may lack some, and has none that the other lacks."""
    return same_kind(ours, peers) and ours.is_list and {part.raw for part in ours.value} <= {part.raw for part in peers.value}


def lacks_the_command(_, ours, __):
    """COMMAND GETKEYS of a request whose command we do not have. A command that is lost shows where it is called."""
    return ours.value == b"ERR Invalid command specified"


def field_names(_, ours, peers):
    """CLIENT INFO and LIST: the same fields in the same order; their values are about the connection."""
    def names(frame):
        return [[word.partition("=")[0] for word in line.split(" ")] for line in frame.text().splitlines()]
    return same_kind(ours, peers) and names(ours) == names(peers)


def is_ours_alone(frame):
    """Whether this is a name of the documents' module or of a command newer than Redis 8.0, or an entry that has one."""
    parts = frame.value if frame.is_list else [frame]
    return any(isinstance(part.value, bytes) and part.value.lower().startswith((b"json", b"rejson", b"vrange")) for part in parts)


def apart_from_ours(alike):
    """The real server has no JSON commands, nor VRANGE. What lists everything there is has them in ours only."""
    def judge(args, ours, peers):
        if ours.is_list:
            step = 2 if alike is unordered_pairs else 1
            kept = [part for at in range(0, len(ours.value), step) if not is_ours_alone(ours.value[at])
                    for part in ours.value[at:at + step]]
            ours = Frame(ours.kind, kept, b"".join(part.raw for part in kept))
        return alike(args, ours, peers)
    return judge


HOW = {
    b"KEYS": unordered, b"SMEMBERS": unordered, b"SINTER": unordered, b"SUNION": unordered, b"SDIFF": unordered,
    b"HKEYS": unordered, b"HVALS": unordered, b"HGETALL": unordered_pairs, b"SPOP": shape, b"SRANDMEMBER": shape,
    b"HRANDFIELD": shape, b"ZRANDMEMBER": shape, b"RANDOMKEY": kind_only, b"SORT": sorted_set_order,
    b"SORT_RO": sorted_set_order,
    b"SCAN": full_scan, b"SSCAN": full_scan, b"HSCAN": full_scan, b"ZSCAN": full_scan,
    b"TTL": near(5), b"PTTL": near(NEAR_MS), b"EXPIRETIME": near(5), b"PEXPIRETIME": near(NEAR_MS),
    b"HTTL": near(5), b"HPTTL": near(NEAR_MS), b"HEXPIRETIME": near(5), b"HPEXPIRETIME": near(NEAR_MS),
    b"OBJECT IDLETIME": kind_only, b"OBJECT FREQ": near(255), b"MEMORY USAGE": kind_only, b"TIME": shape,
    b"LASTSAVE": kind_only, b"DUMP": kind_only, b"DEBUG OBJECT": kind_only, b"LOLWUT": kind_only,
    b"XADD": stream_state, b"XRANGE": stream_state, b"XREVRANGE": stream_state, b"XREAD": stream_state,
    b"XREADGROUP": stream_state, b"XINFO": stream_state, b"XCLAIM": stream_state, b"XAUTOCLAIM": stream_state,
    b"XPENDING": pending,
    b"HELLO": greeting, b"CLIENT ID": kind_only, b"CLIENT INFO": field_names, b"CLIENT LIST": field_names,
    b"COMMAND LIST": apart_from_ours(not_more), b"COMMAND COUNT": kind_only,
    b"COMMAND GETKEYS": lacks_the_command, b"COMMAND GETKEYSANDFLAGS": lacks_the_command,
    b"COMMAND DOCS": apart_from_ours(unordered_pairs), b"COMMAND INFO": apart_from_ours(unordered_lists),
    b"COMMAND": apart_from_ours(entries_of_ours),
    b"CONFIG GET": parameters, b"ACL CAT": apart_from_ours(unordered), b"MODULE LIST": apart_from_ours(unordered_lists),
    b"ACL GENPASS": kind_only, b"ACL LOG": shape,
    b"PUBSUB CHANNELS": unordered, b"PUBSUB SHARDCHANNELS": unordered, b"FUNCTION LIST": unordered_lists,
    b"FUNCTION DUMP": kind_only, b"INFO": kind_only, b"SLOWLOG GET": shape, b"LATENCY": kind_only,
    b"MEMORY STATS": kind_only, b"MEMORY DOCTOR": kind_only, b"MEMORY MALLOC-STATS": kind_only,
}


# ---------------------------------------------------------------------------------- what older versions say differently

def both_errors(_, ours, peers):
    return ours.kind == peers.kind == "-"


def peer_lacks_it(_, ours, peers):
    return peers.kind == "-" and re.match(rb"ERR (unknown (sub)?command|Unknown (sub)?command)", peers.value) is not None


def same_number(_, ours, peers):
    """The same double, spelt with 17 digits or decimals by the older one; in lists as well."""
    if ours.kind != peers.kind or (ours.value is None) != (peers.value is None):
        return False
    if ours.raw == peers.raw:
        return True
    if ours.is_list:
        return len(ours.value) == len(peers.value) and \
            all(same_number(_, mine, theirs) for mine, theirs in zip(ours.value, peers.value))
    mine, theirs = ours.number(), peers.number()
    return mine is not None and theirs is not None and (mine == theirs or abs(mine - theirs) < 1e-15)


def encoding_name(_, ours, peers):
    """Lists and sets got listpacks in 7.2."""
    return {ours.text(), peers.text()} in ({"listpack", "quicklist"}, {"listpack", "hashtable"}, {"embstr", "raw"})


def is_help(args, ours, peers):
    return len(args) == 2 and args[1].upper() == b"HELP" and ours.is_list and peers.is_list


def newly_allowed(_, ours, peers):
    """What scripts may call has grown."""
    return peers.kind == "-" and (b"not allowed from script" in peers.value or b"nonexistent global" in peers.value)


def stricter(_, ours, peers):
    """Cursors, counts and ranges are read more strictly than before, or before the key is looked up."""
    return ours.kind == "-" and peers.kind != "-"


def newer_word(_, ours, peers):
    """A word, or a spelling of a cursor, that only newer versions understand."""
    return peers.kind == "-" and ours.kind != "-"


def negative_offset(args, ours, peers):
    """LIMIT with a negative offset, which once gave nothing."""
    upper = [arg.upper() for arg in args]
    at = upper.index(b"LIMIT") + 1 if b"LIMIT" in upper else len(args)
    return at < len(args) and args[at].startswith(b"-") and ours.kind != "-" and peers.kind != "-"


BY_SCORE = {b"ZCOUNT", b"ZRANGE", b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE", b"ZRANGESTORE", b"ZREMRANGEBYSCORE", b"ZRANGEBYLEX",
            b"ZREVRANGEBYLEX"}


# (versions before this one, commands concerned or None for all, comparison)
OLDER = [
    ((8, 0), None, is_help),
    ((8, 0), {b"COMMAND LIST", b"COMMAND", b"COMMAND INFO", b"COMMAND DOCS", b"ACL CAT", b"CLIENT INFO", b"CLIENT LIST"}, kind_only),
    ((7, 4), None, peer_lacks_it),
    ((7, 4), None, both_errors),
    ((7, 4), {b"EVAL", b"EVAL_RO", b"FCALL", b"FCALL_RO"}, newly_allowed),
    ((7, 2), {b"SCAN", b"SSCAN", b"HSCAN", b"ZSCAN", b"BITCOUNT", b"BITPOS", b"XADD", b"XTRIM", b"LREM",
              b"LPOS", *BY_SCORE}, stricter),
    ((8, 0), {b"SCAN", b"SSCAN", b"HSCAN", b"ZSCAN"}, newer_word),
    ((7, 4), BY_SCORE, negative_offset),
    ((7, 4), {b"XREAD", b"LSET"}, newer_word),
    ((7, 2), {b"XINFO", b"XGROUP", b"SORT", b"SORT_RO"}, kind_only),
    ((7, 2), {b"OBJECT ENCODING"}, encoding_name),
    ((7, 2), {b"ZADD", b"ZINCRBY", b"ZSCORE", b"ZMSCORE", b"ZRANGE", b"ZREVRANGE", b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE",
              b"ZPOPMIN", b"ZPOPMAX", b"BZPOPMIN", b"BZPOPMAX", b"ZMPOP", b"BZMPOP", b"ZUNION", b"ZINTER", b"ZDIFF",
              b"GEOPOS", b"GEODIST", b"GEOSEARCH", b"GEOSEARCH_RO", b"GEORADIUS", b"GEORADIUSBYMEMBER", b"GEORADIUS_RO",
              b"GEORADIUSBYMEMBER_RO", b"ZSCAN", b"EVAL"},
     same_number),
]
