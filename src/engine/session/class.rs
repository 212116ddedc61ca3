//! Kinds of sessions, as limits and lists of clients distinguish them.

use super::{Link, Session};

/// Kinds of sessions, as the limits on output and CLIENT LIST TYPE distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Normal,
    Replica,
    Pubsub,
    Primary,
}

impl Session {
    /// Its kind, for limits and for choosing sessions by kind.
    #[inline]
    pub(crate) fn class(&self) -> Class {
        match self.link {
            Link::Replica => Class::Replica,
            Link::Joining | Link::Primary => Class::Primary,
            Link::Client | Link::Monitor | Link::Internal if self.is_subscribed() => Class::Pubsub,
            Link::Client | Link::Monitor | Link::Internal => Class::Normal,
        }
    }
}
