//! A fed run: what its commands changed is passed on to the log and to the replicas.
//!
//! Nearly every command goes on as it came, and nearly every request came in the bytes in which we would write it. Such
//! requests lie side by side in the input of their client, so a run notes where they begin and end, and copies all of
//! them at once: before it passes on anything else, and at its end. Until then nobody can ask how far the log and the
//! stream have come, for a plain command does not.

use std::ops::Range;

use crate::engine::run::command::Command;
use crate::engine::run::ctx::Ctx;
use crate::engine::run::effects::{Audience, Ended};
use crate::wire::args::Args;
use crate::wire::batch::Request;

/// Requests that lie side by side, have run, and are not passed on yet.
pub(super) struct Piece<'a> {
    /// The input in which they lie.
    bytes: &'a [u8],
    range: Range<usize>,
    count: u64,
    /// How far the log and the stream had come when the run began.
    fed_before: (u64, u64),
}

impl<'a> Piece<'a> {
    pub(super) fn new(bytes: &'a [u8], fed_before: (u64, u64)) -> Self {
        let (range, count) = (0..0, 0);
        Self {
            bytes,
            range,
            count,
            fed_before,
        }
    }

    /// Takes in what a plain command has done, if that is nothing or goes on as it came. If not, it is for
    /// [`Piece::pass_on`].
    #[inline]
    pub(super) fn takes(&mut self, ctx: &mut Ctx<'_>, ended: Ended, request: &Request) -> bool {
        if !ctx.fx.is_quiet() || !ctx.keys.space.journal.is_empty() {
            return false;
        }
        let Some(audience) = Audience::of(ctx.command.spec.propagates, ended) else {
            return true;
        };
        let Some(sent) = request.as_sent().filter(|_| audience == Audience::Both) else {
            return false;
        };
        if sent.start != self.range.end {
            self.end(ctx);
            self.range.start = sent.start;
        }
        self.range.end = sent.end;
        self.count += 1;
        true
    }

    /// Tells the readers of the stream what a plain command has done: other commands, or itself in other bytes.
    #[inline(never)]
    pub(super) fn pass_on(
        &mut self,
        ctx: &mut Ctx<'_>,
        command: &'static Command,
        args: Args<'_>,
        ended: Ended,
    ) {
        self.end(ctx);
        if !ctx.fx.is_quiet() || !ctx.keys.space.journal.is_empty() {
            pass_on_several(ctx, command, args, ended);
        } else if let Some(audience) = Audience::of(command.spec.propagates, ended) {
            (ctx.services).append_one(audience, ctx.keys.db, args, &ctx.now);
        }
    }

    /// The run is over. If it has changed anything, its client has written up to here.
    pub(super) fn end_run(&mut self, ctx: &mut Ctx<'_>) {
        self.end(ctx);
        let fed_to = ctx.services.fed_to();
        if fed_to != self.fed_before {
            (ctx.session.written_to, ctx.session.stream_to) = fed_to;
        }
    }

    /// Passes the requests on. They are of one database and of one time, as the run is.
    #[inline(never)]
    pub(super) fn end(&mut self, ctx: &mut Ctx<'_>) {
        if self.count > 0 {
            let sent = &self.bytes[self.range.clone()];
            (ctx.services).append_sent(ctx.keys.db, sent, self.count, &ctx.now);
            (self.range.start, self.count) = (self.range.end, 0);
        }
    }
}

/// Where keys went by themselves, or the command names others. Nobody else hears of the keys.
#[cold]
fn pass_on_several(ctx: &mut Ctx<'_>, command: &'static Command, args: Args<'_>, ended: Ended) {
    let (fx, journal) = (&mut *ctx.fx, &mut ctx.keys.space.journal);
    fx.note_removals(journal);
    fx.facts_seen = 0;
    journal.clear();
    fx.finish_command(command.spec.propagates, ctx.keys.db, ended, args);
    if !fx.stream.is_empty() {
        ctx.services.append_effects(fx, command, &ctx.now);
    }
}
