//! Parameters whose value is one word out of a few.
//!
//! Each is an enum for the code that reads it and a list of words for the person who writes it. [`words!`] ties the
//! two together, so a variant cannot exist without its word, nor the words come in another order than error texts
//! list them.

use crate::base::text::is_word;

/// An enum that has one word per variant. The first variant of several with the same meaning is the one printed.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Every variant with its word, in the order in which an error text lists them.
    const ALL: &'static [(&'static str, Self)];

    /// The word to print for this value.
    fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, value)| *value == self)
            .map_or("unknown", |(word, _)| word)
    }

    /// The value a person meant, in any case.
    fn parse(text: &[u8]) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(word, _)| is_word(text, word.as_bytes()))
            .map(|(_, value)| *value)
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $($word:literal)|+,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        #[allow(unreachable_pub)]
        pub enum $name { #[default] $($(#[$variant_doc])* $variant,)+ }

        impl Word for $name {
            const ALL: &'static [(&'static str, Self)] = &[$($(($word, Self::$variant),)+)+];
        }
    )+};
}

words! {
    /// The keys to evict when `maxmemory` is reached.
    Eviction {
        VolatileLru = "volatile-lru",
        VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random",
        NoEviction = "noeviction",
    }

    /// When the append-only file must have reached the disk.
    Fsync {
        EverySecond = "everysec",
        Always = "always",
        No = "no",
    }

    /// How much the log says.
    LogLevel {
        Debug = "debug",
        Verbose = "verbose",
        Notice = "notice",
        Warning = "warning",
        Nothing = "nothing",
    }

    /// How a log line is laid out.
    LogFormat {
        /// As Redis writes it.
        Legacy = "legacy",
        /// `name=value` pairs, for programs that read logs.
        Logfmt = "logfmt",
    }

    /// Where a message for the system's log is filed.
    SyslogFacility {
        User = "user",
        Local0 = "local0",
        Local1 = "local1",
        Local2 = "local2",
        Local3 = "local3",
        Local4 = "local4",
        Local5 = "local5",
        Local6 = "local6",
        Local7 = "local7",
    }

    /// The supervisor of this process.
    Supervised {
        Upstart = "upstart",
        Systemd = "systemd",
        /// Whichever of the two has left its mark in the environment.
        Auto = "auto",
        No = "no",
    }

    /// What the prompt of the live page may do.
    PagePrompt {
        /// What reads keys, for everybody who sees the page.
        ReadOnly = "read-only",
        /// What any client may.
        All = "all",
        /// There is none.
        No = "no",
    }

    /// The clients that may use something dangerous.
    Permission {
        No = "no",
        Yes = "yes",
        /// Only clients on this machine.
        Local = "local",
    }

    /// How the process offers itself to the kernel's out-of-memory killer.
    OomScoreAdj {
        No = "no",
        /// The configured values are added to the score the process started with.
        Relative = "yes" | "relative",
        Absolute = "absolute",
    }

    /// Whether bytes given to RESTORE and bytes loaded are checked in depth before use.
    SanitizeDump {
        No = "no",
        Yes = "yes",
        /// Commands of clients only, not those of the primary or the disk.
        Clients = "clients",
    }

    /// Whether a replica may load a snapshot straight from the socket.
    DisklessLoad {
        Disabled = "disabled",
        OnEmptyDb = "on-empty-db",
        Swapdb = "swapdb",
    }

    /// The reaction when a command that came from the primary, or from the append-only file, fails.
    PropagationError {
        Ignore = "ignore",
        Panic = "panic",
        PanicOnReplicas = "panic-on-replicas",
    }

    /// The channels of a user that was made without saying any.
    PubsubDefault {
        AllChannels = "allchannels",
        ResetChannels = "resetchannels",
    }

    /// How cluster redirections name a node.
    EndpointType {
        Ip = "ip",
        Hostname = "hostname",
        Unknown = "unknown-endpoint",
    }

    /// Whether TLS clients must show a certificate.
    TlsAuthClients {
        No = "no",
        Yes = "yes",
        Optional = "optional",
    }

    /// What in a client's certificate names its user.
    TlsAuthClientsUser {
        Off = "off",
        CommonName = "CN",
    }

    /// Which version of the RDB format is written.
    RdbVersion {
        /// The lowest that loses nothing.
        Auto = "auto",
        V9 = "9",
        V10 = "10",
        V11 = "11",
        V12 = "12",
        /// Valkey's own numbering.
        V80 = "80",
    }

    /// Whose layout is used for deadlines of hash fields, on which the two families of servers disagree.
    RdbFieldTtl {
        Redis = "redis",
        Valkey = "valkey",
    }

    /// The treatment of a key that a file has twice.
    RdbDuplicates {
        /// The file is refused.
        Refuse = "refuse",
        /// The later one is kept.
        Replace = "replace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_printed_as_listed() {
        assert_eq!(Eviction::parse(b"ALLKEYS-lru"), Some(Eviction::AllkeysLru));
        assert_eq!(Eviction::parse(b"allkeys"), None);
        assert_eq!(Fsync::Always.word(), "always");
    }

    #[test]
    fn the_first_of_two_words_with_one_meaning_is_printed() {
        assert_eq!(OomScoreAdj::parse(b"relative"), Some(OomScoreAdj::Relative));
        assert_eq!(OomScoreAdj::Relative.word(), "yes");
    }
}
