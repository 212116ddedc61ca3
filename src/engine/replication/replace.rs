//! The data set of our primary takes the place of ours.
//!
//! Ours goes before the other is read, or stays until the other is complete (`repl-diskless-load swapdb`). If it is of
//! the same history as the other, it can be read meanwhile.

use crate::base::slab::Id;
use crate::engine::Engine;
use crate::script::Functions;

impl Engine {
    /// The old data gives way. Replicas of ours have to begin anew as well, with what we are going to have.
    pub(crate) fn empty_for_sync(&mut self, bytes: u64) {
        log::info!("MASTER <-> REPLICA sync: Flushing old data");
        self.leave_history();
        self.forget_dataset();
        self.spoil_watchers();
        log::info!("MASTER <-> REPLICA sync: Loading DB in memory");
        self.begin_loading(bytes);
    }

    pub(super) fn close_replicas(&mut self) {
        let attached = self.services.replication.attached();
        let ids: Vec<Id> = attached.map(|replica| replica.id).collect();
        for id in ids {
            self.give_up_replica(id);
        }
    }

    /// What our replicas have followed ends here.
    fn leave_history(&mut self) {
        self.close_replicas();
        let replication = &mut self.services.replication;
        replication.history.rest();
        if let Some(upstream) = &mut replication.upstream {
            upstream.has_history = false;
        }
    }

    /// The new data set is read beside the old one.
    pub(super) fn load_aside(&mut self, bytes: u64) {
        log::info!("MASTER <-> REPLICA sync: Loading DB in memory");
        self.begin_loading(bytes);
        self.keyspace.prepare_aside();
        let replication = &mut self.services.replication;
        replication.loads_aside = true;
        let next = (replication.upstream.as_ref()).and_then(|upstream| upstream.next.as_ref());
        let is_same = next.is_some_and(|(id, _)| *id == replication.history.id);
        self.services.server.serves_while_loading = is_same;
    }

    /// Around what is put into the new data set, where that is beside the old one.
    pub(in crate::engine) fn exchange_if_aside(&mut self) {
        if self.services.replication.loads_aside {
            self.exchange();
        }
    }

    fn exchange(&mut self) {
        self.keyspace.exchange_aside();
        let services = &mut self.services;
        std::mem::swap(
            &mut services.functions,
            &mut services.replication.functions_aside,
        );
    }

    /// The new data set is complete.
    pub(super) fn adopt_aside(&mut self) {
        if !std::mem::take(&mut self.services.replication.loads_aside) {
            return;
        }
        self.leave_history();
        log::info!("MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
        self.exchange();
        self.services.replication.functions_aside = Functions::default();
        log::info!("MASTER <-> REPLICA sync: Discarding old DB in background");
        self.keyspace.drop_aside();
        self.tell_all_is_gone();
        self.spoil_watchers();
    }

    /// What has been read of the new data set goes. The old one is there again, if it was kept.
    pub(crate) fn give_up_loading(&mut self) {
        self.end_loading();
        if !std::mem::take(&mut self.services.replication.loads_aside) {
            self.forget_dataset();
            return;
        }
        log::info!("MASTER <-> REPLICA sync: Discarding temporary DB in background");
        self.keyspace.drop_aside();
        self.services.replication.functions_aside = Functions::default();
    }

    /// Whatever was watched is another key now.
    fn spoil_watchers(&mut self) {
        let watching = self.sessions.iter_mut();
        for session in watching.filter(|session| !session.watched.is_empty()) {
            session.is_watch_broken = true;
        }
    }
}
