//! The steps of a search: it is begun, and answered.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::effects::Ask;
use crate::types::vector::{Found, Search};
use crate::wire::args::Args;

impl Ctx<'_> {
    /// The session waits for what a thread finds.
    pub(crate) fn begin_search(&mut self, args: Args<'_>, search: Search) {
        self.park_for_shell(args);
        let waiting = self.session.id;
        self.fx.ask(Ask::Search {
            waiting,
            search: Box::new(search),
        });
    }

    /// What this command was waiting for. `None`: it has not been searched for yet.
    pub(crate) fn take_found(&mut self) -> Option<Found> {
        if self.origin != Origin::Retry {
            return None;
        }
        let is_mine = |found: &mut (Id, Found)| found.0 == self.session.id;
        let found = self.services.searches.found.take_if(is_mine)?;
        Some(found.1)
    }
}

impl Engine {
    /// A search has ended.
    pub(crate) fn handle_found(&mut self, waiting: Id, found: Found) {
        let is_write = matches!(found, Found::Neighbours(_));
        if is_write && self.services.pause.is_in_force(self.now.unix_ms) {
            self.services.searches.held.push((waiting, found));
            return;
        }
        self.services.searches.found = Some((waiting, found));
        self.retry(waiting);
        self.services.searches.found = None;
    }

    /// Writes go on.
    pub(in crate::engine) fn handle_held_searches(&mut self) {
        for (waiting, found) in std::mem::take(&mut self.services.searches.held) {
            self.handle_found(waiting, found);
        }
    }
}
