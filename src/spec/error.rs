//! The errors that a client gets when a request is refused.
//!
//! A reply text is part of the protocol: client libraries match on it. So each text that more than one handler needs
//! is a variant here, written once, and a handler says `Err(Error::Syntax)`. A text that belongs to a single command
//! is written where the command is and arrives as [`Error::Text`]: `return Err("ERR BITOP NOT must be called with a
//! single source key.".into())`.
//!
//! Every text carries its own code as the first word (`ERR`, `WRONGTYPE`, ...) and neither the `-` in front nor the
//! line end: the reply writer adds those, and turns stray line breaks into spaces. Texts may quote bytes of the
//! request, hence bytes and not `str`.
//!
//! Not known here: replies, statistics, and permissions.

use std::borrow::Cow;
use std::fmt;

use crate::base::text::up_to_nul;

/// One refusal. Cheap to make and to pass up: 24 bytes, and no allocation unless the text quotes the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    // Values and arguments.
    WrongType,
    Syntax,
    NotInteger,
    NotFloat,
    /// An integer that is fine but too large or too small here.
    OutOfRange,
    /// A count that may not be negative, when negative or not a number at all.
    NotPositive,
    NoSuchKey,
    IndexOutOfRange,
    OffsetOutOfRange,
    BitOffset,
    Bit,
    StringTooLong,
    SameObject,
    BusyKey,
    Overflow,
    NanOrInfinity,
    ScoreIsNan,
    HashNotInteger,
    HashNotFloat,
    RangeNotFloat,
    RangeNotLex,
    CountRange,
    NumkeysNotPositive,
    KeysNegative,
    KeysExceedArgs,
    DbIndex,
    InvalidCursor,
    InvalidStreamId,
    InvalidHll,
    CorruptHll,

    // Timeouts.
    TimeoutNotFloat,
    TimeoutNotInteger,
    TimeoutNegative,
    TimeoutOutOfRange,

    // May it run now?
    NoAuth,
    WrongPass,
    ExecAbort,
    Loading,
    /// A script has been running for too long, and only `SCRIPT KILL` or `SHUTDOWN NOSAVE` get through.
    BusyScript,
    /// The same for a function, which `FUNCTION KILL` stops.
    BusyFunction,
    NotBusy,
    Unkillable,
    UnkillableByPrimary,
    Oom,
    ReadOnly,
    Misconf,
    MasterDown,
    NoReplicas,
    NoScript,
    NoProto,
    Unblocked,
    UnblockedByRole,
    ClusterDisabled,

    // The errors of ACLs that do not name the key; the texts that name things are built by functions below.
    NoPermKey,
    NoPermChannel,

    /// Anything else, code included.
    Text(Cow<'static, [u8]>),
    /// The same, of a failure that the statistics know already.
    Counted(Box<[u8]>),
}

/// How many bytes of the request an "unknown command" reply repeats: of the command's name, and of all arguments
/// together. Enough to recognise a typing mistake, too little to flood a log.
const QUOTE_BYTES: usize = 128;

impl Error {
    /// The whole text: code, space, sentence.
    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::Counted(text) => text,
            other => other.fixed().as_bytes(),
        }
    }

    /// The first word, under which `INFO errorstats` counts it.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &[u8] {
        let text = self.text();
        let end = text.iter().position(|&byte| byte == b' ');
        &text[..end.unwrap_or(text.len())]
    }

    /// A text that repeats an argument of the request, as Redis prints it: a NUL byte ends the argument, and line
    /// breaks at the end of the text are left out, where the reply writer would make spaces of them.
    pub(crate) fn quoting(before: &str, argument: &[u8], after: &str) -> Self {
        let mut text = [before.as_bytes(), up_to_nul(argument), after.as_bytes()].concat();
        while text.ends_with(b"\n") || text.ends_with(b"\r") {
            text.pop();
        }
        Self::from(text)
    }

    /// A command or subcommand called with too few or too many arguments; `name` is the full one, `config|get`.
    pub(crate) fn arity(name: &str) -> Self {
        Self::from(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    /// Nothing of that name exists. Quotes the beginning of the request, so that the reader of a log can see whether it
    /// was a typing mistake, a newer client, or something that is no Redis client at all.
    pub(crate) fn unknown_command<'a>(
        name: &[u8],
        args: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let mut text = b"ERR unknown command '".to_vec();
        text.extend_from_slice(preview(name, QUOTE_BYTES));
        text.extend_from_slice(b"', with args beginning with: ");
        let start = text.len();
        for arg in args {
            // Quotes and spaces count towards the budget, but an argument is cut only by what stood before it, so the
            // last one may carry the total a little beyond.
            let spent = text.len() - start;
            if spent >= QUOTE_BYTES {
                break;
            }
            text.push(b'\'');
            text.extend_from_slice(preview(arg, QUOTE_BYTES - spent));
            text.extend_from_slice(b"' ");
        }
        Self::from(text)
    }

    /// No ACL category has that name.
    pub(crate) fn unknown_category(name: &[u8]) -> Self {
        Self::quoting("ERR Unknown category '", preview(name, QUOTE_BYTES), "'")
    }

    /// The container exists, the subcommand does not. `container` may come in any case.
    pub(crate) fn unknown_subcommand(container: &str, word: &[u8]) -> Self {
        let mut text = b"ERR unknown subcommand '".to_vec();
        text.extend_from_slice(preview(word, QUOTE_BYTES));
        text.extend_from_slice(b"'. Try ");
        text.extend_from_slice(container.to_ascii_uppercase().as_bytes());
        text.extend_from_slice(b" HELP.");
        Self::from(text)
    }

    /// A handler that finds its own subcommand's arguments do not fit any form it knows: the sentence is the same for a
    /// wrong word and for a wrong number of words.
    pub(crate) fn subcommand_syntax(container: &str, word: &[u8]) -> Self {
        let mut text = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
        text.extend_from_slice(preview(word, QUOTE_BYTES));
        text.extend_from_slice(b"'. Try ");
        text.extend_from_slice(container.to_ascii_uppercase().as_bytes());
        text.extend_from_slice(b" HELP.");
        Self::from(text)
    }

    /// A time to live that is not in the future, or beyond what the clock can count.
    pub(crate) fn invalid_expire(command: &str) -> Self {
        Self::from(format!("ERR invalid expire time in '{command}' command"))
    }

    /// ZUNION and its kin with a key count of zero.
    pub(crate) fn input_keys(command: &str) -> Self {
        Self::from(format!(
            "ERR at least 1 input key is needed for '{command}' command"
        ))
    }

    fn fixed(&self) -> &'static str {
        match self {
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::Syntax => "ERR syntax error",
            Self::NotInteger => "ERR value is not an integer or out of range",
            Self::NotFloat => "ERR value is not a valid float",
            Self::OutOfRange => "ERR value is out of range",
            Self::NotPositive => "ERR value is out of range, must be positive",
            Self::NoSuchKey => "ERR no such key",
            Self::IndexOutOfRange => "ERR index out of range",
            Self::OffsetOutOfRange => "ERR offset is out of range",
            Self::BitOffset => "ERR bit offset is not an integer or out of range",
            Self::Bit => "ERR bit is not an integer or out of range",
            Self::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::SameObject => "ERR source and destination objects are the same",
            Self::BusyKey => "BUSYKEY Target key name already exists.",
            Self::Overflow => "ERR increment or decrement would overflow",
            Self::NanOrInfinity => "ERR increment would produce NaN or Infinity",
            Self::ScoreIsNan => "ERR resulting score is not a number (NaN)",
            Self::HashNotInteger => "ERR hash value is not an integer",
            Self::HashNotFloat => "ERR hash value is not a float",
            Self::RangeNotFloat => "ERR min or max is not a float",
            Self::RangeNotLex => "ERR min or max not valid string range item",
            Self::CountRange => {
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
            }
            Self::NumkeysNotPositive => "ERR numkeys should be greater than 0",
            Self::KeysNegative => "ERR Number of keys can't be negative",
            Self::KeysExceedArgs => "ERR Number of keys can't be greater than number of args",
            Self::DbIndex => "ERR DB index is out of range",
            Self::InvalidCursor => "ERR invalid cursor",
            Self::InvalidStreamId => "ERR Invalid stream ID specified as stream command argument",
            Self::InvalidHll => "WRONGTYPE Key is not a valid HyperLogLog string value.",
            Self::CorruptHll => "INVALIDOBJ Corrupted HLL object detected",
            Self::TimeoutNotFloat => "ERR timeout is not a float or out of range",
            Self::TimeoutNotInteger => "ERR timeout is not an integer or out of range",
            Self::TimeoutNegative => "ERR timeout is negative",
            Self::TimeoutOutOfRange => "ERR timeout is out of range",
            Self::NoAuth => "NOAUTH Authentication required.",
            Self::WrongPass => "WRONGPASS invalid username-password pair or user is disabled.",
            Self::ExecAbort => "EXECABORT Transaction discarded because of previous errors.",
            Self::Loading => "LOADING Redis is loading the dataset in memory",
            Self::BusyScript => {
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
            }
            Self::BusyFunction => {
                "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
            }
            Self::NotBusy => "NOTBUSY No scripts in execution right now.",
            Self::Unkillable => {
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait \
                 the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
            }
            Self::UnkillableByPrimary => UNKILLABLE_BY_PRIMARY,
            Self::Oom => "OOM command not allowed when used memory > 'maxmemory'.",
            Self::ReadOnly => "READONLY You can't write against a read only replica.",
            Self::Misconf => MISCONF,
            Self::MasterDown => {
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
            }
            Self::NoReplicas => "NOREPLICAS Not enough good replicas to write.",
            Self::NoScript => "NOSCRIPT No matching script. Please use EVAL.",
            Self::NoProto => "NOPROTO unsupported protocol version",
            Self::Unblocked => "UNBLOCKED client unblocked via CLIENT UNBLOCK",
            Self::UnblockedByRole => {
                "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
            }
            Self::ClusterDisabled => "ERR This instance has cluster support disabled",
            Self::NoPermKey => "NOPERM No permissions to access a key",
            Self::NoPermChannel => "NOPERM No permissions to access a channel",
            Self::Text(_) | Self::Counted(_) => "",
        }
    }
}

const UNKILLABLE_BY_PRIMARY: &str = "UNKILLABLE The busy script was sent by a master instance in the context of \
                                     replication and cannot be killed.";

const MISCONF: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
                       Commands that may modify the data set are disabled, because this instance is configured to \
                       report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). \
                       Please check the Redis logs for details about the RDB error.";

/// As much of `bytes` as C would print with a precision of `most`: a NUL ends it early.
fn preview(bytes: &[u8], most: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(most)];
    up_to_nul(bytes)
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(self.text()))
    }
}

impl std::error::Error for Error {}

impl From<&'static str> for Error {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Error {
    fn from(text: Vec<u8>) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_small() {
        assert_eq!(size_of::<Error>(), 24);
        assert_eq!(size_of::<Result<(), Error>>(), 24);
    }

    #[test]
    fn the_first_word_is_the_code() {
        assert_eq!(Error::WrongType.code(), b"WRONGTYPE");
        assert_eq!(Error::arity("get").code(), b"ERR");
        assert_eq!(Error::from("LOADING").code(), b"LOADING");
        assert_eq!(Error::from("").code(), b"");
    }

    #[test]
    fn an_unknown_command_quotes_at_most_its_budget() {
        fn told(name: &[u8], args: &[&[u8]]) -> String {
            Error::unknown_command(name, args.iter().copied()).to_string()
        }
        let head = "ERR unknown command 'foo', with args beginning with: ";
        assert_eq!(told(b"foo", &[]), head);
        assert_eq!(told(b"foo", &[b"", b"a\0b"]), format!("{head}'' 'a' "));
        let long = "a".repeat(200);
        let cut = "a".repeat(128);
        assert_eq!(told(b"foo", &[long.as_bytes()]), format!("{head}'{cut}' "));
        // 124 bytes and three of quoting leave one byte for the next argument.
        let nearly = "a".repeat(124);
        assert_eq!(
            told(b"foo", &[nearly.as_bytes(), b"qqqq", b"r"]),
            format!("{head}'{nearly}' 'q' ")
        );
        assert_eq!(
            told(long.as_bytes(), &[]),
            format!("ERR unknown command '{cut}', with args beginning with: ")
        );
    }

    #[test]
    fn an_unknown_subcommand_points_to_help() {
        let error = Error::unknown_subcommand("config", b"nope\0x");
        assert_eq!(
            error.to_string(),
            "ERR unknown subcommand 'nope'. Try CONFIG HELP."
        );
    }
}
