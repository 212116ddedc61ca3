//! The row of the table: the one place where a parameter's name, default, limits and consequences are written.
//!
//! A row reaches its field of [`Config`] through a few plain functions, made by the macros at the end from nothing but
//! the field's name. So the fields stay typed and public for hot paths, while CONFIG GET, CONFIG SET, the file's reader
//! and its rewriter see every parameter in the same way.

use super::fields::Config;
use super::values::{Line, Reason, Source, memory_text, parse_memory};
use crate::base::num::parse_i64;
use crate::base::text::{is_word, same_word, split_args};

/// One parameter.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// An older name, which is as good as the first everywhere.
    pub(crate) alias: Option<&'static str>,
    pub(crate) kind: Kind,
    /// As it would stand in a file. Parsed once, when a `Config` is made.
    pub(crate) default: &'static str,
    /// May only be given at start-up.
    pub(crate) immutable: bool,
    /// Shown only to a client that asks by the full name.
    pub(crate) hidden: bool,
    /// Dangerous in the hands of a client; `enable-protected-configs` has to allow changing it.
    pub(crate) protected: bool,
    /// Not to be changed while the data is being loaded.
    pub(crate) deny_loading: bool,
    /// The value may be spread over several words; a single word is split at its spaces.
    pub(crate) many: bool,
    /// A password or the like: not for logs, slow logs and MONITOR.
    pub(crate) sensitive: bool,
    /// Worth acting on even when the same value is set again, as what it names may have changed: certificates.
    pub(crate) volatile: bool,
    /// Known to this server only. A rewritten file has it only if it differs from the default, so that Redis can read
    /// the file too.
    pub(crate) ours: bool,
    /// The work that has to be done after a change, by the engine and by the shell.
    pub(crate) within: Option<Within>,
    pub(crate) outside: Option<Outside>,
}

/// The form of a parameter's value, and how to reach it.
#[derive(Debug)]
pub(crate) enum Kind {
    Bool {
        get: fn(&Config) -> bool,
        set: fn(&mut Config, bool),
    },
    Number {
        get: fn(&Config) -> i128,
        set: fn(&mut Config, i128),
        min: i128,
        max: i128,
        form: Form,
    },
    Word {
        get: fn(&Config) -> &'static str,
        set: fn(&mut Config, &[u8]) -> Result<(), Reason>,
        words: fn() -> Vec<&'static str>,
    },
    Text {
        get: fn(&Config) -> &[u8],
        set: fn(&mut Config, Vec<u8>),
        check: fn(&[u8]) -> Result<(), Reason>,
        /// Whether empty means "none", which a file says by having no line.
        empty_is_none: bool,
    },
    Special {
        get: fn(&Config) -> Vec<u8>,
        set: fn(&mut Config, &[Vec<u8>], Source) -> Taken,
        lines: fn(&Config, &Config) -> Vec<Line>,
    },
}

/// Whether a value was taken.
type Taken = Result<(), Reason>;

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    /// With or without a unit.
    Memory,
    Octal,
}

/// The engine's work when a parameter changes while the server runs. It cannot fail.
///
/// Most changes need no effect: the engine derives its figures from the configuration again after each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// Warn if more is in use than there may be from now on.
    MaxMemory,
    /// Give the default user the password.
    DefaultPassword,
    /// Drop entries of the slow log, which is now too long.
    SlowLog,
}

/// The shell's work, because it concerns sockets, files or the process. It may fail: then all parameters of the change
/// go back ([`Config::roll_back`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    /// Listen on another port or other addresses.
    Listen,
    /// Read certificates and TLS settings again.
    Tls,
    /// Listen for encrypted connections on another port.
    ListenTls,
    /// How connections are accepted and kept alive.
    Connections,
    /// See whether the operating system has so many descriptors.
    MaxClients,
    /// Start or stop the append-only file.
    AppendOnly,
    /// Enter the directory.
    Dir,
    OomScore,
    /// Give level and format to the logger.
    Logging,
    /// The report of a crash, and how it ends.
    Crash,
    /// The allocator's own thread.
    AllocatorThread,
    ProcTitle,
}

impl Row {
    pub(super) const fn new(name: &'static str, kind: Kind, default: &'static str) -> Row {
        Row {
            name,
            alias: None,
            kind,
            default,
            immutable: false,
            hidden: false,
            protected: false,
            deny_loading: false,
            many: false,
            sensitive: false,
            volatile: false,
            ours: false,
            within: None,
            outside: None,
        }
    }

    pub(super) const fn alias(self, alias: &'static str) -> Row {
        Row {
            alias: Some(alias),
            ..self
        }
    }

    pub(super) const fn immutable(self) -> Row {
        Row {
            immutable: true,
            ..self
        }
    }

    pub(super) const fn hidden(self) -> Row {
        Row {
            hidden: true,
            ..self
        }
    }

    pub(super) const fn protected(self) -> Row {
        Row {
            protected: true,
            ..self
        }
    }

    pub(super) const fn deny_loading(self) -> Row {
        Row {
            deny_loading: true,
            ..self
        }
    }

    pub(super) const fn many(self) -> Row {
        Row { many: true, ..self }
    }

    pub(super) const fn sensitive(self) -> Row {
        Row {
            sensitive: true,
            ..self
        }
    }

    pub(super) const fn volatile(self) -> Row {
        Row {
            volatile: true,
            ..self
        }
    }

    /// Hidden too, so that tools which walk over CONFIG GET * see what Redis would show.
    pub(super) const fn ours(self) -> Row {
        Row {
            ours: true,
            hidden: true,
            ..self
        }
    }

    pub(super) const fn within(self, effect: Within) -> Row {
        Row {
            within: Some(effect),
            ..self
        }
    }

    pub(super) const fn outside(self, effect: Outside) -> Row {
        Row {
            outside: Some(effect),
            ..self
        }
    }

    /// Whether this is the parameter's name or its older one, in any case.
    pub(crate) fn is_called(&self, name: &[u8]) -> bool {
        let is = |own: &str| same_word(own.as_bytes(), name);
        is(self.name) || self.alias.is_some_and(is)
    }

    /// The value as CONFIG GET shows it.
    pub(crate) fn print(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            Kind::Bool { get, .. } => yes_or_no(get(config)).into(),
            Kind::Number {
                get,
                form: Form::Octal,
                ..
            } => format!("{:o}", get(config)).into(),
            Kind::Number { get, .. } => get(config).to_string().into(),
            Kind::Word { get, .. } => get(config).into(),
            Kind::Text { get, .. } => get(config).into(),
            Kind::Special { get, .. } => get(config),
        }
    }

    /// Takes the words that follow the name, however they came.
    pub(crate) fn set(
        &self,
        config: &mut Config,
        words: &[Vec<u8>],
        from: Source,
    ) -> Result<(), Reason> {
        let split: Vec<Vec<u8>>;
        let words = match words {
            [] | [_] if self.many => {
                split = split_words(words.first().map_or(&[], Vec::as_slice), from)?;
                &split
            }
            [] | [_, _, ..] if !self.many => return Err("wrong number of arguments".into()),
            _ => words,
        };
        let word = words[0].as_slice();
        match &self.kind {
            Kind::Bool { set, .. } if is_word(word, b"yes") => set(config, true),
            Kind::Bool { set, .. } if is_word(word, b"no") => set(config, false),
            Kind::Bool { .. } => return Err("argument must be 'yes' or 'no'".into()),
            Kind::Number {
                set,
                min,
                max,
                form,
                ..
            } => {
                let number = form.parse(word)?;
                if !(*min..=*max).contains(&number) {
                    return Err(form.out_of_range(*min, *max));
                }
                set(config, number);
            }
            Kind::Word { set, .. } => set(config, word)?,
            Kind::Text { set, check, .. } => {
                check(word)?;
                set(config, word.to_vec());
            }
            Kind::Special { set, .. } => set(config, words, from)?,
        }
        Ok(())
    }

    /// The lines it takes in a file, without its name.
    pub(crate) fn lines(&self, config: &Config, default: &Config) -> Vec<Line> {
        match &self.kind {
            Kind::Bool { get, .. } => {
                vec![Line::new(
                    yes_or_no(get(config)),
                    get(config) != get(default),
                )]
            }
            Kind::Number { get, form, .. } => {
                let text = match form {
                    Form::Plain => get(config).to_string(),
                    Form::Memory => memory_text(get(config) as u64),
                    Form::Octal => format!("{:o}", get(config)),
                };
                vec![Line::new(text, get(config) != get(default))]
            }
            Kind::Word { get, .. } => vec![Line::new(get(config), get(config) != get(default))],
            Kind::Text {
                get, empty_is_none, ..
            } if *empty_is_none && get(config).is_empty() => Vec::new(),
            Kind::Text { get, .. } => vec![Line::quoted(get(config), get(config) != get(default))],
            Kind::Special { lines, .. } => lines(config, default),
        }
    }
}

/// The words of a value that has several but came as one. A line's quoting holds here too, as people nest it:
/// `--save '""'` is how many a container turns snapshots off. CONFIG SET knows nothing but single spaces.
fn split_words(one: &[u8], from: Source) -> Result<Vec<Vec<u8>>, Reason> {
    let words = match from {
        Source::Client => one
            .split(|byte| *byte == b' ')
            .map(<[u8]>::to_vec)
            .collect(),
        Source::FirstLine | Source::LaterLine => {
            split_args(one).ok_or("Unbalanced quotes in configuration line")?
        }
    };
    Ok(if words.is_empty() {
        vec![Vec::new()]
    } else {
        words
    })
}

impl Form {
    fn parse(self, word: &[u8]) -> Result<i128, Reason> {
        match self {
            Form::Plain => parse_i64(word)
                .map(i128::from)
                .ok_or("argument couldn't be parsed into an integer".into()),
            Form::Memory => parse_memory(word)
                .map(i128::from)
                .ok_or("argument must be a memory value".into()),
            Form::Octal => {
                parse_octal(word).ok_or("argument couldn't be parsed as an octal number".into())
            }
        }
    }

    fn out_of_range(self, min: i128, max: i128) -> Reason {
        match self {
            Form::Plain | Form::Memory => {
                format!("argument must be between {min} and {max} inclusive").into()
            }
            Form::Octal => format!("argument must be between {min:o} and {max:o} inclusive").into(),
        }
    }
}

/// An octal number, possibly negative, so that it can be refused as out of range. Nothing at all is 0, as for C.
fn parse_octal(word: &[u8]) -> Option<i128> {
    let (sign, digits) = match word {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    if !digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) || digits.len() > 20 {
        return None;
    }
    Some(
        sign * digits
            .iter()
            .fold(0, |value, digit| value * 8 + i128::from(digit - b'0')),
    )
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// For texts that may be anything.
pub(crate) fn anything(_text: &[u8]) -> Result<(), Reason> {
    Ok(())
}

// How rows name their fields. Each macro only spells out the functions that reach a field.

macro_rules! boolean {
    ($field:ident) => {
        crate::config::row::Kind::Bool {
            get: |config| config.$field,
            set: |config, value| config.$field = value,
        }
    };
}

macro_rules! number {
    ($field:ident, $min:expr, $max:expr) => {
        number!($field, $min, $max, crate::config::row::Form::Plain)
    };
    ($field:ident, $min:expr, $max:expr, $form:expr) => {
        crate::config::row::Kind::Number {
            get: |config| config.$field as i128,
            // In range of the field, because the limits are.
            set: |config, value| config.$field = value as _,
            min: $min as i128,
            max: $max as i128,
            form: $form,
        }
    };
}

macro_rules! memory {
    ($field:ident, $min:expr, $max:expr) => {
        number!($field, $min, $max, crate::config::row::Form::Memory)
    };
}

macro_rules! word {
    ($field:ident: $type:ty) => {
        crate::config::row::Kind::Word {
            get: |config| crate::config::words::Word::word(config.$field),
            set: |config, text| {
                let value = <$type as crate::config::words::Word>::parse(text);
                config.$field = value.ok_or_else(crate::config::values::one_of_words::<$type>)?;
                Ok(())
            },
            words: || {
                <$type as crate::config::words::Word>::ALL
                    .iter()
                    .map(|(word, _)| *word)
                    .collect()
            },
        }
    };
}

/// A text that always is one, even when empty.
macro_rules! text {
    ($field:ident) => {
        text!($field, crate::config::row::anything)
    };
    ($field:ident, $check:expr) => {
        text!($field, $check, false)
    };
    ($field:ident, $check:expr, $empty_is_none:literal) => {
        crate::config::row::Kind::Text {
            get: |config| &config.$field,
            set: |config, value| config.$field = value,
            check: $check,
            empty_is_none: $empty_is_none,
        }
    };
}

/// A text that may be missing.
macro_rules! optional {
    ($field:ident) => {
        text!($field, crate::config::row::anything, true)
    };
    ($field:ident, $check:expr) => {
        text!($field, $check, true)
    };
}

macro_rules! special {
    ($field:ident) => {
        crate::config::row::Kind::Special {
            get: |config| crate::config::values::Value::print(&config.$field),
            set: |config, words, from| {
                crate::config::values::Value::set(&mut config.$field, words, from)
            },
            lines: |config, default| {
                crate::config::values::Value::lines(&config.$field, &default.$field)
            },
        }
    };
}

pub(crate) use {boolean, memory, number, optional, special, text, word};
