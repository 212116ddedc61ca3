//! Puts messages that nobody asked for just now into the outputs of other sessions: published messages, monitor
//! lines, invalidations.

use crate::base::slab::Id;
use crate::pubsub::{Kind, Pubsub};
use crate::wire::reply::Reply;

use crate::engine::session::{Session, Sessions};

/// The sessions that can be reached: those in the slab, and the one whose command runs, if one does.
pub(crate) struct Reach<'a> {
    sessions: &'a mut Sessions,
    lent: Option<&'a mut Session>,
}

impl<'a> Reach<'a> {
    /// While no command runs.
    pub(crate) fn all(sessions: &'a mut Sessions) -> Self {
        let lent = None;
        Self { sessions, lent }
    }

    /// From within a command, which may push to its own session.
    pub(crate) fn with_lent(sessions: &'a mut Sessions, lent: &'a mut Session) -> Self {
        let lent = Some(lent);
        Self { sessions, lent }
    }

    fn push(&mut self, id: Id, write: impl FnOnce(&mut Reply<'_>)) {
        match &mut self.lent {
            // The reply goes to the output proper, which is taken out of the session meanwhile; this comes behind it.
            Some(session) if session.id == id => {
                write(&mut Reply::new(&mut session.output, session.protocol));
            }
            _ => push_to(self.sessions, id, write),
        }
    }
}

/// Appends to a session's output, whatever CLIENT REPLY says, and tells the transport. A session that is lent out is
/// not reached: see [`Reach`].
pub(crate) fn push_to(sessions: &mut Sessions, id: Id, write: impl FnOnce(&mut Reply<'_>)) {
    let Some(mut session) = sessions.lend(id) else {
        return;
    };
    if !session.is_cut() {
        let was_empty = session.output.is_empty();
        sessions.cap_output(&mut session);
        write(&mut Reply::new(&mut session.output, session.protocol));
        if was_empty && !session.output.is_empty() {
            sessions.has_output(id);
        }
        sessions.keep_output_to_limits(&mut session);
    }
    sessions.put_back(session);
}

/// Writes a message as a subscriber sees it: a push in RESP3, an array in RESP2.
pub(crate) fn message(reply: &mut Reply<'_>, words: &[&[u8]]) {
    reply.push(words.len());
    for word in words {
        reply.bulk(word);
    }
}

/// Sends a message to all sessions that listen to `channel`, by name or, unless it is a shard channel, by pattern.
/// Returns how many messages were sent.
pub(crate) fn publish(
    reach: &mut Reach<'_>,
    pubsub: &Pubsub,
    kind: Kind,
    channel: &[u8],
    text: &[u8],
) -> usize {
    if pubsub.is_empty() {
        return 0;
    }
    let is_shard = kind == Kind::Shard;
    let word: &[u8] = if is_shard { b"smessage" } else { b"message" };
    let mut count = 0;
    for &id in pubsub.listeners(kind, channel) {
        reach.push(id, |reply| message(reply, &[word, channel, text]));
        count += 1;
    }
    if is_shard {
        return count;
    }
    for (pattern, listeners) in pubsub.matching(channel) {
        for &id in listeners {
            reach.push(id, |reply| {
                message(reply, &[b"pmessage", pattern, channel, text]);
            });
            count += 1;
        }
    }
    count
}

/// After a session gave up a subscription: the last one takes the list with it.
pub(crate) fn update_subscribed(session: &mut Session) {
    session.subscriptions.take_if(|all| all.is_empty());
}
