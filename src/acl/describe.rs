//! A user as rules, in the one form that files have and clients are shown.
//!
//! Read again, the rules give the same user. Commands are told by the rules that they came from and not by their bits,
//! so that commands of later versions fall where the author wanted them.

use super::password::Digest;
use super::rights::Rights;
use super::selector::{KeyPattern, Selector};
use super::user::User;

impl User {
    /// The rules in one line: switches, passwords, permissions, selectors.
    pub(crate) fn describe(&self) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = self.flags().map(Vec::from).collect();
        words.extend(
            self.passwords()
                .map(|digest| [b"#", digest.as_slice()].concat()),
        );
        words.push(self.root.describe());
        let selectors = self.selectors.iter();
        words.extend(
            selectors.map(|selector| [b"(", selector.describe().as_slice(), b")"].concat()),
        );
        words.join(&b' ')
    }

    /// The switches.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &'static str> {
        let switches = [
            (self.is_on, "on"),
            (!self.is_on, "off"),
            (self.needs_no_password, "nopass"),
            (self.skips_sanitizing, "skip-sanitize-payload"),
            (!self.skips_sanitizing, "sanitize-payload"),
        ];
        switches
            .into_iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, word)| word)
    }

    /// The digests of the passwords.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = Vec<u8>> {
        self.passwords.iter().map(Digest::text)
    }

    /// The selectors in parentheses.
    pub(crate) fn bracketed(&self) -> &[Selector] {
        &self.selectors
    }

    /// The selector outside of parentheses.
    pub(crate) fn root(&self) -> &Selector {
        &self.root
    }
}

impl Selector {
    fn describe(&self) -> Vec<u8> {
        let mut words = Vec::new();
        words.push(self.keys_text());
        if !self.all_channels {
            words.push(b"resetchannels".to_vec());
        }
        words.push(self.channels_text());
        match self.databases.as_deref() {
            // What is so anyway is not said: Redis would not know the word.
            None => {}
            Some([]) => words.push(b"resetdbs".to_vec()),
            Some(_) => words.push(self.databases_text()),
        }
        words.push(self.commands_text());
        words.retain(|word| !word.is_empty());
        words.join(&b' ')
    }

    /// The rules about keys.
    pub(crate) fn keys_text(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let words: Vec<Vec<u8>> = self.keys.iter().map(KeyPattern::text).collect();
        words.join(&b' ')
    }

    /// The rules about channels.
    pub(crate) fn channels_text(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let words = self
            .channels
            .iter()
            .map(|channel| [b"&", channel.as_slice()].concat());
        words.collect::<Vec<_>>().join(&b' ')
    }

    /// The rules about commands.
    pub(crate) fn commands_text(&self) -> Vec<u8> {
        let mut text = if self.commands.has_others() {
            b"+@all".to_vec()
        } else {
            b"-@all".to_vec()
        };
        for rule in &self.rules {
            text.extend_from_slice(if rule.allows { b" +" } else { b" -" });
            text.extend_from_slice(&rule.what);
        }
        text
    }
}

impl KeyPattern {
    fn text(&self) -> Vec<u8> {
        let head: &[u8] = match self.rights {
            Rights::READ => b"%R~",
            Rights::WRITE => b"%W~",
            _ => b"~",
        };
        [head, &self.pattern].concat()
    }
}
