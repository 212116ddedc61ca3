//! A server with one session, and the states that both can be in.

use super::super::*;
use crate::base::slab::Id;
use crate::config::{Config, Permission, SavePoints};
use crate::engine::dataset::appending::State;
use crate::engine::session::{Sessions, Transaction};
use crate::spec::{self, Spec};

const NOW_MS: i64 = 1000;

/// A server with one session, both as they are after the start.
pub(super) struct Scene {
    pub(super) sessions: Sessions,
    pub(super) services: Services,
}

pub(super) const CLIENT: Id = Id {
    index: 0,
    generation: 1,
};

impl Scene {
    pub(super) fn new() -> Self {
        let mut sessions = Sessions::default();
        let services = Services::new(Config::new());
        let session = sessions.open(CLIENT, 0, services.users.default_identity());
        session.be_default(&services.users);
        session.about.address = "10.1.1.1:5".to_owned();
        Self { sessions, services }
    }

    pub(super) fn session(&mut self) -> &mut Session {
        self.sessions.get_mut(CLIENT).expect("it was opened")
    }

    fn look_up_access(&mut self) {
        let users = &self.services.users;
        let session = self.sessions.get_mut(CLIENT).expect("it was opened");
        session.look_up_access(users);
    }

    pub(super) fn judge_from(&self, command: &Facts, origin: Origin) -> Option<Refusal> {
        judge(&Request {
            session: self.sessions.get(CLIENT).expect("it was opened"),
            services: &self.services,
            command,
            flags: command.spec.flags,
            args: Args::EMPTY,
            now_ms: NOW_MS,
            origin,
        })
    }

    /// The fate of the command; of an error its first word.
    pub(super) fn fate(&self, name: &str) -> String {
        match self.judge_from(&command(row(name)), Origin::Client) {
            None => "runs".to_owned(),
            Some(Refusal::Postpone) => "postponed".to_owned(),
            Some(Refusal::Queue) => "queued".to_owned(),
            Some(Refusal::Denied(_)) => "denied".to_owned(),
            Some(Refusal::Error(error)) => {
                let text = String::from_utf8_lossy(error.text()).into_owned();
                text.split(' ').next().unwrap_or_default().to_owned()
            }
        }
    }
}

pub(super) fn rows() -> impl Iterator<Item = &'static Spec> {
    spec::all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands.iter().copied()))
}

pub(super) fn row(name: &str) -> &'static Spec {
    rows().find(|spec| spec.name == name).expect(name)
}

pub(super) fn command(spec: &'static Spec) -> Facts {
    Facts::new(spec, 0)
}

pub(super) type Enter = fn(&mut Scene);

/// States of a session and of the server that a rule may ask about, one fact each.
pub(super) const STATES: &[(&str, Enter)] = &[
    ("not authenticated", |scene| {
        scene.session().is_authenticated = false;
        scene.look_up_access();
    }),
    ("a password", |scene| {
        scene.services.users.set_default_password(b"secret");
        scene.look_up_access();
    }),
    ("subscribed", |scene| {
        scene.session().subscriptions = Some(Box::default());
    }),
    ("RESP3", |scene| scene.session().protocol = Protocol::Resp3),
    ("local", |scene| scene.session().about.is_unix = true),
    ("in a transaction", |scene| {
        scene.session().transaction = Some(Box::default());
    }),
    ("a transaction that writes", |scene| {
        scene.session().transaction = Some(Box::new(Transaction {
            flags: command_flag::WRITE | command_flag::DENYOOM,
            ..Transaction::default()
        }));
    }),
    ("loading", |scene| scene.services.server.is_loading = true),
    ("a limit of memory", |scene| {
        scene.services.config.maxmemory = 1;
    }),
    ("memory over", |scene| scene.services.out_of_memory = true),
    ("writes wait", |scene| {
        scene.services.pause.start(NOW_MS + 1, PauseMode::Write);
    }),
    ("all waits", |scene| {
        scene.services.pause.start(NOW_MS + 1, PauseMode::All);
    }),
    ("a pause that is over", |scene| {
        scene.services.pause.start(NOW_MS - 1, PauseMode::All);
    }),
    ("a snapshot failed", |scene| {
        scene.services.persistence.last_bgsave_failed = true;
    }),
    ("snapshots do not matter", |scene| {
        scene.services.config.save = SavePoints::default();
    }),
    ("a log", |scene| scene.services.appending.state = State::On),
    ("the log cannot be written", |scene| {
        scene.services.appending.write_error = Some("No space left on device".to_owned());
    }),
    ("a replica", |scene| {
        let primary = crate::config::Primary {
            host: b"10.1.1.2".to_vec(),
            port: 6379,
        };
        let replication = &mut scene.services.replication;
        replication.take_role(Some(primary), 0);
        replication.adopt_config(&scene.services.config);
    }),
    ("that serves no old data", |scene| {
        scene.services.config.replica_serve_stale_data = false;
    }),
    ("that may be written to", |scene| {
        scene.services.config.replica_read_only = false;
    }),
    ("writes need a replica", |scene| {
        scene.services.config.min_replicas_to_write = 1;
        let replication = &mut scene.services.replication;
        replication.adopt_config(&scene.services.config);
    }),
    ("a session that is a replica", |scene| {
        scene.session().link = Link::Replica;
    }),
    ("DEBUG is allowed", |scene| {
        scene.services.config.enable_debug_command = Permission::Yes;
    }),
    ("MODULE is allowed to local clients", |scene| {
        scene.services.config.enable_module_command = Permission::Local;
    }),
];

pub(super) fn scene(states: &[&str]) -> Scene {
    let mut scene = Scene::new();
    for state in states {
        let (_, apply) = STATES.iter().find(|(name, _)| name == state).expect(state);
        apply(&mut scene);
    }
    scene
}
