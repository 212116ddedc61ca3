//! Who a session is, and how much has to be asked before its commands run.
//!
//! A session is a user from the beginning, the default one, whether or not it has said a password. [`Access`] is what
//! follows from that and from the user's rules. It is looked up again whenever one of them changes, so that the way of
//! nearly every command asks nothing but this one thing.

use crate::acl::{Identity, User, Users};

use super::Session;

/// What follows from who a session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// It has yet to say a password, and may do little else.
    #[default]
    Stranger,
    /// Each command has to be asked about.
    Restricted,
    /// It may do everything.
    Unrestricted,
}

impl Session {
    /// It has shown that it is this user.
    pub(crate) fn enter_as(&mut self, user: Identity, users: &Users) {
        self.user = user;
        self.is_authenticated = true;
        self.look_up_access(users);
    }

    /// As when it was opened: the default user, which may need a password.
    pub(crate) fn be_default(&mut self, users: &Users) {
        self.user = users.default_identity();
        self.is_authenticated = !users.needs_password();
        self.look_up_access(users);
    }

    /// Its user is gone: it is nobody until it is closed.
    pub(crate) fn be_nobody(&mut self, users: &Users) {
        self.user = users.default_identity();
        self.is_authenticated = false;
        self.look_up_access(users);
    }

    /// It stands above all users: it is the server itself, or our primary.
    pub(crate) fn be_superuser(&mut self) {
        self.user = Identity::superuser();
        self.is_authenticated = true;
        self.access = Access::Unrestricted;
    }

    /// After a change of its user's rules, or of the default user's password.
    pub(crate) fn look_up_access(&mut self, users: &Users) {
        let is_unrestricted = users.get(&self.user).is_none_or(User::is_unrestricted);
        self.access = if !self.is_authenticated && users.needs_password() {
            Access::Stranger
        } else if is_unrestricted {
            Access::Unrestricted
        } else {
            Access::Restricted
        };
    }

    #[inline]
    pub(crate) fn is_stranger(&self) -> bool {
        self.access == Access::Stranger
    }
}
