//! The server as a script sees it: `redis.call` runs a command in the midst of another.
//!
//! The command gets a context of its own, made of the parts of the script's, and a reply that goes to the script and
//! not to the client. It runs in the database that the script has selected, which is not the client's. What the gate
//! had decided before the script began, it decides once more for each command, by fewer rules and in a script's words.

use std::borrow::Cow;

use crate::base::output::Output;
use crate::keyspace::{Expiry, Keys};
use crate::script::{Flags, Heard, Host, Pulse, Refused, Replication};
use crate::spec::error::Error;
use crate::spec::flags::flag as command_flag;
use crate::store::tsc;
use crate::wire::args::Args;
use crate::wire::reply::{Protocol, Reply};

use crate::engine::cluster_hints::ScriptSlots;
use crate::engine::run::busy;
use crate::engine::run::call::call;
use crate::engine::run::command::Command;
use crate::engine::run::ctx::{Ctx, Origin};
use crate::engine::run::debugging::Debugged;
use crate::engine::run::effects::Audience;
use crate::engine::run::executing::Asked;
use crate::engine::run::gate;
use crate::engine::run::table::Named;
use crate::engine::run::undo::{REFUSAL, Undo};
use crate::engine::services::Services;
use crate::engine::session::Debugging;
use crate::engine::users;

/// A script that runs for a client.
pub(crate) struct Running<'c, 'a> {
    ctx: &'c mut Ctx<'a>,
    /// It may read only: its caller or itself says so.
    is_read_only: bool,
    /// Lack of memory does not stop its commands.
    allows_oom: bool,
    /// The client's database, while the session has the script's.
    db: u16,
    replication: Replication,
    /// Changes of the data set before it began.
    dirty_before: u64,
    asked: Asked<'c>,
    /// If it is looked at.
    slots: Option<ScriptSlots>,
    /// When it began, by the processor's counter.
    started: u64,
    debugged: Option<Box<Debugged>>,
}

impl<'c, 'a> Running<'c, 'a> {
    /// Asks whether such a script may run at all, and begins it.
    pub(crate) fn begin(
        ctx: &'c mut Ctx<'a>,
        asked: Asked<'c>,
        flags: Flags,
        is_read_only: bool,
    ) -> Result<Self, Error> {
        if is_stale(ctx.services) && !flags.allow_stale && !ctx.is_replay() {
            return Err(Error::MasterDown);
        }
        if flags.is_said {
            may_begin(ctx, flags, is_read_only)?;
        }
        let slots = if ctx.services.config.cluster_compatibility_sample_ratio == 0 {
            None
        } else {
            ScriptSlots::begin(ctx, flags, asked.args)
        };
        let db = ctx.session.db;
        let dirty_before = ctx.keys.space.journal.dirty;
        Ok(Self {
            is_read_only: is_read_only || flags.no_writes,
            allows_oom: flags.allow_oom,
            db,
            replication: Replication::All,
            dirty_before,
            asked,
            slots,
            started: tsc::ticks(),
            debugged: None,
            ctx,
        })
    }

    /// The client debugs it.
    pub(crate) fn debug(&mut self, how: Debugging) {
        self.debugged = Some(Box::new(Debugged::begin(self.ctx, how)));
    }

    /// The session is in its own database again.
    pub(crate) fn end(self) {
        if let Some(debugged) = self.debugged {
            debugged.end(self.ctx);
        }
        busy::end(self.ctx);
        self.ctx.session.db = self.db;
    }

    /// As others see it. What is taken back in the end has not been written.
    fn seen(&self) -> busy::Script<'c> {
        busy::Script {
            asked: self.asked,
            started: self.started,
            has_written: self.has_written() && !self.is_taken_back(),
        }
    }

    /// Its changes are taken back in the end.
    fn is_taken_back(&self) -> bool {
        let debugged = self.debugged.as_ref();
        debugged.is_some_and(|debugged| debugged.undo.is_some())
    }

    fn refused(&mut self, text: &'static [u8]) -> Refused {
        self.ctx.services.stats.error(text);
        Refused(text.into())
    }

    fn has_written(&self) -> bool {
        self.ctx.keys.space.journal.dirty != self.dirty_before
    }

    /// Why a command that there is may not be called.
    fn refusal(&mut self, command: &'static Command, args: Args<'_>) -> Option<Cow<'static, [u8]>> {
        if command.has(command_flag::NOSCRIPT) && !self.ctx.services.debug.scripts_may_call_all {
            return Some(b"ERR This Redis command is not allowed from script".into());
        }
        let services = &*self.ctx.services;
        if is_stale(services) && !command.has(command_flag::STALE) && !self.ctx.is_replay() {
            return Some(b"ERR Can not execute the command on a stale replica".into());
        }
        if let Some(text) = self.denial(command, args) {
            return Some(text.into());
        }
        if self.is_taken_back() && !Undo::covers(&command.facts) {
            return Some(REFUSAL.into());
        }
        let services = &*self.ctx.services;
        if self.is_read_only && command.has(command_flag::WRITE | command_flag::MAY_REPLICATE) {
            return Some(b"ERR Write commands are not allowed from read-only scripts.".into());
        }
        let request = gate::Request {
            session: self.ctx.session,
            services,
            command,
            flags: command.spec.flags,
            args,
            now_ms: self.ctx.now.unix_ms,
            origin: self.inner_origin(),
        };
        // A script that has written is let finish what it does.
        if self.has_written() {
            return None;
        }
        let refusal = gate::judge_called(&request, self.allows_oom)?;
        Some(refusal.text().to_vec().into())
    }

    /// The words for a command that the user who runs the script may not run.
    fn denial(&mut self, command: &'static Command, args: Args<'_>) -> Option<Vec<u8>> {
        if self.ctx.is_replay() {
            return None;
        }
        let ctx = &mut *self.ctx;
        let denial = users::denial(ctx.services, ctx.session, command, args)?;
        let from = (Origin::Script, &ctx.now);
        let error = (ctx.services).note_denial(ctx.session, command, args, denial, from);
        let text = error.text();
        let text = text.strip_prefix(b"NOPERM ").unwrap_or(text);
        Some([b"ERR ACL failure in script: ", text].concat())
    }

    fn inner_origin(&self) -> Origin {
        if self.ctx.is_replay() {
            self.ctx.origin
        } else {
            Origin::Script
        }
    }

    fn run(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
        protocol: Protocol,
        out: &mut Output,
    ) {
        let origin = self.inner_origin();
        let is_taken_back = self.is_taken_back();
        let ctx = &mut *self.ctx;
        let mut expiry = origin.expiry(ctx.services, ctx.now.unix_ms);
        if is_taken_back && expiry == Expiry::Remove {
            // What is overdue would have to be put back.
            expiry = Expiry::Hide;
        }
        let keys = Keys::new(ctx.keys.space, ctx.session.db, ctx.now.unix_ms, expiry);
        let propagated = ctx.fx.stream.len();
        let mut inner = Ctx {
            session: ctx.session,
            reply: Reply::new(out, protocol),
            keys,
            fx: ctx.fx,
            services: ctx.services,
            sessions: ctx.sessions,
            table: ctx.table,
            clock: ctx.clock,
            command,
            origin,
            now: ctx.now,
            still_waiting: false,
        };
        call(&mut inner, command, args);
        match self.replication {
            _ if is_taken_back => ctx.fx.stream.truncate(propagated),
            Replication::All => {}
            Replication::Nobody => ctx.fx.stream.truncate(propagated),
            Replication::Replicas => ctx.fx.narrow(propagated, Audience::Replicas),
            Replication::Log => ctx.fx.narrow(propagated, Audience::Log),
        }
    }
}

/// `replica-serve-stale-data no`, and our primary is not there.
fn is_stale(services: &Services) -> bool {
    let replication = &services.replication;
    replication.is_replica()
        && !replication.is_linked()
        && !services.config.replica_serve_stale_data
}

/// A script that says what it needs is refused before it begins, where one that says nothing fails on its way.
fn may_begin(ctx: &Ctx<'_>, flags: Flags, is_read_only: bool) -> Result<(), Error> {
    let services = &*ctx.services;
    let replication = &services.replication;
    let is_replica = replication.is_replica() && !ctx.is_replay();
    if !flags.no_writes {
        if is_replica && services.config.replica_read_only {
            let text = "READONLY You can not run script with write flag on readonly replica.";
            return Err(text.into());
        }
        if services.denies_writes() {
            return Err(Error::Misconf);
        }
        if let Some(error) = gate::log_error(services) {
            return Err(error);
        }
        if gate::lacks_replicas(services) {
            return Err(Error::NoReplicas);
        }
        if is_read_only {
            let text = "ERR Can not execute a script with write flag using *_ro command.";
            return Err(text.into());
        }
    }
    let is_full = services.config.maxmemory != 0 && services.out_of_memory;
    if is_full && !flags.allow_oom && !flags.no_writes && !ctx.is_replay() {
        let text = "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
        return Err(text.into());
    }
    Ok(())
}

impl Host for Running<'_, '_> {
    fn call(
        &mut self,
        args: Args<'_>,
        protocol: Protocol,
        out: &mut Output,
    ) -> Result<(), Refused> {
        let command = match self.ctx.table.named(args) {
            Named::Fits(command) => command,
            Named::Misfit(command) => {
                let stats = &mut self.ctx.services.stats;
                stats.commands[command.index].rejected += 1;
                return Err(
                    self.refused(b"ERR Wrong number of args calling Redis command from script")
                );
            }
            Named::NoSubcommand(_) | Named::Nothing => {
                return Err(self.refused(b"ERR Unknown Redis command called from script"));
            }
        };
        if let Some(text) = self.refusal(command, args) {
            self.ctx.services.stats.commands[command.index].rejected += 1;
            self.ctx.services.stats.error(&text);
            return Err(Refused(text));
        }
        if let Some(slots) = &mut self.slots
            && slots.crosses(&command.facts, args)
        {
            self.slots = None;
            self.ctx.services.stats.cluster_incompatible_ops += 1;
        }
        if let Some(debugged) = &mut self.debugged
            && let Some(undo) = &mut debugged.undo
        {
            undo.keep(self.ctx, &command.facts, args);
        }
        self.run(command, args, protocol, out);
        Ok(())
    }

    fn log(&mut self, level: log::Level, text: &[u8]) {
        log::log!(level, "{}", String::from_utf8_lossy(text));
    }

    fn replicate(&mut self, to: Replication) {
        self.replication = to;
    }

    fn may_call(&mut self, args: Args<'_>) -> Result<bool, &'static str> {
        match self.ctx.table.named(args) {
            Named::Fits(command) | Named::Misfit(command) => {
                let (services, session) = (&*self.ctx.services, &*self.ctx.session);
                Ok(users::denial(services, session, command, args).is_none())
            }
            Named::NoSubcommand(_) | Named::Nothing => {
                Err("ERR Invalid command passed to redis.acl_check_cmd()")
            }
        }
    }

    fn pulse(&mut self) -> Pulse {
        let script = self.seen();
        busy::pulse(self.ctx, &script)
    }

    fn tell(&mut self, bytes: &[u8]) {
        if let Some(debugged) = &mut self.debugged {
            debugged.tell(self.ctx, bytes);
        }
    }

    fn hear(&mut self, heard: &mut Vec<u8>) -> Heard {
        let script = self.seen();
        match &mut self.debugged {
            Some(debugged) => debugged.hear(self.ctx, &script, heard),
            None => Heard::Nobody,
        }
    }

    fn runs_long(&mut self) -> bool {
        let debugged = self.debugged.as_ref();
        debugged.is_some_and(|debugged| debugged.runs_long(self.ctx))
    }
}
