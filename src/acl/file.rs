//! Users in a file: a line for each, `user`, its name, and its rules.
//!
//! A file is taken as a whole or not at all. So all its mistakes are told, in one text, and none of its rules is quoted
//! unless it names an unknown command: the others may be secrets.

use crate::base::slab::Id;

use super::rules::{Misrule, has_spaces, joined};
use super::user::User;
use super::{DEFAULT, Users};

/// Reads the text of a file. `name` is what its mistakes call it.
pub(crate) fn read(
    text: &[u8],
    name: &str,
    all_channels: bool,
) -> Result<Vec<(Vec<u8>, User)>, Vec<u8>> {
    let mut users: Vec<(Vec<u8>, User)> = Vec::new();
    let mut mistakes = Vec::new();
    let mut names = std::collections::HashSet::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [b"user", user, rules @ ..] = words.as_slice() else {
            let text = format!(
                "{name}:{number} should start with user keyword followed by the username. "
            );
            mistakes.extend_from_slice(text.as_bytes());
            continue;
        };
        if has_spaces(user) {
            let text = format!("'{name}:{number}: username '");
            mistakes.extend([text.as_bytes(), user, b"' contains invalid characters. "].concat());
            continue;
        }
        if !names.insert(*user) {
            let text = format!("' found on line {number}. ");
            mistakes.extend([b"WARNING: Duplicate user '", *user, text.as_bytes()].concat());
            continue;
        }
        users.push((
            user.to_vec(),
            read_rules(rules, (name, number), all_channels, &mut mistakes),
        ));
    }
    if mistakes.is_empty() {
        return Ok(users);
    }
    mistakes.extend_from_slice(
        b"WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
    );
    Err(mistakes)
}

/// The user of one line.
fn read_rules(
    rules: &[&[u8]],
    (name, number): (&str, usize),
    all_channels: bool,
    mistakes: &mut Vec<u8>,
) -> User {
    let mut user = User::new(all_channels);
    let Ok(rules) = joined(rules.iter().copied()) else {
        let text = format!("{name}:{number}: Unmatched parenthesis in selector definition.");
        mistakes.extend_from_slice(text.as_bytes());
        return user;
    };
    let mut is_wrong = false;
    for rule in rules {
        let rule = rule.trim_ascii();
        let Err(misrule) = user.apply(rule, all_channels) else {
            continue;
        };
        let why = misrule.text();
        if misrule == Misrule::NoSuchCommand {
            let head = format!("{name}:{number}: Error in applying operation '");
            let tail = format!("': {why}. ");
            mistakes.extend([head.as_bytes(), rule, tail.as_bytes()].concat());
        } else if !is_wrong {
            mistakes.extend_from_slice(format!("{name}:{number}: {why}. ").as_bytes());
            is_wrong = true;
        }
    }
    user
}

impl Users {
    /// These users and no others. A default user that the file does not name is as it was at first. Returns what
    /// named those that are no more.
    pub(crate) fn replace_all(&mut self, mut users: Vec<(Vec<u8>, User)>) -> Vec<Id> {
        if !users.iter().any(|(name, _)| name == DEFAULT) {
            users.push((DEFAULT.to_vec(), User::unrestricted()));
        }
        let is_named = |name: &[u8]| users.iter().any(|(known, _)| known == name);
        let gone: Vec<Vec<u8>> = self
            .iter()
            .filter(|(name, _)| !is_named(name))
            .map(|(name, _)| name.to_vec())
            .collect();
        let gone = gone.iter().filter_map(|name| self.remove(name)).collect();
        for (name, user) in users {
            self.put(&name, user);
        }
        gone
    }

    /// The text of a file that holds all users.
    pub(crate) fn text(&self) -> Vec<u8> {
        let lines = self.lines().into_iter();
        let lines = lines.map(|line| [b"user ", line.as_slice(), b"\n"].concat());
        lines.collect::<Vec<_>>().concat()
    }
}
