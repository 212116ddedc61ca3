//! The language of rules.
//!
//! ```text
//! on off                        may authenticate or not
//! >secret <secret               a password comes or goes
//! #digest !digest               the same, by its SHA-256 digest
//! nopass resetpass              any password will do; none will
//! +get +config|get -@write      commands, subcommands, categories
//! +select|0                     a command with this first argument only
//! +@all allcommands             all commands; -@all nocommands: none
//! ~app:* %R~app:* %W~app:*      keys: to read and write, to read, to write
//! ~* allkeys resetkeys          all keys; none
//! &news.* &* allchannels        channels; all channels; resetchannels: none
//! db=0,1 alldbs                 databases; all of them, as in the beginning; resetdbs: none
//! (+get ~other:*)               a selector; clearselectors removes them
//! sanitize-payload              and skip-sanitize-payload
//! reset                         as a new user
//! ```
//!
//! Rules are applied in their order. A change of several rules is applied to a copy, so that it happens as a whole or
//! not at all. Words are known in any case; patterns, passwords and names are taken as they are.

use crate::base::text::{is_space, is_word, split_args, up_to_nul};
use crate::spec::flags::Categories;

use super::commands::{self, Numbered};
use super::password::Digest;
use super::rights::Rights;
use super::selector::Selector;
use super::user::User;

/// Why a rule cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misrule {
    NoSuchCommand,
    Syntax,
    PatternAfterAllKeys,
    PatternAfterAllChannels,
    FirstArgOfSubcommand,
    BadDigest,
    NoSuchPassword,
    NoSuchDatabase,
}

impl Misrule {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::NoSuchCommand => "Unknown command or category name in ACL",
            Self::Syntax => "Syntax error",
            Self::PatternAfterAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Self::PatternAfterAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            Self::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
            Self::BadDigest => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal \
                 characters"
            }
            Self::NoSuchPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            Self::NoSuchDatabase => "The provided database ID is out of range",
        }
    }
}

/// Whether a name or pattern holds what separates rules in a file.
pub(crate) fn has_spaces(text: &[u8]) -> bool {
    text.iter().any(|&byte| is_space(byte) || byte == 0)
}

/// Joins the words of selectors: a word that begins with a parenthesis goes on up to the one that ends with one. The
/// error is the word whose parenthesis stays open.
pub(crate) fn joined<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, &'a [u8]> {
    let mut rules: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        match &mut open {
            None if word.starts_with(b"(") && !word.ends_with(b")") => {
                open = Some((word, word.to_vec()));
            }
            None => rules.push(word.to_vec()),
            Some((_, rule)) => {
                rule.push(b' ');
                rule.extend_from_slice(up_to_nul(word));
                if word.ends_with(b")") {
                    rules.extend(open.take().map(|(_, rule)| rule));
                }
            }
        }
    }
    match open {
        Some((word, _)) => Err(word),
        None => Ok(rules),
    }
}

impl User {
    /// Applies one rule. New selectors have all channels or none.
    pub(crate) fn apply(&mut self, rule: &[u8], all_channels: bool) -> Result<(), Misrule> {
        let is = |word: &str| is_word(rule, word.as_bytes());
        if rule.is_empty() {
        } else if is("on") {
            self.is_on = true;
        } else if is("off") {
            self.is_on = false;
        } else if is("skip-sanitize-payload") {
            self.skips_sanitizing = true;
        } else if is("sanitize-payload") {
            self.skips_sanitizing = false;
        } else if is("nopass") || is("resetpass") {
            self.needs_no_password = is("nopass");
            self.passwords.clear();
        } else if is("clearselectors") {
            self.selectors.clear();
        } else if is("reset") {
            *self = Self::new(all_channels);
        } else if let [b'>' | b'#', ..] = rule {
            let digest = digest(rule)?;
            if !self.passwords.contains(&digest) {
                self.passwords.push(digest);
            }
            self.needs_no_password = false;
        } else if let [b'<' | b'!', ..] = rule {
            let digest = digest(rule)?;
            let place = self.passwords.iter().position(|known| *known == digest);
            self.passwords.remove(place.ok_or(Misrule::NoSuchPassword)?);
        } else if let [b'(', inner @ .., b')'] = rule {
            let mut selector = Selector::new(all_channels);
            // Words with quotes that do not close are no words.
            for rule in split_args(inner).unwrap_or_default() {
                selector.apply(&rule)?;
            }
            self.selectors.push(selector);
        } else {
            self.root.apply(rule)?;
        }
        Ok(())
    }

    /// This user after some rules; the error names the one that cannot be applied.
    pub(crate) fn with<'a>(
        &self,
        rules: &'a [Vec<u8>],
        all_channels: bool,
    ) -> Result<Self, (&'a [u8], Misrule)> {
        let mut user = self.clone();
        for rule in rules {
            user.apply(rule, all_channels)
                .map_err(|misrule| (rule.as_slice(), misrule))?;
        }
        Ok(user)
    }
}

/// The digest that a rule about passwords gives, or that of the password.
fn digest(rule: &[u8]) -> Result<Digest, Misrule> {
    match rule {
        [b'>' | b'<', password @ ..] => Ok(Digest::of(password)),
        _ => Digest::parse(&rule[1..]).ok_or(Misrule::BadDigest),
    }
}

impl Selector {
    fn apply(&mut self, rule: &[u8]) -> Result<(), Misrule> {
        let is = |word: &str| is_word(rule, word.as_bytes());
        if is("allkeys") || is("~*") || is("resetkeys") {
            self.all_keys = !is("resetkeys");
            self.keys.clear();
        } else if is("allchannels") || is("&*") || is("resetchannels") {
            self.all_channels = !is("resetchannels");
            self.channels.clear();
        } else if is("alldbs") {
            self.databases = None;
        } else if is("resetdbs") {
            self.databases = Some(Vec::new());
        } else if is("allcommands") || is("+@all") {
            self.set_all_commands(true);
        } else if is("nocommands") || is("-@all") {
            self.set_all_commands(false);
        } else {
            match rule {
                [b'~' | b'%', ..] => self.apply_keys(rule)?,
                [b'&', pattern @ ..] => {
                    if self.all_channels {
                        return Err(Misrule::PatternAfterAllChannels);
                    }
                    if has_spaces(pattern) {
                        return Err(Misrule::Syntax);
                    }
                    self.add_channel(pattern);
                }
                [sign @ (b'+' | b'-'), b'@', ..] => self.apply_category(*sign == b'+', rule)?,
                [b'd' | b'D', b'b' | b'B', b'=', list @ ..] => {
                    self.apply_databases(up_to_nul(list))?;
                }
                [b'+', command @ ..] => self.allow(up_to_nul(command))?,
                [b'-', command @ ..] => {
                    let command = commands::named(command).ok_or(Misrule::NoSuchCommand)?;
                    self.put(command, false);
                    self.add_rule(false, command.spec.name.as_bytes());
                }
                _ => return Err(Misrule::Syntax),
            }
        }
        Ok(())
    }

    /// `~pattern`, `%R~pattern` and the like.
    fn apply_keys(&mut self, rule: &[u8]) -> Result<(), Misrule> {
        if self.all_keys {
            return Err(Misrule::PatternAfterAllKeys);
        }
        let (letters, pattern) = match rule {
            [b'~', pattern @ ..] => (b"RW".as_slice(), pattern),
            _ => match rule.iter().position(|byte| *byte == b'~') {
                Some(tilde) => (&rule[1..tilde], &rule[tilde + 1..]),
                // Letters alone: the pattern is empty, and so is the only key that matches it.
                None => (&rule[1..], b"".as_slice()),
            },
        };
        let mut rights = Rights::NONE;
        for letter in letters {
            let right = match letter.to_ascii_uppercase() {
                b'R' => Rights::READ,
                b'W' => Rights::WRITE,
                _ => return Err(Misrule::Syntax),
            };
            if rights.include(right) {
                return Err(Misrule::Syntax);
            }
            rights = rights.and(right);
        }
        if has_spaces(pattern) || letters.is_empty() {
            return Err(Misrule::Syntax);
        }
        self.add_key_pattern(pattern, rights);
        Ok(())
    }

    /// `+@category` and `-@category`.
    fn apply_category(&mut self, allow: bool, rule: &[u8]) -> Result<(), Misrule> {
        let category = Categories::named(up_to_nul(&rule[2..])).ok_or(Misrule::NoSuchCommand)?;
        let members = commands::all().filter(|command| command.spec.categories().has(category));
        for command in members {
            self.put(command, allow);
        }
        self.add_rule(allow, up_to_nul(&rule[1..]));
        Ok(())
    }

    /// `+command`, `+command|subcommand` and `+command|first-argument`.
    fn allow(&mut self, what: &[u8]) -> Result<(), Misrule> {
        let Some(bar) = what.iter().rposition(|byte| *byte == b'|') else {
            let command = commands::named(what).ok_or(Misrule::NoSuchCommand)?;
            self.put(command, true);
            self.add_rule(true, command.spec.name.as_bytes());
            return Ok(());
        };
        let (name, word) = (&what[..bar], &what[bar + 1..]);
        let command = commands::named(name).ok_or(Misrule::NoSuchCommand)?;
        if command.spec.container().is_some() {
            return Err(Misrule::FirstArgOfSubcommand);
        }
        // A word with spaces in it could not be written down.
        if word.is_empty() || has_spaces(word) {
            return Err(Misrule::Syntax);
        }
        if command.spec.is_container() {
            let subcommand = commands::named(what).ok_or(Misrule::NoSuchCommand)?;
            self.put(subcommand, true);
        } else {
            ::log::warn!(
                "Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of ACL and may \
                 get disabled in the future (offender: +{})",
                String::from_utf8_lossy(what)
            );
            let words = self.first_args.entry(command.number).or_default();
            if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                words.push(word.to_vec());
            }
        }
        self.add_rule(true, what);
        Ok(())
    }

    /// Allows or denies a command with all of its subcommands, whatever its arguments.
    fn put(&mut self, command: Numbered, allow: bool) {
        self.first_args.remove(&command.number);
        for row in commands::family(command) {
            self.commands.put(row.number, allow);
        }
    }
}
