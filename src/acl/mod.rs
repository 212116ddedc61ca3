//! Users, and what they may do.
//!
//! A user has a switch, passwords, and one or more *selectors*. A selector says which commands may be run, which keys
//! may be read or written by them, which channels may be used, and in which databases; a request is allowed if one
//! selector allows all of it. A user is written as a line of *rules*, `on >secret ~app:* +@read`, and this is how
//! people, clients and files speak of it:
//!
//! ```text
//! rules       a rule changes a user: the language
//! describe    a user becomes rules again, in one canonical form
//! file        lines of rules become users, or the lines to blame
//! permission  may this user do that? if not, which word of the request stands in the way
//! passes      the same selectors, laid out so that nearly every request is let through at once
//! rights      what may be done to a key
//! password    secrets are kept as digests and compared in constant time
//! log         what was denied lately
//! databases   which databases a request reaches
//! commands    every command has a number, so that a selector's commands are bits
//! ```
//!
//! Invariants: there always is a user `default`, and it is never removed. An [`Identity`] names a user for as long as
//! that one lives, also when its rules change.
//!
//! Not known here: sessions, replies, disks. Which words of a request are keys is said by the rows in `spec`.

pub(crate) mod commands;
mod databases;
mod describe;
pub(crate) mod file;
pub(crate) mod log;
mod passes;
mod password;
mod permission;
mod rights;
mod rules;
mod selector;
mod user;

#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::slab::{Id, Slab};

pub(crate) use databases::database;
pub(crate) use passes::{Passes, Reach};
pub(crate) use permission::{Asked, Denial, Whereabouts, covers_channel};
pub(crate) use rules::{Misrule, has_spaces, joined};
pub(crate) use selector::Selector;
pub(crate) use user::User;

/// The name of the user that every session is at first.
pub(crate) const DEFAULT: &[u8] = b"default";

/// Who a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// None: the server itself, or our primary; nobody asks what they may do.
    id: Option<Id>,
    name: Arc<[u8]>,
}

impl Identity {
    /// Above all users.
    pub(crate) fn superuser() -> Self {
        Self {
            id: None,
            name: Arc::from(b"(superuser)".as_slice()),
        }
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn is(&self, id: Id) -> bool {
        self.id == Some(id)
    }
}

/// A user, and what lets its requests through, made when the first one is asked about.
#[derive(Debug)]
struct Known {
    user: User,
    passes: OnceCell<Arc<Passes>>,
}

impl From<User> for Known {
    fn from(user: User) -> Self {
        let passes = OnceCell::new();
        Self { user, passes }
    }
}

/// All users.
#[derive(Debug)]
pub(crate) struct Users {
    all: Slab<Known>,
    by_name: BTreeMap<Arc<[u8]>, Id>,
    default: Identity,
}

impl Default for Users {
    fn default() -> Self {
        let mut all = Slab::new();
        let id = all.insert(User::unrestricted().into());
        let name: Arc<[u8]> = Arc::from(DEFAULT);
        Self {
            all,
            by_name: BTreeMap::from([(name.clone(), id)]),
            default: Identity { id: Some(id), name },
        }
    }
}

impl Users {
    /// The user that a session is; none for one that is above them.
    #[inline]
    pub(crate) fn get(&self, identity: &Identity) -> Option<&User> {
        self.by_id(identity.id?)
    }

    pub(crate) fn named(&self, name: &[u8]) -> Option<&User> {
        self.by_id(self.id(name)?)
    }

    #[inline]
    fn by_id(&self, id: Id) -> Option<&User> {
        self.all.get(id).map(|known| &known.user)
    }

    /// What lets most requests of a user through; none for one that is above them.
    #[inline]
    pub(crate) fn passes(&self, identity: &Identity) -> Option<&Arc<Passes>> {
        let known = self.all.get(identity.id?)?;
        let make = || Arc::new(Passes::of(&known.user));
        Some(known.passes.get_or_init(make))
    }

    pub(crate) fn id(&self, name: &[u8]) -> Option<Id> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn identity(&self, name: &[u8]) -> Option<Identity> {
        let (name, &id) = self.by_name.get_key_value(name)?;
        Some(Identity {
            id: Some(id),
            name: name.clone(),
        })
    }

    pub(crate) fn default_identity(&self) -> Identity {
        self.default.clone()
    }

    pub(crate) fn default_user(&self) -> &User {
        self.get(&self.default).expect("it is never removed")
    }

    /// Whether a client has to say who it is before it may do anything.
    #[inline]
    pub(crate) fn needs_password(&self) -> bool {
        !self.default_user().is_open()
    }

    /// All users by name, in the order of their bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &User)> {
        (self.by_name.iter()).filter_map(|(name, &id)| Some((&**name, self.by_id(id)?)))
    }

    /// Gives a user new rules, and makes it if there is none of that name.
    pub(crate) fn put(&mut self, name: &[u8], user: User) {
        if let Some(known) = self.id(name).and_then(|id| self.all.get_mut(id)) {
            *known = user.into();
        } else {
            let id = self.all.insert(user.into());
            self.by_name.insert(Arc::from(name), id);
        }
    }

    /// Removes a user and returns what named it. The default user stays.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Option<Id> {
        if name == DEFAULT {
            return None;
        }
        let id = self.by_name.remove(name)?;
        self.all.remove(id);
        Some(id)
    }

    /// `requirepass`: the default user gets this password and no other, or none when it is empty.
    pub(crate) fn set_default_password(&mut self, password: &[u8]) {
        let mut user = self.default_user().clone();
        user.set_only_password(password);
        self.put(DEFAULT, user);
    }

    /// Whether name and password belong together, and the user is on.
    pub(crate) fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<Identity> {
        let user = self.named(name)?;
        if user.accepts(password) {
            self.identity(name)
        } else {
            None
        }
    }

    /// A user that is in no list and has no password, with these rules: for sessions that the server makes.
    pub(crate) fn unlisted(&mut self, name: &[u8], rules: &[&str]) -> Result<Identity, Misrule> {
        let mut user = User::new(false);
        for rule in rules {
            user.apply(rule.as_bytes(), false)?;
        }
        Ok(Identity {
            id: Some(self.all.insert(user.into())),
            name: Arc::from(name),
        })
    }

    /// One line for each user: its name and its rules.
    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        self.iter()
            .map(|(name, user)| [name, b" ", &user.describe()].concat())
            .collect()
    }
}
