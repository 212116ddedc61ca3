//! May this user do that?
//!
//! A request is allowed if one selector allows its command, each of its keys, each of its channels and each database
//! that it reaches. Otherwise the reason is the one of the selector that came nearest: a key or a channel that is out
//! of reach says more than a command that is not allowed, and a later word more than an earlier one.
//!
//! A key has to match one pattern that grants all the command does to it: what is told of its content is reading,
//! what is inserted, changed or removed is writing. Two patterns do not add up.

use crate::base::glob;
use crate::base::text::{is_word, same_word, up_to_nul};
use crate::spec::flags::{KeyFlags, flag};
use crate::spec::keys::{self, KeyAt, Wanted, Words};
use crate::spec::{Channels, Spec};

use super::rights::Rights;
use super::selector::{KeyPattern, Selector};
use super::user::User;

/// A request: its command with its number, and its words.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a, W: Words + ?Sized> {
    pub(crate) spec: &'static Spec,
    pub(crate) number: u16,
    pub(crate) words: &'a W,
    pub(crate) place: Whereabouts,
}

/// Where a request would run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whereabouts {
    /// The database that the session is in.
    pub(crate) db: u16,
    /// How many there are.
    pub(crate) count: u32,
}

/// What stands in a request's way: the command, or the word of that number. 0 is a database that no word names. They
/// are in the order of what they tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denial {
    Database(usize),
    Command,
    Key(usize),
    Channel(usize),
}

impl Denial {
    /// The words for it; `object` is the command, key or channel. They name a key or a channel only to who asks about
    /// somebody else.
    pub(crate) fn text(self, user: &[u8], spec: &Spec, object: &[u8], names: bool) -> Vec<u8> {
        let whom = [b"User ", user].concat();
        let what = match self {
            Self::Command => {
                let text = format!(" has no permissions to run the '{}' command", spec.name);
                return [whom, text.into_bytes()].concat();
            }
            Self::Database(_) if names => {
                return [
                    &whom,
                    b" has no permissions to access database ".as_slice(),
                    object,
                ]
                .concat();
            }
            Self::Database(_) => return b"No permissions to access database".to_vec(),
            Self::Key(_) => "key",
            Self::Channel(_) => "channel",
        };
        if names {
            let end = format!("' {what}");
            return [
                &whom,
                b" has no permissions to access the '".as_slice(),
                object,
                end.as_bytes(),
            ]
            .concat();
        }
        format!("No permissions to access a {what}").into_bytes()
    }

    /// The command, key, channel or database that is denied. A database that no word names goes by the command.
    pub(crate) fn object<'a, W: Words + ?Sized>(
        self,
        spec: &'static Spec,
        words: &'a W,
    ) -> &'a [u8] {
        match self {
            Self::Command | Self::Database(0) => spec.name.as_bytes(),
            Self::Database(at) | Self::Key(at) | Self::Channel(at) => words.word(at),
        }
    }
}

impl User {
    /// Why this user may not do it; none if it may.
    pub(crate) fn denial<W: Words + ?Sized>(&self, asked: &Asked<'_, W>) -> Option<Denial> {
        let mut keys = Keys::Unknown;
        let mut nearest = Denial::Database(0);
        for selector in self.selectors() {
            nearest = nearest.max(selector.denial(asked, &mut keys)?);
        }
        Some(nearest)
    }

    /// Whether it may do it, and also read any key besides: for commands that reach keys which they do not name.
    pub(crate) fn may_read_all<W: Words + ?Sized>(&self, asked: &Asked<'_, W>) -> bool {
        let mut keys = Keys::Unknown;
        self.selectors().any(|selector| {
            selector.reads_all_keys() && selector.denial(asked, &mut keys).is_none()
        })
    }

    /// The channels to which a session of this user would be confined, in place of those of `before`: none if it has
    /// lost nothing.
    pub(crate) fn narrowed_channels<'a>(&'a self, before: &'a Self) -> Option<Vec<&'a [u8]>> {
        if self.selectors().any(|selector| selector.all_channels) {
            return None;
        }
        let channels = |user: &'a Self| user.selectors().flat_map(|selector| &selector.channels);
        let now: Vec<&[u8]> = channels(self).map(Vec::as_slice).collect();
        let had_all = before.selectors().any(|selector| selector.all_channels);
        let keeps_all =
            !had_all && channels(before).all(|channel| now.contains(&channel.as_slice()));
        (!keeps_all).then_some(now)
    }
}

/// Whether one of the patterns covers a channel; a pattern is covered only by itself.
pub(crate) fn covers_channel(patterns: &[&[u8]], channel: &[u8], is_pattern: bool) -> bool {
    patterns.iter().any(|pattern| {
        if is_pattern {
            *pattern == up_to_nul(channel)
        } else {
            glob::matches(pattern, channel, false)
        }
    })
}

/// The keys of a request, looked for when the first selector asks.
enum Keys {
    Unknown,
    Known(Vec<KeyAt>),
}

impl Keys {
    fn of<W: Words + ?Sized>(&mut self, asked: &Asked<'_, W>) -> &[KeyAt] {
        if matches!(self, Self::Unknown) {
            *self = Self::Known(all_keys(asked));
        }
        match self {
            Self::Unknown => &[],
            Self::Known(keys) => keys,
        }
    }
}

fn all_keys<W: Words + ?Sized>(asked: &Asked<'_, W>) -> Vec<KeyAt> {
    let mut found = Vec::new();
    if keys::has_keys(asked.spec) {
        keys::extract(asked.spec, asked.words, Wanted::Keys, &mut found);
        // A script may ask about a request that is too short for its command.
        found.retain(|key| key.index < asked.words.count());
    }
    found
}

impl Selector {
    fn denial<W: Words + ?Sized>(&self, asked: &Asked<'_, W>, keys: &mut Keys) -> Option<Denial> {
        if let Some(at) = self.denied_database(asked) {
            return Some(Denial::Database(at));
        }
        if !self.allows_command(asked) {
            return Some(Denial::Command);
        }
        if !self.all_keys {
            let mut keys = keys.of(asked).iter();
            let denied = keys.find(|key| !self.allows_key(asked.words.word(key.index), key.flags));
            if let Some(key) = denied {
                return Some(Denial::Key(key.index));
            }
        }
        if self.all_channels {
            return None;
        }
        let words = match asked.spec.channels {
            Channels::None => return None,
            Channels::First => 1..2,
            Channels::All | Channels::Patterns => 1..asked.words.count(),
        };
        let patterns: Vec<&[u8]> = self.channels.iter().map(Vec::as_slice).collect();
        let is_pattern = asked.spec.channels == Channels::Patterns;
        let mut channels = words.filter(|&at| at < asked.words.count());
        channels
            .find(|&at| !covers_channel(&patterns, asked.words.word(at), is_pattern))
            .map(Denial::Channel)
    }

    fn allows_command<W: Words + ?Sized>(&self, asked: &Asked<'_, W>) -> bool {
        if self.commands.has(asked.number) || asked.spec.flags.has(flag::NO_AUTH) {
            return true;
        }
        let Some(allowed) = self.first_args.get(&asked.number) else {
            return false;
        };
        asked.words.count() > 1 && {
            let word = up_to_nul(asked.words.word(1));
            allowed.iter().any(|allowed| same_word(word, allowed))
        }
    }

    fn allows_key(&self, key: &[u8], flags: KeyFlags) -> bool {
        let needed = Rights::needed(flags);
        (self.keys.iter()).any(|pattern| {
            pattern.rights.include(needed) && glob::matches(&pattern.pattern, key, false)
        })
    }

    fn reads_all_keys(&self) -> bool {
        let reads_all = |pattern: &KeyPattern| {
            pattern.rights.include(Rights::READ) && is_word(&pattern.pattern, b"*")
        };
        self.all_keys || self.keys.iter().any(reads_all)
    }
}
