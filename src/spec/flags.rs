//! Sets of facts that fit a word: what a command may do, which ACL categories it is in, what it does to a key.
//!
//! Each set is a newtype over `u64` with one constant per member, so that a row can say
//! `Flags::of(&[WRITE, DENYOOM])` and the gate can ask `spec.flags.has(WRITE)` for one AND. Members stand in the order
//! in which Redis prints them; that order is part of COMMAND INFO, and [`Flags::names`] follows it.

/// Defines a set: its members in printing order, each with the word Redis prints, or "" for one it keeps to itself.
macro_rules! word_set {
    ($(#[$doc:meta])* $set:ident, $module:ident { $($(#[$note:meta])* $name:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[allow(unreachable_pub)]
        pub struct $set(pub(crate) u64);

        // Each set has all of this, whatever its rows and questions need of it today.
        #[allow(dead_code, unreachable_pub)]
        impl $set {
            pub(crate) const NONE: Self = Self(0);

            /// Every member, in printing order, with its printed word.
            pub(crate) const ALL: &'static [(Self, &'static str)] = &[$(($module::$name, $word),)*];

            pub(crate) const fn of(members: &[Self]) -> Self {
                let mut bits = 0;
                let mut index = 0;
                while index < members.len() {
                    bits |= members[index].0;
                    index += 1;
                }
                Self(bits)
            }

            /// Whether all of `members` are in.
            pub const fn has(self, members: Self) -> bool {
                self.0 & members.0 == members.0
            }

            /// Whether at least one of `members` is in.
            pub const fn any(self, members: Self) -> bool {
                self.0 & members.0 != 0
            }

            #[must_use]
            pub(crate) const fn with(self, members: Self) -> Self {
                Self(self.0 | members.0)
            }

            #[must_use]
            pub(crate) const fn without(self, members: Self) -> Self {
                Self(self.0 & !members.0)
            }

            pub(crate) const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The words that are printed for this set, in order.
            pub(crate) fn names(self) -> impl Iterator<Item = &'static str> + Clone {
                Self::ALL
                    .iter()
                    .filter(move |(member, word)| self.has(*member) && !word.is_empty())
                    .map(|&(_, word)| word)
            }

            /// The member printed as `word`; any case.
            pub(crate) fn named(word: &[u8]) -> Option<Self> {
                let found = Self::ALL.iter().find(|(_, known)| {
                    !known.is_empty() && known.as_bytes().eq_ignore_ascii_case(word)
                });
                found.map(|&(member, _)| member)
            }
        }

        impl std::ops::BitOr for $set {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        /// The members, for rows and for questions.
        #[allow(unreachable_pub)]
        pub mod $module {
            use super::$set;
            word_set!(@members $set, 0; $($(#[$note])* $name,)*);
        }
    };
    (@members $set:ident, $at:expr;) => {};
    (@members $set:ident, $at:expr; $(#[$note:meta])* $name:ident, $($rest:tt)*) => {
        $(#[$note])*
        pub const $name: $set = $set(1 << ($at));
        word_set!(@members $set, $at + 1; $($rest)*);
    };
}

word_set! {
    /// The nature of a command, and when it may run.
    Flags, flag {
        /// May change the data set. Refused on read-only replicas, propagated when it did change something.
        WRITE = "write",
        READONLY = "readonly",
        /// May take more memory: refused when `maxmemory` is reached and nothing can be evicted.
        DENYOOM = "denyoom",
        /// Derived from the row's module, never written in a row.
        MODULE = "module",
        ADMIN = "admin",
        /// Belongs to publish and subscribe.
        PUBSUB = "pubsub",
        NOSCRIPT = "noscript",
        /// May park its client.
        BLOCKING = "blocking",
        /// Runs while the data set is being loaded.
        LOADING = "loading",
        /// Runs on a replica whose data is stale.
        STALE = "stale",
        /// Not shown to MONITOR; it would show secrets, or show itself.
        SKIP_MONITOR = "skip_monitor",
        SKIP_SLOWLOG = "skip_slowlog",
        /// In a cluster, treats an importing slot as if the client had said ASKING.
        ASKING = "asking",
        /// Constant or logarithmic time; also decides between the ACL categories `fast` and `slow`.
        FAST = "fast",
        /// Runs before the client has authenticated.
        NO_AUTH = "no_auth",
        /// Writes nothing to the data set itself but may still have to reach replicas.
        MAY_REPLICATE = "",
        /// Its key specs may well find no keys.
        NO_MANDATORY_KEYS = "no_mandatory_keys",
        /// Runs while loading, except when a replica loads a full sync beside its old data.
        NO_ASYNC_LOADING = "no_async_loading",
        NO_MULTI = "no_multi",
        /// Its keys cannot be told from its first, last and step alone. Derived from the key specs, never written in a
        /// row; see [`super::Spec::is_movable`].
        MOVABLEKEYS = "movablekeys",
        /// Runs while a script has been running for too long.
        ALLOW_BUSY = "allow_busy",
        /// May touch keys it does not name, and so notice their expiry.
        TOUCHES_ARBITRARY_KEYS = "",
        /// Acts at once while a transaction is being collected.
        STEERS_TRANSACTION = "",
        /// Runs the commands that the transaction has collected, and is judged by them.
        RUNS_TRANSACTION = "",
        /// Runs while its client is subscribed, in RESP2 as well.
        ALLOWED_SUBSCRIBED = "",
        /// Refused where writes are because a file cannot be written: so a health check hears of it.
        FAILS_WITH_DISK = "",
        /// Counts as an access of its keys even after CLIENT NO-TOUCH.
        ALWAYS_TOUCHES = "",
        /// Does not use up what CLIENT CACHING has said of the next command.
        KEEPS_CACHING = "",
        /// Parks its client until another server has answered, or a thread.
        ASKS_ANOTHER = "",
    }
}

word_set! {
    /// The ACL categories a command is in. Rows give the ones that do not follow from the flags; the full set is
    /// [`super::Spec::categories`].
    Categories, category {
        KEYSPACE = "keyspace",
        READ = "read",
        WRITE = "write",
        SET = "set",
        SORTEDSET = "sortedset",
        LIST = "list",
        HASH = "hash",
        STRING = "string",
        BITMAP = "bitmap",
        HYPERLOGLOG = "hyperloglog",
        GEO = "geo",
        STREAM = "stream",
        PUBSUB = "pubsub",
        ADMIN = "admin",
        FAST = "fast",
        SLOW = "slow",
        BLOCKING = "blocking",
        DANGEROUS = "dangerous",
        CONNECTION = "connection",
        TRANSACTION = "transaction",
        SCRIPTING = "scripting",
        JSON = "json",
    }
}

word_set! {
    /// The effect of a command on a key it names. Exactly one of the first four says how it treats the value as a whole
    /// (its type, its time to live); the next four what it does to the data inside; the last three are remarks.
    KeyFlags, key {
        /// Reads the value and never changes it.
        RO = "RO",
        /// Reads and changes.
        RW = "RW",
        /// Overwrites without looking.
        OW = "OW",
        /// Removes.
        RM = "RM",
        /// Tells the client something of the data: its content, or a result made from it.
        ACCESS = "access",
        UPDATE = "update",
        INSERT = "insert",
        DELETE = "delete",
        /// Looks like a key to a cluster, but names none: a channel, or a key to be.
        NOT_KEY = "not_key",
        /// There may be more keys than the spec finds.
        INCOMPLETE = "incomplete",
        /// The flags of this request may be fewer; they depend on its options.
        VARIABLE_FLAGS = "variable_flags",
    }
}

word_set! {
    /// The classes of keyspace events, and the two kinds of channels they are published on, as the letters of
    /// `notify-keyspace-events`.
    Classes, class {
        GENERIC = "g",
        STRING = "$",
        LIST = "l",
        SET = "s",
        HASH = "h",
        ZSET = "z",
        EXPIRED = "x",
        EVICTED = "e",
        STREAM = "t",
        /// Events of types that Redis ships as modules.
        MODULE = "d",
        /// A key came into being; not part of `A`.
        NEW = "n",
        /// Publish to `__keyspace@<db>__:<key>`, with the event as message.
        KEYSPACE = "K",
        /// Publish to `__keyevent@<db>__:<event>`, with the key as message.
        KEYEVENT = "E",
        /// A read found nothing; not part of `A`.
        KEY_MISS = "m",
    }
}

word_set! {
    /// Remarks of the documentation.
    DocFlags, doc {
        DEPRECATED = "deprecated",
        /// For the server's own use, not for people.
        SYSCMD = "syscmd",
    }
}

word_set! {
    /// How often an argument may stand in a request.
    ArgFlags, arg {
        OPTIONAL = "optional",
        MULTIPLE = "multiple",
        /// When repeated, its token is repeated with it.
        MULTIPLE_TOKEN = "multiple_token",
    }
}
