//! Bytes that are no requests: their sender is told so, and is let go.

use crate::base::slab::Id;
use crate::wire::request::ProtocolError;

use super::Engine;
use super::session::line;
use super::tell::deliver;

impl Engine {
    pub(super) fn refuse_protocol(&mut self, id: Id, error: ProtocolError) {
        let text = error.text();
        self.services.stats.error(&text);
        if let Some(session) = self.sessions.get(id) {
            log::debug!(
                "Protocol error ({error}) from client: {}",
                line::text(session, &self.now)
            );
        }
        deliver::push_to(&mut self.sessions, id, |reply| reply.error(&text));
        if let Some(session) = self.sessions.get_mut(id) {
            session.close_after_reply();
            self.sessions.to_close.push(id);
        }
    }
}
