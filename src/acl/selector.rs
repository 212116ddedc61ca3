//! A selector: commands, keys, channels and databases that go together.

use std::collections::BTreeMap;

use super::commands::Commands;
use super::rights::Rights;

/// One set of permissions of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(super) commands: Commands,
    /// Commands of which only some first arguments are allowed, by number.
    pub(super) first_args: BTreeMap<u16, Vec<Vec<u8>>>,
    /// The rules that the commands came from, without those that later ones made void.
    pub(super) rules: Vec<CommandRule>,
    pub(super) all_keys: bool,
    /// Empty while `all_keys`.
    pub(super) keys: Vec<KeyPattern>,
    pub(super) all_channels: bool,
    /// Empty while `all_channels`.
    pub(super) channels: Vec<Vec<u8>>,
    /// In their order, each once; none says all.
    pub(super) databases: Option<Vec<u32>>,
}

/// A rule about commands, in small letters and without its sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandRule {
    pub(super) allows: bool,
    pub(super) what: Vec<u8>,
}

/// Keys that may be read, written, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyPattern {
    pub(super) pattern: Vec<u8>,
    pub(super) rights: Rights,
}

impl Selector {
    /// Allows nothing, but for channels if new users shall have them all.
    pub(super) fn new(all_channels: bool) -> Self {
        Self {
            commands: Commands::NONE,
            first_args: BTreeMap::new(),
            rules: Vec::new(),
            all_keys: false,
            keys: Vec::new(),
            all_channels,
            channels: Vec::new(),
            databases: None,
        }
    }

    pub(super) fn unrestricted() -> Self {
        Self {
            commands: Commands::ALL,
            all_keys: true,
            ..Self::new(true)
        }
    }

    /// Whether nothing is denied, whatever it may be.
    pub(super) fn allows_everything(&self) -> bool {
        self.all_keys
            && self.all_channels
            && self.databases.is_none()
            && self.commands == Commands::ALL
    }

    pub(super) fn set_all_commands(&mut self, allow: bool) {
        self.commands = if allow { Commands::ALL } else { Commands::NONE };
        self.first_args.clear();
        self.rules.clear();
    }

    /// Remembers a rule about commands. Rules of the same command and its subcommands are void from now on.
    pub(super) fn add_rule(&mut self, allows: bool, what: &[u8]) {
        let what = what.to_ascii_lowercase();
        let is_void = |rule: &CommandRule| {
            (rule.what.strip_prefix(what.as_slice()))
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'|')
        };
        self.rules.retain(|rule| !is_void(rule));
        self.rules.push(CommandRule { allows, what });
    }

    pub(super) fn add_key_pattern(&mut self, pattern: &[u8], rights: Rights) {
        self.all_keys = false;
        match self.keys.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.rights = known.rights.and(rights),
            None => self.keys.push(KeyPattern {
                pattern: pattern.to_vec(),
                rights,
            }),
        }
    }

    pub(super) fn add_channel(&mut self, pattern: &[u8]) {
        self.all_channels = false;
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(pattern.to_vec());
        }
    }
}
