//! The steps of a migration: it is begun, answered, and ended by the command that has begun it.

use crate::acl::Identity;
use crate::base::slab::Id;
use crate::engine::Engine;
use crate::engine::migration::{Order, Report, Running};
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::effects::Ask;
use crate::engine::services::Services;
use crate::engine::session::{Link, Parked, Replies, Session};
use crate::engine::waiting::pause::Holder;
use crate::keyspace::KeyHint;
use crate::wire::args::Args;

impl Ctx<'_> {
    /// The keys are sent, and the session waits for what comes of it.
    pub(crate) fn begin_migration(&mut self, args: Args<'_>, keys: Vec<Vec<u8>>, order: Order) {
        self.park_for_shell(args);
        self.services.pause.hold_writes(Holder::Migration, true);
        self.services.migrations.running = Some(Running {
            session: self.session.id,
            keys,
            orphan: None,
            report: None,
        });
        self.fx.ask(Ask::Migrate(Box::new(order)));
    }

    /// The keys that this command has sent, and what came of it. `None`: it has not been sent yet.
    pub(crate) fn take_migrated(&mut self) -> Option<(Vec<Vec<u8>>, Report)> {
        if self.origin != Origin::Retry {
            return None;
        }
        let running = &mut self.services.migrations.running;
        let is_mine = |running: &mut Running| running.session == self.session.id;
        let mut running = running.take_if(is_mine)?;
        Some((running.keys, running.report.take()?))
    }
}

impl Services {
    /// The session is gone. If it was migrating, its command stays.
    pub(in crate::engine) fn keep_migration(&mut self, session: &mut Session) {
        if let Some(running) = &mut self.migrations.running
            && running.session == session.id
            && let Some(parked) = session.parked.take()
        {
            running.orphan = Some((parked, session.db));
        }
    }
}

impl Engine {
    /// The other server has answered, or has not.
    pub(crate) fn handle_migrated(&mut self, report: Report) {
        self.services.pause.hold_writes(Holder::Migration, false);
        let Some(running) = &mut self.services.migrations.running else {
            return;
        };
        running.report = Some(report);
        let id = running.session;
        match running.orphan.take() {
            None => self.retry(id),
            Some((parked, db)) => self.finish_orphan(id, *parked, db),
        }
        self.services.migrations.running = None;
    }

    fn finish_orphan(&mut self, id: Id, parked: Parked, db: u16) {
        let mut session = Session::new(id, 0, self.now.monotonic_us, Identity::superuser());
        session.link = Link::Internal;
        session.replies = Replies::Off;
        session.be_superuser();
        session.db = db;
        let command = self.table.command(parked.command);
        let args = parked.args.as_args();
        self.run(
            &mut session,
            command,
            args,
            Origin::Retry,
            KeyHint::default(),
        );
        self.settle_consequences();
    }

    /// The shell keeps so many connections to other servers.
    pub(crate) fn handle_kept_connections(&mut self, count: usize) {
        self.services.migrations.kept_connections = count;
    }
}
