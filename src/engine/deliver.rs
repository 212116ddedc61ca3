//! Puts messages that nobody asked for just now into the outputs of other sessions: published messages, monitor
//! lines, invalidations.

use crate::base::slab::Id;
use crate::pubsub::Kind;
use crate::wire::reply::Reply;

use super::services::Services;
use super::session::{Session, Sessions, flag};

/// Appends to a session's output, whatever CLIENT REPLY says, and tells the transport.
pub fn push_to(sessions: &mut Sessions, id: Id, write: impl FnOnce(&mut Reply<'_>)) {
    let Some(session) = sessions.get_mut(id) else { return };
    if session.has(flag::CLOSE_NOW) {
        return;
    }
    let was_empty = session.output.is_empty();
    write(&mut Reply::new(&mut session.output, session.protocol));
    if was_empty && !session.output.is_empty() {
        sessions.has_output(id);
    }
}

/// Writes a message as a subscriber sees it: a push in RESP3, an array in RESP2.
pub fn message(reply: &mut Reply<'_>, words: &[&[u8]]) {
    reply.push(words.len());
    for word in words {
        reply.bulk(word);
    }
}

/// Sends `message` to all who listen to `channel`, by name or by pattern. Every session is in the slab. Returns how
/// many messages were sent.
pub fn publish(sessions: &mut Sessions, services: &Services, channel: &[u8], text: &[u8]) -> usize {
    if services.pubsub.is_empty() {
        return 0;
    }
    let mut count = 0;
    for &id in services.pubsub.listeners(Kind::Channel, channel) {
        push_to(sessions, id, |reply| message(reply, &[b"message", channel, text]));
        count += 1;
    }
    for (pattern, listeners) in services.pubsub.matching(channel) {
        for &id in listeners {
            push_to(sessions, id, |reply| message(reply, &[b"pmessage", pattern, channel, text]));
            count += 1;
        }
    }
    count
}

/// Whether the session has nothing to do with subscriptions any more, after it gave one up.
pub fn update_subscribed(session: &mut Session) {
    let listens = !session.subscriptions.is_empty();
    session.put(flag::SUBSCRIBED, listens);
}
