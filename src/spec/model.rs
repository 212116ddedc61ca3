//! The shape of a row: what can be said about a command.
//!
//! Everything is `'static` and `Copy`-cheap. The small constructors are `const` and chain, so that rows read like the
//! documentation they produce:
//!
//! ```text
//! keys: &[KeySpec::at(1).flags(&[RW, ACCESS, UPDATE])],
//! args: &[
//!     Arg::key("key", 0),
//!     Arg::one_of("condition", &[Arg::word("NX"), Arg::word("XX")]).optional(),
//! ],
//! ```
//!
//! Nothing is written that can be derived: the names of subcommands apart from their container, the ACL categories that
//! follow from flags, the old triple of first key, last key and step, and whether keys move. The derivations below give
//! exactly what Redis derives from the same facts.

use std::borrow::Cow;

use super::flags::{ArgFlags, Categories, DocFlags, Flags, KeyFlags, arg, category, doc, flag};

/// One command or subcommand.
#[derive(Debug)]
pub struct Spec {
    /// In lower case, and in full: `get`, `config|get`.
    pub name: &'static str,
    /// As COMMAND shows it, where that is not `name`: what Redis has as a module keeps the case it was registered in.
    pub(crate) shown: &'static str,
    pub group: Group,
    /// Which of [`super::modules`] it is of; empty for most.
    pub(crate) module: &'static str,
    pub(crate) since: &'static str,
    pub(crate) summary: &'static str,
    /// Empty when the documentation gives none.
    pub(crate) complexity: &'static str,
    /// How many words a request has, the name included; negative when it has at least as many.
    pub arity: i32,
    pub flags: Flags,
    /// Off unless the configuration allows it.
    pub(crate) protected_by: Option<Protection>,
    /// It runs code, which may say for itself what it does.
    pub(crate) code: Option<Code>,
    pub propagates: Propagates,
    /// The ACL categories that do not follow from the flags.
    pub(crate) acl: Categories,
    pub tips: &'static [&'static str],
    pub(crate) keys: &'static [KeySpec],
    /// Set where specs alone cannot tell the keys, or not what happens to them.
    pub(crate) key_rule: Option<KeyRule>,
    /// Which words are channels that a user needs permission for.
    pub(crate) channels: Channels,
    /// Which databases it reaches.
    pub(crate) databases: Databases,
    pub args: &'static [Arg],
    /// Changes, by version.
    pub(crate) history: &'static [(&'static str, &'static str)],
    pub(crate) deprecated: Option<Deprecated>,
    /// For the server's own use: documentation marks it, and people should not call it.
    pub is_internal: bool,
    pub subcommands: &'static [&'static Spec],
    /// The lines of a container's HELP between its first line and its last two, which are the same everywhere. Stands
    /// in the row of the subcommand HELP.
    pub(crate) help: &'static [&'static str],
}

/// How the first argument of a command says which code it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// It is the text.
    Text,
    /// The digest of the text.
    Digest,
    /// The name of a function.
    Function,
}

/// Which parameter a command needs that can harm the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// `enable-debug-command`
    Debug,
    /// `enable-module-command`
    Module,
}

/// How a command reaches the append-only file and the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagates {
    /// Not at all: it changes nothing, or nothing that is part of the data set.
    Never,
    /// As it was received, if it changed something.
    AsReceived,
    /// As it was received, whether or not it changed something: replicas empty their copy even when ours was empty.
    Always,
    /// As it was received, whether or not it changed something, but to replicas only: a message is not part of the data
    /// set, so a file that is read at the next start has no use for it.
    ToReplicas,
    /// As it was received, or by other commands where its effect depends on chance, on the clock or on what was there.
    OrInstead,
    /// Only by the commands that its handler names, if it names any.
    Instead,
    /// The commands that it runs propagate, each in its own way, and it adds nothing: EXEC and scripts.
    Parts,
}

/// Since when a command should no longer be used, and what to use instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deprecated {
    pub(crate) since: &'static str,
    pub(crate) replaced_by: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    /// Of a type that Redis ships as a module.
    Module,
    PubSub,
    Scripting,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

/// Where keys stand in a request: where to begin, then which words to take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySpec {
    pub(crate) begin: Begin,
    pub(crate) find: Find,
    pub(crate) flags: KeyFlags,
    /// Empty when there is nothing to add.
    pub(crate) notes: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    Index(usize),
    /// Behind the first such word, looking from word `from` on; when negative, from the end backwards.
    Keyword {
        word: &'static str,
        from: i32,
    },
    /// Only code can tell.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Find {
    /// From the beginning to `last` words behind it, or when negative, before the end of the request; `limit` 2 stops
    /// halfway there, 3 after a third.
    Range { last: i32, step: i32, limit: i32 },
    /// A word says how many there are: it and the first key are so many words behind the beginning.
    Keynum { at: i32, first: i32, step: i32 },
    /// Only code can tell.
    Unknown,
}

/// Which reading of the whole request `spec::keys` applies instead of, or after, the key specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRule {
    /// Whether the old value is read depends on GET.
    Set,
    /// Whether anything is written depends on the operations.
    Bitfield,
    /// STORE may stand anywhere, and the last one counts.
    Sort,
    /// There is no STORE, so the first key is all.
    SortReadOnly,
    /// Either the key in its place, or an empty one there and a list at the end.
    Migrate,
}

/// Which words of a request name channels that it publishes to or listens to. Leaving a channel needs no permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    None,
    /// The first argument.
    First,
    /// All arguments.
    All,
    /// All arguments, and each may stand for many channels.
    Patterns,
}

/// Which databases a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Databases {
    /// The one that the session is in, if the command has to do with keys.
    Current,
    /// The first argument, which the session is in from then on.
    Entered,
    /// These words, and the one that the session is in if the command has keys.
    Named(&'static [usize]),
    /// What stands behind each DB from the third argument on, and the one that the session is in.
    Options,
    All,
}

/// One argument of the grammar.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Empty for a bare token of that name; use [`Arg::name`].
    name: &'static str,
    pub kind: ArgKind,
    shown: &'static str,
    pub(crate) key_spec: Option<u8>,
    pub token: Option<&'static str>,
    pub(crate) since: Option<&'static str>,
    pub(crate) deprecated_since: Option<&'static str>,
    pub flags: ArgFlags,
    /// The parts of a block, or the choices.
    pub args: &'static [Arg],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl Spec {
    /// The values of fields that a row leaves out.
    pub(crate) const BLANK: Self = Self {
        name: "",
        shown: "",
        group: Group::Generic,
        module: "",
        since: "",
        summary: "",
        complexity: "",
        arity: 0,
        flags: Flags::NONE,
        protected_by: None,
        code: None,
        propagates: Propagates::Never,
        acl: Categories::NONE,
        tips: &[],
        keys: &[],
        key_rule: None,
        channels: Channels::None,
        databases: Databases::Current,
        args: &[],
        history: &[],
        deprecated: None,
        is_internal: false,
        subcommands: &[],
        help: &[],
    };

    /// The name as COMMAND and statistics show it.
    #[inline]
    pub(crate) fn shown_name(&self) -> &'static str {
        if self.shown.is_empty() {
            self.name
        } else {
            self.shown
        }
    }

    /// The name as typed: `get` of `config|get`.
    pub(crate) fn word(&self) -> &'static str {
        self.name
            .split_once('|')
            .map_or(self.name, |(_, word)| word)
    }

    /// The container of a subcommand: `config` of `config|get`.
    pub(crate) fn container(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(container, _)| container)
    }

    pub fn is_container(&self) -> bool {
        !self.subcommands.is_empty()
    }

    pub(crate) fn subcommand(&self, word: &[u8]) -> Option<&'static Spec> {
        let named = |spec: &&&Self| spec.word().as_bytes().eq_ignore_ascii_case(word);
        self.subcommands.iter().find(named).copied()
    }

    /// Whether a request of `words` words, name included, may be meant.
    pub(crate) const fn takes(&self, words: usize) -> bool {
        let words = words as i64;
        let arity = self.arity as i64;
        words == arity || words >= -arity && arity < 0
    }

    /// All ACL categories, those that follow from the flags included.
    pub(crate) const fn categories(&self) -> Categories {
        let mut all = self.acl;
        // A module says itself which categories its commands are in, and one that says nothing means none.
        if !self.module.is_empty() && self.acl.is_empty() {
            return all;
        }
        if self.flags.has(flag::WRITE) {
            all = all.with(category::WRITE);
        }
        // A read-only script is no plain read: a user that may only read must not get to run code.
        if self.flags.has(flag::READONLY) && !self.acl.has(category::SCRIPTING) {
            all = all.with(category::READ);
        }
        if self.flags.has(flag::ADMIN) {
            all = all.with(category::ADMIN).with(category::DANGEROUS);
        }
        if self.flags.has(flag::PUBSUB) {
            all = all.with(category::PUBSUB);
        }
        if self.flags.has(flag::BLOCKING) {
            all = all.with(category::BLOCKING);
        }
        all.with(if self.flags.has(flag::FAST) {
            category::FAST
        } else {
            category::SLOW
        })
    }

    /// The flags with what follows from the key specs, as COMMAND INFO prints them.
    pub(crate) fn all_flags(&self) -> Flags {
        let mut flags = self.flags;
        if self.is_movable() {
            flags = flags.with(flag::MOVABLEKEYS);
        }
        if !self.module.is_empty() {
            flags = flags.with(flag::MODULE);
        }
        flags
    }

    pub(crate) fn doc_flags(&self) -> DocFlags {
        let mut flags = DocFlags::NONE;
        if self.deprecated.is_some() {
            flags = flags.with(doc::DEPRECATED);
        }
        if self.is_internal {
            flags = flags.with(doc::SYSCMD);
        }
        flags
    }

    /// Whether there are keys that [`Spec::key_range`] does not cover.
    pub(crate) fn is_movable(&self) -> bool {
        self.legacy_range().1
    }

    /// First key, last key (negative: counted from the end) and step: all that clients could be told about keys before
    /// there were key specs. Zeros when there are no keys, or none that the triple can express.
    pub(crate) fn key_range(&self) -> (i32, i32, i32) {
        self.legacy_range().0
    }

    /// Which word of a request names an element of what its first key holds; 0 if none does, or not at a fixed place.
    /// With several elements it is the first, and options in front of it are taken to be absent.
    pub(crate) fn element(&self) -> u8 {
        let mut word = 1;
        let required = self
            .args
            .iter()
            .filter(|part| !part.flags.any(arg::OPTIONAL));
        for argument in required {
            let parts = if argument.kind == ArgKind::Block {
                argument.args
            } else {
                std::slice::from_ref(argument)
            };
            for part in parts {
                if part.token.is_none() && matches!(part.name, "field" | "member") {
                    return word;
                }
                word += 1;
            }
        }
        0
    }

    /// One spec translates as it is. Several join into one range as long as each starts where the one before ended;
    /// those that do not join are left out, and the keys are said to move.
    fn legacy_range(&self) -> ((i32, i32, i32), bool) {
        let plain = |spec: &KeySpec| match (spec.begin, spec.find) {
            (Begin::Index(first), Find::Range { last, step, .. }) => {
                let first = first as i32;
                Some((first, if last < 0 { last } else { first + last }, step))
            }
            _ => None,
        };
        if let [only] = self.keys
            && let Some(range) = plain(only)
        {
            return (range, false);
        }
        let (mut range, mut is_movable) = ((0, 0, 0), false);
        for spec in self.keys {
            match plain(spec) {
                Some((first, last, 1)) if range.2 == 0 => range = (first, last, 1),
                Some((first, last, 1)) if first == range.1 + 1 => range.1 = last,
                _ => is_movable = true,
            }
        }
        (range, is_movable)
    }
}

impl Protection {
    /// The commands that it is about, as the refusal calls them.
    pub(crate) const fn commands(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Module => "MODULE",
        }
    }

    pub(crate) const fn parameter(self) -> &'static str {
        match self {
            Self::Debug => "enable-debug-command",
            Self::Module => "enable-module-command",
        }
    }
}

impl Propagates {
    /// The word for it in what other programs read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::AsReceived => "as-received",
            Self::Always => "always",
            Self::ToReplicas => "to-replicas",
            Self::OrInstead => "or-instead",
            Self::Instead => "instead",
            Self::Parts => "parts",
        }
    }

    /// Whether the handler may name commands to propagate in place of the one that was received.
    pub(crate) const fn may_name_others(self) -> bool {
        matches!(self, Self::OrInstead | Self::Instead)
    }
}

impl Group {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::Module => "module",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }
}

impl KeySpec {
    /// One key, the word at `index`.
    pub(crate) const fn at(index: usize) -> Self {
        Self::new(Begin::Index(index), Self::ONE)
    }

    /// A word at `index` says how many keys follow it.
    pub(crate) const fn counted_at(index: usize) -> Self {
        let find = Find::Keynum {
            at: 0,
            first: 1,
            step: 1,
        };
        Self::new(Begin::Index(index), find)
    }

    /// One key, behind `word`, which is looked for from word `from` on.
    pub(crate) const fn after(word: &'static str, from: i32) -> Self {
        Self::new(Begin::Keyword { word, from }, Self::ONE)
    }

    /// Keys that no spec can describe; `spec::keys` knows them.
    pub(crate) const fn unknown() -> Self {
        Self::new(Begin::Unknown, Find::Unknown)
    }

    /// More keys, up to `last` words behind the first or, when negative, before the end of the request.
    #[must_use]
    pub(crate) const fn to(mut self, last: i32) -> Self {
        if let Find::Range { step, limit, .. } = self.find {
            self.find = Find::Range { last, step, limit };
        }
        self
    }

    /// Every so many words is a key.
    #[must_use]
    pub(crate) const fn step(mut self, step: i32) -> Self {
        if let Find::Range { last, limit, .. } = self.find {
            self.find = Find::Range { last, step, limit };
        }
        self
    }

    /// Only the first half of the words are keys.
    #[must_use]
    pub(crate) const fn first_half(mut self) -> Self {
        if let Find::Range { last, step, .. } = self.find {
            self.find = Find::Range {
                last,
                step,
                limit: 2,
            };
        }
        self
    }

    #[must_use]
    pub(crate) const fn flags(mut self, flags: &[KeyFlags]) -> Self {
        self.flags = KeyFlags::of(flags);
        self
    }

    #[must_use]
    pub(crate) const fn note(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }

    const ONE: Find = Find::Range {
        last: 0,
        step: 1,
        limit: 0,
    };

    const fn new(begin: Begin, find: Find) -> Self {
        Self {
            begin,
            find,
            flags: KeyFlags::NONE,
            notes: "",
        }
    }
}

impl Arg {
    pub(crate) const fn string(name: &'static str) -> Self {
        Self::new(name, ArgKind::String)
    }

    pub(crate) const fn integer(name: &'static str) -> Self {
        Self::new(name, ArgKind::Integer)
    }

    pub(crate) const fn double(name: &'static str) -> Self {
        Self::new(name, ArgKind::Double)
    }

    pub(crate) const fn pattern(name: &'static str) -> Self {
        Self::new(name, ArgKind::Pattern)
    }

    pub(crate) const fn unix_time(name: &'static str) -> Self {
        Self::new(name, ArgKind::UnixTime)
    }

    /// A key that the key spec numbered `spec` finds.
    pub(crate) const fn key(name: &'static str, spec: u8) -> Self {
        Self::new(name, ArgKind::Key).key_spec(spec)
    }

    /// A bare token; its name is the token in lower case.
    pub(crate) const fn word(token: &'static str) -> Self {
        Self::new("", ArgKind::PureToken).token(token)
    }

    /// A bare token with a name of its own.
    pub(crate) const fn named_word(name: &'static str, token: &'static str) -> Self {
        Self::new(name, ArgKind::PureToken).token(token)
    }

    pub(crate) const fn one_of(name: &'static str, choices: &'static [Self]) -> Self {
        let mut arg = Self::new(name, ArgKind::OneOf);
        arg.args = choices;
        arg
    }

    pub(crate) const fn block(name: &'static str, parts: &'static [Self]) -> Self {
        let mut arg = Self::new(name, ArgKind::Block);
        arg.args = parts;
        arg
    }

    /// The word that stands before it.
    #[must_use]
    pub(crate) const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// The name in syntax lines, when it is not the argument's own.
    #[must_use]
    pub(crate) const fn shown(mut self, text: &'static str) -> Self {
        self.shown = text;
        self
    }

    /// The key spec that finds it, for the patterns of SORT, which are keys of a kind.
    #[must_use]
    pub(crate) const fn key_spec(mut self, spec: u8) -> Self {
        self.key_spec = Some(spec);
        self
    }

    #[must_use]
    pub(crate) const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    #[must_use]
    pub(crate) const fn deprecated_since(mut self, version: &'static str) -> Self {
        self.deprecated_since = Some(version);
        self
    }

    #[must_use]
    pub(crate) const fn optional(mut self) -> Self {
        self.flags = self.flags.with(arg::OPTIONAL);
        self
    }

    #[must_use]
    pub(crate) const fn multiple(mut self) -> Self {
        self.flags = self.flags.with(arg::MULTIPLE);
        self
    }

    /// Repeated together with its token.
    #[must_use]
    pub(crate) const fn multiple_token(mut self) -> Self {
        self.flags = self.flags.with(arg::MULTIPLE).with(arg::MULTIPLE_TOKEN);
        self
    }

    pub fn name(&self) -> Cow<'static, str> {
        match self.token {
            Some(token) if self.name.is_empty() => Cow::Owned(token.to_ascii_lowercase()),
            _ => Cow::Borrowed(self.name),
        }
    }

    /// The name in syntax lines; choices and blocks are shown by their parts.
    pub(crate) fn display_text(&self) -> Option<Cow<'static, str>> {
        match self.kind {
            ArgKind::OneOf | ArgKind::Block => None,
            _ if self.shown.is_empty() => Some(self.name()),
            _ => Some(Cow::Borrowed(self.shown)),
        }
    }

    const fn new(name: &'static str, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            shown: "",
            key_spec: None,
            token: None,
            since: None,
            deprecated_since: None,
            flags: ArgFlags::NONE,
            args: &[],
        }
    }
}

impl ArgKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}
