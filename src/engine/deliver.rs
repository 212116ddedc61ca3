//! Puts messages that nobody asked for just now into the outputs of other sessions: published messages, monitor
//! lines, invalidations.

use crate::base::slab::Id;
use crate::pubsub::Kind;
use crate::wire::reply::Reply;

use super::ctx::Ctx;
use super::services::Services;
use super::session::{Session, Sessions, flag};

/// Appends to a session's output, whatever CLIENT REPLY says, and tells the transport. A session that is lent out is
/// not reached: see [`push`].
pub fn push_to(sessions: &mut Sessions, id: Id, write: impl FnOnce(&mut Reply<'_>)) {
    let Some(mut session) = sessions.lend(id) else { return };
    if !session.has(flag::CLOSE_NOW) {
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

/// The same from within a command, which may push to its own session: that comes behind its reply.
pub fn push(ctx: &mut Ctx<'_>, id: Id, write: impl FnOnce(&mut Reply<'_>)) {
    if id == ctx.session.id {
        // The reply goes to the output proper, which is taken out of the session meanwhile.
        write(&mut Reply::new(&mut ctx.session.output, ctx.session.protocol));
    } else {
        push_to(ctx.sessions, id, write);
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
