//! May this command run now? The gate decides and never acts: it returns a verdict, and `engine` carries it out.
//!
//! Admission is a list of rules ([`RULES`]), and the first that objects decides. Their order is Redis's and part of
//! what clients see: a write on a full server inside MULTI spoils the transaction before it could be queued, a command
//! that needs a password is refused before it could wait for a pause, and so on. A rule knows a command by the facts in
//! its row, never by its name. [`is_open`] answers the common case without the list; a test compares the two.

use crate::acl::Denial;
use crate::spec::Protection;
use crate::spec::error::Error;
use crate::spec::flags::{Flags, flag as command_flag};
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

use crate::engine::run::ctx::Origin;
use crate::engine::run::facts::Facts;
use crate::engine::services::Services;
use crate::engine::session::{Access, Link, Session};
use crate::engine::users;
use crate::engine::waiting::pause::PauseMode;

/// The fate of a command that may not run now.
#[derive(Debug)]
pub(crate) enum Refusal {
    Error(Error),
    /// The user may not do it, which is noted.
    Denied(Denial),
    /// It stays in the input until the pause ends.
    Postpone,
    /// It goes into the queue of the transaction.
    Queue,
}

/// A command that a session asks for, and the state of the server that the rules look at.
pub(crate) struct Request<'a> {
    pub(crate) session: &'a Session,
    pub(crate) services: &'a Services,
    pub(crate) command: &'a Facts,
    /// Those of the command, or of the code that it runs.
    pub(crate) flags: Flags,
    pub(crate) args: Args<'a>,
    pub(crate) now_ms: i64,
    pub(crate) origin: Origin,
}

type Rule = fn(&Request<'_>) -> Option<Refusal>;

/// In the order in which they are asked.
const RULES: [Rule; 16] = [
    is_protected,
    lacks_password,
    is_barred_from_transactions,
    lacks_permission,
    memory_is_full,
    snapshots_fail,
    log_fails,
    replicas_lack,
    replica_is_read_only,
    client_is_subscribed,
    data_set_is_stale,
    data_set_is_loading,
    script_is_busy,
    session_is_replica,
    clients_pause,
    transaction_collects,
];

/// Whether a request is the beginning of a web page's request. A browser can be made to send one to any port, and what
/// follows would be taken for commands.
pub(crate) fn is_web_request(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// The common case: an authenticated session on a server where nothing special goes on. No rule would object, and the
/// list need not be asked.
#[inline]
pub(crate) fn is_open(session: &Session, services: &Services, command: &Facts) -> bool {
    session.access == Access::Unrestricted
        && is_unhindered(session)
        && stands_open(services)
        && command.spec.protected_by.is_none()
}

/// The part of a session in that, apart from who it is.
#[inline]
pub(crate) fn is_unhindered(session: &Session) -> bool {
    !session.is_subscribed() && session.transaction.is_none() && session.link != Link::Replica
}

/// The part of the server in that, for all commands that nothing protects.
#[inline]
pub(crate) fn stands_open(services: &Services) -> bool {
    services.pause.is_off()
        && !services.server.is_loading
        && services.busy.is_none()
        && services.config.maxmemory == 0
        && !services.persistence.last_bgsave_failed
        && services.appending.error().is_none()
        && !services.replication.is_guarding
}

/// Asks the rules about a command of a client; `None` lets it run. Commands that a transaction or a script runs have
/// been decided with it, and what the append-only file or our primary says has been decided elsewhere; only a pause
/// ([`clients_pause`]) may hold up our primary.
pub(crate) fn judge(request: &Request<'_>) -> Option<Refusal> {
    if matches!(request.origin, Origin::Replay | Origin::Primary) {
        return None;
    }
    RULES.iter().find_map(|rule| rule(request))
}

/// Asks about a command that a script calls. Most has been decided with the script.
pub(crate) fn judge_called(request: &Request<'_>, ignores_memory: bool) -> Option<Error> {
    if request.origin != Origin::Script {
        return None;
    }
    let rules: &[Rule] = if ignores_memory {
        &[
            replica_is_read_only,
            snapshots_fail,
            log_fails,
            replicas_lack,
        ]
    } else {
        &[
            replica_is_read_only,
            snapshots_fail,
            log_fails,
            replicas_lack,
            memory_is_full,
        ]
    };
    match rules.iter().find_map(|rule| rule(request))? {
        Refusal::Error(error) => Some(error),
        Refusal::Denied(_) | Refusal::Postpone | Refusal::Queue => None,
    }
}

impl Request<'_> {
    /// Whether the command has one of the flags, or one of those has that EXEC is about to run.
    fn has(&self, flags: Flags) -> bool {
        match &self.session.transaction {
            Some(transaction) if self.command.has(command_flag::RUNS_TRANSACTION) => {
                transaction.flags.any(flags)
            }
            _ => self.flags.any(flags),
        }
    }

    fn fails_with_disk(&self) -> bool {
        // What a replica writes is on its primary's disk, if the configuration trusts in that.
        let is_excused = self.services.replication.is_replica()
            && self.services.config.replica_ignore_disk_write_errors;
        !is_excused && self.has(command_flag::WRITE)
            || self.command.has(command_flag::FAILS_WITH_DISK)
    }
}

fn refuse(error: impl Into<Error>) -> Option<Refusal> {
    Some(Refusal::Error(error.into()))
}

/// DEBUG and MODULE can do harm, so the configuration has to allow them, to local clients or to all.
fn is_protected(request: &Request<'_>) -> Option<Refusal> {
    let protection = request.command.spec.protected_by?;
    let config = &request.services.config;
    let permission = match protection {
        Protection::Debug => config.enable_debug_command,
        Protection::Module => config.enable_module_command,
    };
    if permission.is_granted(request.session.is_local()) {
        return None;
    }
    let (commands, parameter) = (protection.commands(), protection.parameter());
    refuse(format!(
        "ERR {commands} command not allowed. If the {parameter} option is set to \"local\", you can run it from a \
         local connection, otherwise you need to set this option in the configuration file, and then restart the server."
    ))
}

/// Before the password, a client may only give it.
fn lacks_password(request: &Request<'_>) -> Option<Refusal> {
    let may_run = !request.session.is_stranger() || request.command.has(command_flag::NO_AUTH);
    (!may_run).then_some(Refusal::Error(Error::NoAuth))
}

/// A command that would wait for itself, or end the connection under the transaction, cannot be collected.
fn is_barred_from_transactions(request: &Request<'_>) -> Option<Refusal> {
    if request.session.transaction.is_some() && request.command.has(command_flag::NO_MULTI) {
        return refuse("ERR Command not allowed inside a transaction");
    }
    None
}

/// A user may run only what its rules allow.
fn lacks_permission(request: &Request<'_>) -> Option<Refusal> {
    let Request {
        session,
        services,
        command,
        args,
        ..
    } = request;
    users::denial(services, session, command, *args).map(Refusal::Denied)
}

/// Eviction has not made enough room: what may take more memory has to wait until keys are removed.
fn memory_is_full(request: &Request<'_>) -> Option<Refusal> {
    let services = request.services;
    let is_full = services.config.maxmemory != 0 && services.out_of_memory;
    (is_full && request.has(command_flag::DENYOOM)).then_some(Refusal::Error(Error::Oom))
}

/// A data set that cannot be saved shall not grow apart from its last file.
fn snapshots_fail(request: &Request<'_>) -> Option<Refusal> {
    let fails = request.services.denies_writes() && request.fails_with_disk();
    fails.then_some(Refusal::Error(Error::Misconf))
}

/// The same for the append-only file.
fn log_fails(request: &Request<'_>) -> Option<Refusal> {
    let error = log_error(request.services)?;
    request.fails_with_disk().then_some(Refusal::Error(error))
}

/// The refusal of writes that the append-only file would not get.
pub(super) fn log_error(services: &Services) -> Option<Error> {
    let reason = services.appending.error()?;
    Some(format!("MISCONF Errors writing to the AOF file: {reason}").into())
}

/// `min-replicas-to-write`: a write that too few replicas would hear of soon is refused.
fn replicas_lack(request: &Request<'_>) -> Option<Refusal> {
    let is_short = lacks_replicas(request.services);
    (is_short && request.has(command_flag::WRITE)).then_some(Refusal::Error(Error::NoReplicas))
}

pub(super) fn lacks_replicas(services: &Services) -> bool {
    let Services {
        config,
        replication,
        ..
    } = services;
    !replication.is_replica()
        && config.min_replicas_max_lag_s != 0
        && replication.good_replicas < config.min_replicas_to_write
}

/// Only our primary writes here.
fn replica_is_read_only(request: &Request<'_>) -> Option<Refusal> {
    let is_read_only =
        request.services.replication.is_replica() && request.services.config.replica_read_only;
    (is_read_only && request.has(command_flag::WRITE)).then_some(Refusal::Error(Error::ReadOnly))
}

/// `replica-serve-stale-data no`: while we do not hear of changes, we answer nothing that they could change.
fn data_set_is_stale(request: &Request<'_>) -> Option<Refusal> {
    let replication = &request.services.replication;
    let is_stale = replication.is_replica()
        && !replication.is_linked()
        && !request.services.config.replica_serve_stale_data;
    let may_run = match &request.session.transaction {
        Some(transaction) if request.command.has(command_flag::RUNS_TRANSACTION) => {
            transaction.common_flags.any(command_flag::STALE) || transaction.queue.is_empty()
        }
        _ => request.flags.any(command_flag::STALE),
    };
    (is_stale && !may_run).then_some(Refusal::Error(Error::MasterDown))
}

/// A replica hears of the data by the stream, and by nothing else.
fn session_is_replica(request: &Request<'_>) -> Option<Refusal> {
    let touches_keys = command_flag::WRITE | command_flag::READONLY | command_flag::MAY_REPLICATE;
    if request.session.link == Link::Replica && request.has(touches_keys) {
        return refuse("ERR Replica can't interact with the keyspace");
    }
    None
}

/// In RESP2 a client could not tell a reply from a message, so a subscribed one gets few replies.
fn client_is_subscribed(request: &Request<'_>) -> Option<Refusal> {
    let session = request.session;
    let is_confined = session.is_subscribed() && session.protocol == Protocol::Resp2;
    if is_confined && !request.command.has(command_flag::ALLOWED_SUBSCRIBED) {
        return refuse(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            request.command.name()
        ));
    }
    None
}

/// Half a data set answers nothing.
fn data_set_is_loading(request: &Request<'_>) -> Option<Refusal> {
    let server = &request.services.server;
    let is_closed = if server.serves_while_loading {
        request.has(command_flag::NO_ASYNC_LOADING)
    } else {
        server.is_loading && !request.command.has(command_flag::LOADING)
    };
    is_closed.then_some(Refusal::Error(Error::Loading))
}

/// A script has run for long, and is in the midst of a step.
fn script_is_busy(request: &Request<'_>) -> Option<Refusal> {
    let busy = request.services.busy.as_ref()?;
    let may_run = request.command.has(command_flag::ALLOW_BUSY);
    (!may_run).then(|| Refusal::Error(busy.kind.refusal()))
}

/// CLIENT PAUSE holds back all commands, or those that may write, those of our primary among them. Links of replicas go
/// on, and so does what waited when the pause began.
pub(crate) fn clients_pause(request: &Request<'_>) -> Option<Refusal> {
    let pause = &request.services.pause;
    let mode = match request.origin {
        Origin::Client if request.session.link != Link::Replica => pause.mode(request.now_ms),
        Origin::Primary => pause.mode_of_stream(request.now_ms),
        _ => None,
    }?;
    let is_held = match mode {
        PauseMode::All => true,
        PauseMode::Write => request.has(command_flag::WRITE | command_flag::MAY_REPLICATE),
    };
    is_held.then_some(Refusal::Postpone)
}

/// Inside MULTI commands are collected; this rule stands last, since what is refused spoils the transaction.
fn transaction_collects(request: &Request<'_>) -> Option<Refusal> {
    let is_collected = request.session.transaction.is_some()
        && !request.command.has(command_flag::STEERS_TRANSACTION);
    is_collected.then_some(Refusal::Queue)
}

#[cfg(test)]
mod tests;
