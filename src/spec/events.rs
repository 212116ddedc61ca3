//! The events that subscribers of keys can hear: their names and classes, each written once.
//!
//! Handlers say [`Event::HSET`] and never spell a name, so what can be announced is this list and no more, and a test
//! holds it against what Redis documents. `notify-keyspace-events` selects events by [`Classes`].
//!
//! An event is not always named after the command that causes it: HSETNX announces `hset`, PFMERGE `pfadd`, BITOP
//! `set`.

use super::flags::{Classes, class};

/// A keyspace event as subscribers hear it: the class that `notify-keyspace-events` selects by, and the name. The
/// fields are private, so that nobody makes an event that is not in the list below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    class: Classes,
    name: &'static str,
}

impl Event {
    #[inline]
    pub(crate) const fn class(self) -> Classes {
        self.class
    }

    pub(crate) const fn name(self) -> &'static str {
        self.name
    }
}

/// Defines the events, and the list of all of them.
macro_rules! events {
    ($($(#[$note:meta])* $name:ident = $class:ident $text:literal,)*) => {
        impl Event {
            $($(#[$note])* pub(crate) const $name: Self = Self { class: class::$class, name: $text };)*

            /// Every event there is.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

events! {
    // Any kind of key.
    COPY_TO = GENERIC "copy_to",
    DEL = GENERIC "del",
    EXPIRE = GENERIC "expire",
    MOVE_FROM = GENERIC "move_from",
    MOVE_TO = GENERIC "move_to",
    PERSIST = GENERIC "persist",
    RENAME_FROM = GENERIC "rename_from",
    RENAME_TO = GENERIC "rename_to",
    RESTORE = GENERIC "restore",
    // Strings, bitmaps and HyperLogLogs.
    APPEND = STRING "append",
    INCRBY = STRING "incrby",
    INCRBYFLOAT = STRING "incrbyfloat",
    PFADD = STRING "pfadd",
    SET = STRING "set",
    SETBIT = STRING "setbit",
    SETRANGE = STRING "setrange",
    // Lists.
    LINSERT = LIST "linsert",
    LPOP = LIST "lpop",
    LPUSH = LIST "lpush",
    LREM = LIST "lrem",
    LSET = LIST "lset",
    LTRIM = LIST "ltrim",
    RPOP = LIST "rpop",
    RPUSH = LIST "rpush",
    SORTSTORE = LIST "sortstore",
    // Sets.
    SADD = SET "sadd",
    SDIFFSTORE = SET "sdiffstore",
    SINTERSTORE = SET "sinterstore",
    SPOP = SET "spop",
    SREM = SET "srem",
    SUNIONSTORE = SET "sunionstore",
    // Hashes.
    HDEL = HASH "hdel",
    HEXPIRE = HASH "hexpire",
    HEXPIRED = HASH "hexpired",
    HINCRBY = HASH "hincrby",
    HINCRBYFLOAT = HASH "hincrbyfloat",
    HPERSIST = HASH "hpersist",
    HSET = HASH "hset",
    // Sorted sets and positions.
    GEORADIUSSTORE = ZSET "georadiusstore",
    GEOSEARCHSTORE = ZSET "geosearchstore",
    ZADD = ZSET "zadd",
    ZDIFFSTORE = ZSET "zdiffstore",
    ZINCR = ZSET "zincr",
    ZINTERSTORE = ZSET "zinterstore",
    ZPOPMAX = ZSET "zpopmax",
    ZPOPMIN = ZSET "zpopmin",
    ZRANGESTORE = ZSET "zrangestore",
    ZREM = ZSET "zrem",
    ZREMRANGEBYLEX = ZSET "zremrangebylex",
    ZREMRANGEBYRANK = ZSET "zremrangebyrank",
    ZREMRANGEBYSCORE = ZSET "zremrangebyscore",
    ZUNIONSTORE = ZSET "zunionstore",
    // Streams.
    XADD = STREAM "xadd",
    XDEL = STREAM "xdel",
    XGROUP_CREATE = STREAM "xgroup-create",
    XGROUP_CREATECONSUMER = STREAM "xgroup-createconsumer",
    XGROUP_DELCONSUMER = STREAM "xgroup-delconsumer",
    XGROUP_DESTROY = STREAM "xgroup-destroy",
    XGROUP_SETID = STREAM "xgroup-setid",
    XSETID = STREAM "xsetid",
    XTRIM = STREAM "xtrim",
    // Documents.
    JSON_ARRAPPEND = MODULE "json.arrappend",
    JSON_ARRINSERT = MODULE "json.arrinsert",
    JSON_ARRPOP = MODULE "json.arrpop",
    JSON_ARRTRIM = MODULE "json.arrtrim",
    JSON_CLEAR = MODULE "json.clear",
    JSON_DEL = MODULE "json.del",
    JSON_MERGE = MODULE "json.merge",
    JSON_MSET = MODULE "json.mset",
    JSON_NUMINCRBY = MODULE "json.numincrby",
    JSON_NUMMULTBY = MODULE "json.nummultby",
    JSON_NUMPOWBY = MODULE "json.numpowby",
    JSON_SET = MODULE "json.set",
    JSON_STRAPPEND = MODULE "json.strappend",
    JSON_TOGGLE = MODULE "json.toggle",

    // Nobody asks for these.
    EXPIRED = EXPIRED "expired",
    EVICTED = EVICTED "evicted",
    /// A read found nothing.
    KEY_MISS = KEY_MISS "keymiss",
    /// A key came into being.
    NEW = NEW "new",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The events of Redis 8.0 as its documentation of keyspace notifications lists them, under the letters of their
    /// classes. Those under d are RedisJSON's; o and c came after 8.0.
    const DOCUMENTED: &[(&str, &str)] = &[
        (
            "g",
            "copy_to del expire move_from move_to persist rename_from rename_to restore",
        ),
        ("$", "append incrby incrbyfloat pfadd set setbit setrange"),
        (
            "l",
            "linsert lpop lpush lrem lset ltrim rpop rpush sortstore",
        ),
        ("s", "sadd sdiffstore sinterstore spop srem sunionstore"),
        (
            "h",
            "hdel hexpire hexpired hincrby hincrbyfloat hpersist hset",
        ),
        (
            "z",
            "georadiusstore geosearchstore zadd zdiffstore zincr zinterstore zpopmax zpopmin zrangestore zrem \
             zremrangebylex zremrangebyrank zremrangebyscore zunionstore",
        ),
        (
            "t",
            "xadd xdel xgroup-create xgroup-createconsumer xgroup-delconsumer xgroup-destroy xgroup-setid xsetid xtrim",
        ),
        ("x", "expired"),
        ("e", "evicted"),
        ("m", "keymiss"),
        (
            "d",
            "json.arrappend json.arrinsert json.arrpop json.arrtrim json.clear json.del json.merge json.mset json.numincrby json.nummultby \
             json.numpowby json.set json.strappend json.toggle",
        ),
        ("n", "new"),
    ];

    #[test]
    fn every_documented_event_is_here_and_no_other() {
        let documented: BTreeSet<(&str, &str)> = DOCUMENTED
            .iter()
            .flat_map(|(letter, names)| names.split(' ').map(|name| (*letter, name)))
            .collect();
        let ours: BTreeSet<(&str, &str)> = Event::ALL
            .iter()
            .map(|event| (event.class.names().next().expect("a class"), event.name))
            .collect();
        assert_eq!(ours, documented);
        assert_eq!(ours.len(), Event::ALL.len(), "an event stands twice");
    }

    #[test]
    fn an_event_has_one_class_that_is_no_channel() {
        for event in Event::ALL {
            assert_eq!(event.class.names().count(), 1, "{}", event.name);
            assert!(!event.class.any(class::KEYSPACE | class::KEYEVENT));
        }
    }
}
