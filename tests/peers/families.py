"""The commands a round is made of, family by family, as syntax lines (`dice.py` explains them), and their scenes.

A weight in front makes a line commoner, `@7.4` says which version brought it. A line may be written twice with
different weights: the plain form builds state, the full form explores options.
"""

import scenes
from dice import Template

STRING = """
6 SET key value
4 SET key value [NX|XX] [GET] [EX seconds|PX ms|EXAT at|PXAT atms|KEEPTTL]
4 GET key
GETSET key value
SETNX key value
SETEX key seconds value
PSETEX key ms value
MSET (key value)+
MSETNX (key value)+
MGET key+
2 APPEND key shortvalue
STRLEN key
2 GETRANGE key index index
SUBSTR key index index
2 SETRANGE key offset shortvalue
GETDEL key
GETEX key [EX seconds|PX ms|EXAT at|PXAT atms|PERSIST]
2 INCR key
2 DECR key
2 INCRBY key int
2 DECRBY key int
3 INCRBYFLOAT key increment
LCS key key [LEN] [IDX] [MINMATCHLEN smallint] [WITHMATCHLEN]
OBJECT ENCODING key
"""

KEYS = """
2 SET anykey value
2 DEL anykey+
UNLINK anykey+
2 EXISTS anykey+
2 TYPE anykey
3 EXPIRE anykey seconds [NX|XX|GT|LT] [XX|GT]
2 PEXPIRE anykey ms [NX|XX|GT|LT]
EXPIREAT anykey at [NX|XX|GT|LT]
PEXPIREAT anykey atms [NX|XX|GT|LT]
2 TTL anykey
2 PTTL anykey
EXPIRETIME anykey
PEXPIRETIME anykey
2 PERSIST anykey
2 RENAME anykey anykey
RENAMENX anykey anykey
3 COPY anykey anykey [DB db] [REPLACE]
MOVE anykey db
TOUCH anykey+
DBSIZE
KEYS pattern
RANDOMKEY
2 OBJECT ENCODING anykey
OBJECT REFCOUNT anykey
OBJECT IDLETIME anykey
OBJECT FREQ anykey
OBJECT HELP
2 SORT anykey [BY sortpattern] [LIMIT index count] [GET sortpattern]+ [ASC|DESC] [ALPHA]
SORT anykey [BY sortpattern] [LIMIT index count] [GET sortpattern] [ASC|DESC] [ALPHA] STORE key:list
SORT_RO anykey [BY sortpattern] [LIMIT index count] [GET sortpattern]+ [ASC|DESC] [ALPHA]
SCAN cursor [MATCH pattern] [COUNT int] [TYPE type]
SELECT db
SELECT 0
SWAPDB db db
FLUSHDB [ASYNC|SYNC|'x']
MEMORY USAGE anykey [SAMPLES smallint]
DUMP anykey
2 RESTORE key restorettl payload [REPLACE] [ABSTTL]
RESTORE key ms value [REPLACE] [ABSTTL] [IDLETIME int] [FREQ int]
"""

LIST = """
4 RPUSH key element+
3 LPUSH key element+
LPUSHX key element+
RPUSHX key element+
3 LRANGE key index index
2 LINDEX key index
LLEN key
2 LPOP key [count]
2 RPOP key [count]
2 LSET key index element
3 LINSERT key (BEFORE|AFTER) element element
2 LREM key count element
2 LTRIM key index index
3 LPOS key element [RANK index] [COUNT count] [MAXLEN count]
RPOPLPUSH key key
2 LMOVE key key (LEFT|RIGHT) (LEFT|RIGHT)
2 LMPOP #key (LEFT|RIGHT) [COUNT count]
BLPOP key+ timeout
BRPOP key+ timeout
BLMOVE key key (LEFT|RIGHT) (LEFT|RIGHT) timeout
BRPOPLPUSH key key timeout
BLMPOP timeout #key (LEFT|RIGHT) [COUNT count]
OBJECT ENCODING key
"""

SET = """
5 SADD key member+
3 SREM key member+
2 SISMEMBER key member
2 SMISMEMBER key member+
2 SMEMBERS key
SCARD key
2 SMOVE key key member
2 SINTER key+
2 SUNION key+
2 SDIFF key+
2 SINTERSTORE key key+
SUNIONSTORE key key+
SDIFFSTORE key key+
2 SINTERCARD #key [LIMIT count]
SSCAN key cursor [MATCH pattern] [COUNT int]
SPOP key 0
SPOP key -1
SRANDMEMBER key 0
OBJECT ENCODING key
"""

HASH = """
5 HSET key (field value)+
HMSET key (field value)+
2 HSETNX key field value
3 HGET key field
2 HMGET key field+
2 HDEL key field+
HEXISTS key field
HLEN key
HSTRLEN key field
HKEYS key
HVALS key
2 HGETALL key
2 HINCRBY key field int
3 HINCRBYFLOAT key field increment
HSCAN key cursor [MATCH pattern] [COUNT int]
HSCAN key cursor [MATCH pattern] [COUNT int] NOVALUES @7.4
HRANDFIELD key 0
OBJECT ENCODING key
2 HEXPIRE key seconds [NX|XX|GT|LT] FIELDS #field @7.4
HPEXPIRE key ms [NX|XX|GT|LT] FIELDS #field @7.4
HEXPIREAT key at [NX|XX|GT|LT] FIELDS #field @7.4
HPEXPIREAT key atms [NX|XX|GT|LT] FIELDS #field @7.4
2 HTTL key FIELDS #field @7.4
HPTTL key FIELDS #field @7.4
HEXPIRETIME key FIELDS #field @7.4
HPEXPIRETIME key FIELDS #field @7.4
2 HPERSIST key FIELDS #field @7.4
HGETDEL key FIELDS #field @8.0
2 HGETEX key [EX seconds|PX ms|EXAT at|PXAT atms|PERSIST] FIELDS #field @8.0
2 HSETEX key [FNX|FXX] [EX seconds|PX ms|EXAT at|PXAT atms|KEEPTTL] FIELDS 1 field value @8.0
HSETEX key [FNX|FXX] [EX seconds|PX ms|KEEPTTL] FIELDS 2 field value field value @8.0
"""

ZSET = """
6 ZADD key (score member)+
3 ZADD key [NX|XX] [GT|LT] [CH] [INCR] (score member)+
3 ZADD lexkey ('0' member)+
2 ZINCRBY key float member
2 ZREM key member+
2 ZSCORE key member
ZMSCORE key member+
ZCARD key
ZCOUNT key scoremin scoremax
ZLEXCOUNT lexkey lexmin lexmax
3 ZRANGE key index index [REV] [WITHSCORES]
2 ZRANGE key scoremin scoremax BYSCORE [LIMIT index count] [WITHSCORES]
2 ZRANGE key scoremax scoremin BYSCORE REV [LIMIT index count] [WITHSCORES]
ZRANGE lexkey lexmin lexmax BYLEX [LIMIT index count]
ZRANGE lexkey lexmax lexmin BYLEX REV [LIMIT index count]
2 ZRANGESTORE key key (index index|scoremin scoremax BYSCORE) [REV] [LIMIT index count]
ZRANGESTORE key lexkey lexmin lexmax BYLEX [LIMIT index count]
ZREVRANGE key index index [WITHSCORES]
ZRANGEBYSCORE key scoremin scoremax [WITHSCORES] [LIMIT index count]
ZREVRANGEBYSCORE key scoremax scoremin [WITHSCORES] [LIMIT index count]
ZRANGEBYLEX lexkey lexmin lexmax [LIMIT index count]
ZREVRANGEBYLEX lexkey lexmax lexmin [LIMIT index count]
2 ZRANK key member
ZREVRANK key member
ZRANK key member WITHSCORE @7.2
ZREVRANK key member WITHSCORE @7.2
ZREMRANGEBYRANK key index index
ZREMRANGEBYSCORE key scoremin scoremax
ZREMRANGEBYLEX lexkey lexmin lexmax
2 ZPOPMIN key [count]
2 ZPOPMAX key [count]
ZMPOP #key (MIN|MAX) [COUNT count]
BZPOPMIN key+ timeout
BZPOPMAX key+ timeout
BZMPOP timeout #key (MIN|MAX) [COUNT count]
2 ZUNION #key [WEIGHTS weight+] [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]
2 ZINTER #key [WEIGHTS weight+] [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]
2 ZDIFF #key [WITHSCORES]
2 ZUNIONSTORE key #key [WEIGHTS weight+] [AGGREGATE (SUM|MIN|MAX)]
ZINTERSTORE key #key [WEIGHTS weight+] [AGGREGATE (SUM|MIN|MAX)]
ZDIFFSTORE key #key
ZUNIONSTORE key 2 key key:set WEIGHTS weight weight
2 ZINTERCARD #key [LIMIT count]
ZSCAN key cursor [MATCH pattern] [COUNT int]
ZRANDMEMBER key 0
OBJECT ENCODING key
"""

STREAM = """
6 XADD key streamid (field value)+
2 XADD key [NOMKSTREAM] [(MAXLEN|MINID) [=|~] smallint [LIMIT count]] streamid (field value)+
2 XLEN key
3 XRANGE key rangelow rangehigh [COUNT count]
2 XREVRANGE key rangehigh rangelow [COUNT count]
2 XDEL key anyid+
2 XTRIM key (MAXLEN|MINID) [=|~] smallint [LIMIT count]
2 XREAD [COUNT count] STREAMS key anyid
XREAD [COUNT count] STREAMS key key anyid anyid
XREAD COUNT count STREAMS key '+' @7.4
XREAD BLOCK blockms STREAMS key anyid
XSETID key streamid [ENTRIESADDED int] [MAXDELETEDID anyid]
3 XGROUP CREATE key group ($|anyid) [MKSTREAM] [ENTRIESREAD int]
XGROUP SETID key group ($|anyid) [ENTRIESREAD int]
XGROUP CREATECONSUMER key group consumer
XGROUP DELCONSUMER key group consumer
XGROUP DESTROY key group
XGROUP HELP
4 XREADGROUP GROUP group consumer [COUNT count] [NOACK] STREAMS key ('>'|anyid)
XREADGROUP GROUP group consumer [COUNT count] [BLOCK blockms] STREAMS key key '>' ('>'|anyid)
3 XACK key group anyid+
3 XPENDING key group
2 XPENDING key group [IDLE minidle] rangelow rangehigh count [consumer]
2 XCLAIM key group consumer minidle anyid+ [IDLE int] [TIME int] [RETRYCOUNT smallint] [FORCE] [JUSTID] [LASTID anyid]
2 XAUTOCLAIM key group consumer minidle anyid [COUNT count] [JUSTID]
2 XINFO STREAM key
XINFO STREAM key FULL [COUNT count]
XINFO GROUPS key
XINFO CONSUMERS key group
XINFO HELP
OBJECT ENCODING key
"""

BITMAP = """
5 SETBIT key bitoffset bit
3 GETBIT key bitoffset
2 SET key value
3 BITCOUNT key [index index [BYTE|BIT]]
3 BITPOS key bit [index [index [BYTE|BIT]]]
3 BITOP (AND|OR|XOR) key key+
BITOP NOT key key
5 BITFIELD key ([OVERFLOW (WRAP|SAT|FAIL)] (GET bittype bitplace|SET bittype bitplace bitvalue|INCRBY bittype bitplace bitvalue))+
2 BITFIELD_RO key (GET bittype bitplace)+
GET key
APPEND key shortvalue
"""

HLL = """
5 PFADD key element+
PFADD key
3 PFCOUNT key+
2 PFMERGE key key+
GET key
STRLEN key
SET key value
PFDEBUG ENCODING key
PFDEBUG DECODE key
PFDEBUG TODENSE key
OBJECT ENCODING key
"""

GEO = """
6 GEOADD key [NX|XX] [CH] (lon lat member)+
3 GEOPOS key member+
3 GEODIST key member member [unit]
2 GEOHASH key member+
4 GEOSEARCH key (FROMMEMBER member|FROMLONLAT lon lat) (BYRADIUS distance unit|BYBOX distance distance unit) [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
2 GEOSEARCHSTORE key key (FROMMEMBER member|FROMLONLAT lon lat) (BYRADIUS distance unit|BYBOX distance distance unit) [ASC|DESC] [COUNT count [ANY]] [STOREDIST]
2 GEORADIUS key lon lat distance unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC]
GEORADIUS key lon lat distance unit [COUNT count] (STORE|STOREDIST) key
GEORADIUS_RO key lon lat distance unit [WITHDIST] [ASC|DESC]
2 GEORADIUSBYMEMBER key member distance unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC|DESC]
GEORADIUSBYMEMBER_RO key member distance unit [ASC|DESC]
ZSCORE key member
ZREM key member
"""

CONNECTION = """
2 PING [value]
2 ECHO value
CLIENT SETNAME name
2 CLIENT GETNAME
CLIENT PAUSE ('x'|'-1'|0) ('x'|WRITE|ALL) value
CLIENT NO-EVICT OFF value
CLIENT REPLY ON value
CLIENT ID
CLIENT INFO
2 CLIENT SETINFO attribute name @7.2
CLIENT NO-EVICT (ON|OFF|'x')
CLIENT NO-TOUCH (OFF|'x') @7.2
CLIENT TRACKINGINFO
CLIENT GETREDIR
CLIENT CACHING (YES|NO|'x')
CLIENT UNBLOCK int [TIMEOUT|ERROR|'x'] [value]
CLIENT KILL ID 123456789
CLIENT KILL value
CLIENT KILL (ID (0|-1|'x'|123456789)|TYPE ('pubsub'|'x')|ADDR value|LADDR value|USER name) SKIPME ('yes'|'x')
CLIENT HELP
CLIENT REPLY ON
CLIENT UNPAUSE
2 HELLO [2|3|'x'|1|4]
HELLO (2|3) SETNAME name
HELLO (2|3) AUTH name value
RESET
AUTH value
AUTH name value
ACL WHOAMI
ACL CAT [value]
ACL DRYRUN ('default'|name) (GET|SET|'x') key
ACL HELP
SELECT db
TIME
COMMAND COUNT 'x'
COMMAND GETKEYS (GET key|MSET key value key value|EVAL value 2 key key|ZUNIONSTORE key 2 key key|XREAD STREAMS key key 0 0|PING|'x'|SORT key STORE key|GEORADIUS key 1 1 1 'm' STORE key|LMPOP 2 key key LEFT|OBJECT ENCODING key)
COMMAND GETKEYSANDFLAGS (GET key|SET key value|SET key value GET|LMOVE key key LEFT RIGHT|XREADGROUP GROUP 'g' 'c' STREAMS key '>'|BITFIELD key GET 'u1' 0|'x') @7.2
COMMAND HELP
COMMAND LIST FILTERBY PATTERN pattern
COMMAND LIST FILTERBY ACLCAT ('hash'|'bitmap'|'x')
LASTSAVE
WAIT 0 (1|'x'|-1)
WAITAOF 0 0 (1|'x'|-1) @7.2
REPLICAOF NO ONE
ROLE
READONLY
READWRITE
ASKING
CLUSTER INFO
CLUSTER KEYSLOT key
LATENCY RESET
SLOWLOG LEN
SLOWLOG RESET
SLOWLOG GET count [value]
MEMORY HELP
PUBSUB CHANNELS [pattern] [pattern]
PUBSUB SHARDCHANNELS [pattern] [pattern]
PUBSUB NUMPAT value
MEMORY USAGE value [SAMPLES int] [value]
LATENCY HISTORY value
LATENCY GRAPH name
DEBUG OBJECT value value
OBJECT FREQ value value
XINFO STREAM value FULL COUNT
XGROUP CREATE value value
COMMAND INFO value
CONFIG GET value
CONFIG SET name value
PUBSUB NUMSUB [channel]+
PUBSUB NUMPAT
PUBSUB SHARDNUMSUB [channel]+
PUBSUB HELP
PUBLISH channel value
SPUBLISH channel value
UNWATCH
DISCARD
EXEC
NOSUCHCOMMAND value value
GET
"""

TRANSACTION = """
2 MULTI
2 EXEC
DISCARD
2 WATCH key+
UNWATCH
SET key value
INCR key
LPUSH key element
"""

SCRIPT = """
6 EVAL script #key [value]+
2 EVAL_RO script #key [value]+
EVAL script (-1|'x'|5) key
EVALSHA ('e0e1f9fabfc9d4800c877a703b823ac0578ff8db'|'x'|'') #key
SCRIPT EXISTS value+
SCRIPT FLUSH [SYNC|ASYNC|'x']
SCRIPT LOAD script
SCRIPT HELP
SET key value
INCR key
FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
FUNCTION LOAD [REPLACE] library
FUNCTION DELETE ('mylib'|'other'|'x')
FUNCTION STATS
FUNCTION HELP
3 FCALL function #key [value]+
FCALL_RO function #key [value]+
"""


class Family:
    """Named commands that share keys. `prefix` begins its keys' names."""

    def __init__(self, name, prefix, text, its_scenes=()):
        self.name, self.prefix = name, prefix
        self.templates = [Template(line) for line in text.strip().splitlines()]
        self.scenes = list(its_scenes)


FAMILIES = {family.name: family for family in (
    Family("string", "s", STRING),
    Family("keys", "k", KEYS, [scenes.scan_keys, scenes.dump_and_restore, scenes.short_lives]),
    Family("list", "l", LIST, [scenes.blocked_lists]),
    Family("set", "t", SET, [scenes.scan_members, scenes.random_members, scenes.pops]),
    Family("hash", "h", HASH, [scenes.scan_members, scenes.random_members, scenes.short_fields]),
    Family("zset", "z", ZSET, [scenes.scan_members, scenes.random_members, scenes.blocked_zsets]),
    Family("stream", "x", STREAM, [scenes.auto_ids, scenes.blocked_streams]),
    Family("bitmap", "b", BITMAP),
    Family("hll", "p", HLL),
    Family("geo", "g", GEO),
    Family("connection", "c", CONNECTION),
    Family("transaction", "m", TRANSACTION, [scenes.watched]),
    Family("script", "e", SCRIPT),
    Family("pubsub", "u", "PUBLISH channel value\nPUBSUB NUMPAT", [scenes.published, scenes.keyspace_events]),
    Family("tracking", "r", "SET key value\nGET key\nDEL key", [scenes.tracked]),
)}
