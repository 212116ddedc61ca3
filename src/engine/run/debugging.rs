//! A client that debugs its script.
//!
//! The script stands still in the midst of a command until its client has spoken. Meanwhile the loop turns, as inside a
//! script that has run for long ([`busy`]): others are told that the server is busy, and one of them may end it. The
//! client's own connection is spoken to directly, past the engine: what the script has replied so far is not to
//! leave yet.
//!
//! Of a session that was begun by SCRIPT DEBUG YES nothing stays: see [`undo`](super::undo).

use std::rc::Rc;

use crate::base::output::{Mark, Output};
use crate::engine::run::busy::{self, Script};
use crate::engine::run::ctx::Ctx;
use crate::engine::run::outside::Listened;
use crate::engine::run::undo::Undo;
use crate::engine::session::Debugging;
use crate::script::{Heard, Pulse, Said};
use crate::store::tsc;

/// A script that is being debugged.
pub(crate) struct Debugged {
    /// What the client has not been sent yet.
    unsent: Output,
    pub(crate) undo: Option<Undo>,
    /// When the client was last heard, by the processor's counter.
    heard: u64,
}

/// How long the loop sleeps at most while the client says nothing.
const SLEEP_MS: u64 = 100;

impl Debugged {
    pub(crate) fn begin(ctx: &mut Ctx<'_>, how: Debugging) -> Self {
        let undo = match how {
            Debugging::Synchronously => {
                log::warn!("Redis synchronous debugging eval session started");
                None
            }
            Debugging::Aside => {
                log::warn!(
                    "A script is debugged: others are told BUSY until it ends, and what it changes is taken back"
                );
                Some(Undo::begin(ctx))
            }
        };
        Self {
            unsent: Output::default(),
            undo,
            heard: tsc::ticks(),
        }
    }

    pub(crate) fn end(self, ctx: &mut Ctx<'_>) {
        match self.undo {
            Some(undo) => {
                undo.take_back(ctx);
                log::warn!("The script that was debugged has ended");
            }
            None => log::warn!("Redis synchronous debugging eval session ended"),
        }
    }

    pub(crate) fn tell(&mut self, ctx: &mut Ctx<'_>, bytes: &[u8]) {
        self.unsent.push(bytes);
        say(ctx, &mut self.unsent);
    }

    /// Waits for the client.
    pub(crate) fn hear(
        &mut self,
        ctx: &mut Ctx<'_>,
        script: &Script<'_>,
        heard: &mut Vec<u8>,
    ) -> Heard {
        busy::note(ctx, script);
        let seat = Rc::clone(&ctx.services.outside);
        let id = ctx.session.id;
        loop {
            if !say(ctx, &mut self.unsent) {
                return Heard::Nobody;
            }
            match seat.with(|outside| outside.hear(id, heard)) {
                Some(Listened::Something) => {
                    self.heard = tsc::ticks();
                    return Heard::Something;
                }
                Some(Listened::Nothing) => {}
                Some(Listened::End) | None => return Heard::Nobody,
            }
            if let Pulse::Ends(text) = busy::let_others_in(ctx, script, SLEEP_MS) {
                return Heard::Ends(text);
            }
        }
    }

    /// Whether the script has run for long since the client was heard.
    pub(crate) fn runs_long(&self, ctx: &Ctx<'_>) -> bool {
        const USUAL_MS: u64 = 5000;
        let most_ms = match ctx.services.config.busy_reply_threshold_ms {
            0 => USUAL_MS,
            most_ms => most_ms,
        };
        let spent = tsc::ticks().wrapping_sub(self.heard);
        ctx.services.rate.nanos(spent) / 1_000_000 >= most_ms
    }
}

/// Sends as much as leaves at once. False: the connection is over, or there is none.
fn say(ctx: &mut Ctx<'_>, unsent: &mut Output) -> bool {
    let (seat, id) = (Rc::clone(&ctx.services.outside), ctx.session.id);
    seat.with(|outside| outside.say(id, unsent))
        .unwrap_or(false)
}

/// The end of a session, whether or not its script has run: the client's connection ends with it. `before`: where the
/// reply begins, for what does not leave at once goes in front of it.
pub(crate) fn part(ctx: &mut Ctx<'_>, mut said: Said, before: Mark) {
    said.line(b"<endsession>");
    let mut unsent = Output::default();
    unsent.push(&said.take());
    if say(ctx, &mut unsent) && !unsent.is_empty() {
        ctx.reply.output().insert(before, &unsent.take());
    }
    ctx.session.debugging = None;
    ctx.session.close_after_reply();
}
