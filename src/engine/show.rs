//! What the engine shows to who is no client: a report by a command's own means, and figures.
//!
//! It is asked between commands, at the end of a turn, and nothing changes by it.

use crate::acl::{Identity, Whereabouts};
use crate::base::slab::Id;
use crate::keyspace::db::kind_of;
use crate::keyspace::{Expiry, Keys};
use crate::observe::shown::{CloseUp, Figures, Found, Place, Request, Slow, TableFigures, Waiting};
use crate::store::tsc::Rate;
use crate::wire::args::OwnedArgs;
use crate::wire::reply::{Protocol, Reply};

use super::Engine;
use super::run::ctx::{Ctx, Origin};
use super::session::{Link, Replies, Session};
use super::users;

impl Engine {
    /// Lets `question` see what a handler sees, as the server itself: a session above all users that is in no list, and
    /// whose replies go nowhere.
    pub(crate) fn consult<T>(&mut self, question: impl FnOnce(&mut Ctx<'_>) -> T) -> T {
        let mut session = Session::new(Id::NONE, 0, self.now.monotonic_us, Identity::superuser());
        session.link = Link::Internal;
        session.replies = Replies::Off;
        session.be_superuser();
        let now = self.now;
        let mut ctx = Ctx {
            clock: &self.clock,
            reply: Reply::new(&mut self.output, Protocol::Resp2),
            keys: Keys::new(&mut self.keyspace, 0, now.unix_ms, Expiry::Show),
            session: &mut session,
            fx: &mut self.fx,
            services: &mut self.services,
            sessions: &mut self.sessions,
            table: &self.table,
            command: self.table.all[0],
            origin: Origin::Client,
            now,
            still_waiting: false,
        };
        let answer = question(&mut ctx);
        debug_assert!(
            self.output.is_empty(),
            "whoever is consulted replies nothing"
        );
        answer
    }

    /// When this turn began, or the last long command in it ended: in milliseconds of Unix time, and on the monotonic
    /// clock.
    pub(crate) fn turn_began(&self) -> (i64, u64) {
        (self.now.unix_ms, self.now.monotonic_us)
    }

    pub(crate) fn figures(&self) -> Figures {
        let due_ms = self.keyspace.next_due_ms().unwrap_or(i64::MAX);
        let slow = self.services.slowlog.entries.front();
        Figures {
            late_ms: self.now.unix_ms.saturating_sub(due_ms).max(0) as u64,
            tables: self.tables(),
            slow_count: self.services.slowlog.entries.len() as u64,
            slow_last_id: slow.map_or(-1, |entry| entry.id),
            slow_last_us: slow.map_or(0, |entry| entry.duration_us),
        }
    }

    /// Looks at all sessions.
    pub(crate) fn waiting_bytes(&self) -> Waiting {
        let all = || self.sessions.iter();
        Waiting {
            unread: all().map(|session| session.unexecuted() as u64).sum(),
            unsent: all().map(|session| session.output.len() as u64).sum(),
        }
    }

    fn tables(&self) -> Vec<TableFigures> {
        let dbs = self.keyspace.dbs.iter().enumerate();
        dbs.filter(|(_, db)| !db.dict.is_empty())
            .map(|(number, db)| TableFigures {
                db: number,
                keys: db.dict.len(),
                deadlines: db.dict.expires(),
                shape: db.dict.shape(),
                frozen: self.keyspace.frozen_part(number),
            })
            .collect()
    }

    /// The first database that has keys, from near by.
    pub(crate) fn close_up(&self) -> CloseUp {
        let mut dbs = self.keyspace.dbs.iter().enumerate();
        let Some((db, keys)) = dbs.find(|(_, db)| !db.dict.is_empty()) else {
            return CloseUp::default();
        };
        CloseUp {
            db,
            chains: keys.dict.some_chains(CHAINS_SHOWN),
            wheel: keys.dict.wheel_shape(),
        }
    }

    /// Where a key is, as a look-up finds it. A key that is overdue is there until somebody comes across it.
    pub(crate) fn place(&self, db: usize, key: &[u8]) -> Option<Place> {
        let dict = &self.keyspace.dbs.get(db)?.dict;
        let probe = dict.probe(key);
        let found = dict.find(probe.hash, key).map(|(_, entry)| Found {
            kind: kind_of(entry).name(),
            deadline_ms: entry.deadline(),
            bytes: entry.bytes(),
        });
        Some(Place { probe, found })
    }

    /// The latest entries of the slow log.
    pub(crate) fn slow(&self, most: usize) -> Vec<Slow> {
        let entries = self.services.slowlog.entries.iter().take(most);
        entries
            .map(|entry| Slow {
                id: entry.id,
                unix_s: entry.unix_s,
                spent_us: entry.duration_us,
                words: entry.args.clone(),
                address: entry.address.clone(),
            })
            .collect()
    }

    /// The lines of CLIENT LIST about some clients, those that came first in front.
    pub(crate) fn some_clients(&self, most: usize) -> Vec<String> {
        let sessions = self.sessions.ids().take(most);
        sessions.filter_map(|id| self.describe(id)).collect()
    }

    /// From now on, or no longer, commands are noted as they run.
    pub(crate) fn note_requests(&mut self, is_noting: bool) {
        self.services.requests.is_noting = is_noting;
        self.services.adopt_slow();
    }

    pub(crate) fn take_requests(&mut self, into: &mut Vec<Request>) {
        self.services.requests.take(into);
    }

    /// Whether this is a user with that password, who may run a command of that name.
    pub(crate) fn is_user_who_may(&self, name: &[u8], password: &[u8], command: &[u8]) -> bool {
        let Some(identity) = self.services.users.authenticate(name, password) else {
            return false;
        };
        let (Some(user), Some(command)) =
            (self.services.users.get(&identity), self.table.find(command))
        else {
            return false;
        };
        let words = OwnedArgs::from_slices(&[command.name().as_bytes()]);
        let place = Whereabouts {
            db: 0,
            count: self.services.config.databases,
        };
        user.denial(&users::asked(command, &words.as_args(), place))
            .is_none()
    }

    /// The session may read keys from now on, and do little else, until it says who it is.
    pub(crate) fn be_reader(&mut self, id: Id) {
        if self.services.reader.is_none() {
            let reader = self.services.users.unlisted(READER, READER_RULES);
            self.services.reader = Some(reader.expect("our own rules are no misrules"));
        }
        if let (Some(session), Some(reader)) = (self.sessions.get_mut(id), &self.services.reader) {
            session.enter_as(reader.clone(), &self.services.users);
        }
    }

    /// The number that CLIENT ID shows.
    pub(crate) fn number_of(&self, id: Id) -> Option<u64> {
        Some(self.sessions.get(id)?.number)
    }

    /// What these words of a session name: a command, and the place of its first key.
    pub(crate) fn way(
        &self,
        id: Id,
        words: &[Vec<u8>],
    ) -> (Option<&'static str>, Option<(Vec<u8>, Place)>) {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let args = OwnedArgs::from_slices(&words);
        let args = args.as_args();
        let Ok(command) = self.table.resolve(args) else {
            return (None, None);
        };
        let key = args
            .get(usize::from(command.first_key))
            .filter(|_| command.first_key != 0);
        let place = key.and_then(|key| {
            let db = self.sessions.get(id)?.db;
            Some((key.to_vec(), self.place(usize::from(db), key)?))
        });
        (Some(command.name()), place)
    }

    /// From ticks of the processor's counter to nanoseconds.
    pub(crate) fn rate(&self) -> Rate {
        self.services.rate
    }
}

/// A walk over them costs as many misses of the cache.
const CHAINS_SHOWN: usize = 256;

/// Who types at the prompt of the live page, as long as it is nobody else.
const READER: &[u8] = b"(page)";
const READER_RULES: &[&str] = &[
    "on",
    "nopass",
    "~*",
    "-@all",
    "+@read",
    "+@connection",
    "-@dangerous",
    "+info",
    "+command",
    "+memory|usage",
    "+dbsize",
    "+lolwut",
];
