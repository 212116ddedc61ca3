//! One user: a switch, passwords, selectors.

use super::password::{self, Digest};
use super::selector::Selector;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// It may authenticate. Sessions that have done so stay when it is switched off.
    pub(super) is_on: bool,
    /// Any password will do.
    pub(super) needs_no_password: bool,
    /// Payloads of RESTORE need not be looked through. They are, all the same.
    pub(super) skips_sanitizing: bool,
    pub(super) passwords: Vec<Digest>,
    /// Permissions outside of parentheses.
    pub(super) root: Selector,
    /// Those in parentheses.
    pub(super) selectors: Vec<Selector>,
}

impl User {
    /// Off, and without any permission, but for channels if new users shall have them all.
    pub(crate) fn new(all_channels: bool) -> Self {
        Self {
            is_on: false,
            needs_no_password: false,
            skips_sanitizing: false,
            passwords: Vec::new(),
            root: Selector::new(all_channels),
            selectors: Vec::new(),
        }
    }

    /// As the default user is until it is told otherwise.
    pub(crate) fn unrestricted() -> Self {
        Self {
            is_on: true,
            needs_no_password: true,
            root: Selector::unrestricted(),
            ..Self::new(true)
        }
    }

    /// Whether anybody is let in as this user.
    pub(crate) fn is_open(&self) -> bool {
        self.is_on && self.needs_no_password
    }

    /// Whether it is on.
    pub(crate) fn may_enter(&self) -> bool {
        self.is_on
    }

    pub(crate) fn needs_no_password(&self) -> bool {
        self.needs_no_password
    }

    /// Whether it may do everything, so that nobody need ask.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.selectors().any(Selector::allows_everything)
    }

    pub(crate) fn skips_sanitizing(&self) -> bool {
        self.skips_sanitizing
    }

    pub(super) fn accepts(&self, password: &[u8]) -> bool {
        let knows = password::is_among(password, &self.passwords);
        self.is_on && (self.needs_no_password || knows)
    }

    pub(super) fn set_only_password(&mut self, password: &[u8]) {
        self.passwords.clear();
        self.needs_no_password = password.is_empty();
        if !password.is_empty() {
            self.passwords.push(Digest::of(password));
        }
    }

    /// All selectors, that outside of parentheses first.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }
}
