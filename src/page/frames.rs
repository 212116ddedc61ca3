//! Frames: what those who watch are sent, ten times a second.
//!
//! ```text
//!  event: frame
//!  data: {"now":..., "turns":[[...],...], "sums":{...}, "heat":[...], "tables":[...], "wheel":{...}, "info":"..."}
//! ```
//!
//! A frame has the turns since the one before it, all of them while they are few; of many it has those whose requests
//! were noted, and the slowest. Wheel and chains come twice a second, INFO, clients and the slow log once. One frame is
//! written, and all who watch are sent the same bytes.

use std::fmt::Write as _;

use crate::observe::shown::{CloseUp, Figures, Place, Slow, TableFigures};

use super::facts::Host;
use super::json::{Json, array, number, object, quote};
use super::turns::{PHASE_NAMES, Record, Turns};

/// Between two frames.
pub(super) const FRAME_US: u64 = 100_000;

/// So many turns are told of one by one in a frame.
const TURNS_MOST: usize = 60;
const CLIENTS_MOST: usize = 100;
const SLOW_MOST: usize = 20;
/// Every so many frames there is more in it.
const CLOSE_UP_EVERY: u64 = 5;
const REPORT_EVERY: u64 = 10;

/// How far the frames are.
#[derive(Default)]
pub(super) struct Frames {
    number: u64,
    /// The last turn that was told of.
    last_turn: u64,
    pub(super) next_us: u64,
}

impl Frames {
    /// The greeting of somebody who begins to watch, after which the next frame has everything.
    pub(super) fn hello(&mut self, prompt: &str, viewer: &str) -> String {
        self.number = 0;
        self.next_us = 0;
        event("hello", |json| {
            json.array("phases", PHASE_NAMES, quote);
            json.text("prompt", prompt);
            json.text("viewer", viewer);
            json.text("version", env!("CARGO_PKG_VERSION"));
        })
    }

    /// The next frame.
    pub(super) fn next(
        &mut self,
        turns: &mut Turns,
        host: &mut dyn Host,
        (unix_ms, now_us): (i64, u64),
    ) -> String {
        let number = self.number;
        self.number += 1;
        self.next_us = now_us + FRAME_US;
        let last_turn = self.last_turn;
        self.last_turn = turns.sums.turns;
        event("frame", |json| {
            json.field("now", unix_ms);
            json.field("us", now_us);
            turns_since(json, turns, last_turn);
            sums(json, turns);
            match host.figures() {
                Some(figures) => show_figures(json, &figures),
                None => json.field("busy", true),
            }
            if number.is_multiple_of(CLOSE_UP_EVERY)
                && let Some(close_up) = host.close_up()
            {
                show_close_up(json, &close_up);
            }
            if number.is_multiple_of(REPORT_EVERY) {
                if let Some(info) = host.info() {
                    json.text("info", &info);
                }
                if let Some(waiting) = host.waiting() {
                    json.field("unread", waiting.unread);
                    json.field("unsent", waiting.unsent);
                }
                json.array("clients", host.clients(CLIENTS_MOST), |text, line| {
                    quote(text, &line);
                });
                json.array("slow", host.slow(SLOW_MOST), show_slow);
            }
        })
    }
}

/// One event of a stream of them.
pub(super) fn event(name: &str, fill: impl FnOnce(&mut Json<'_>)) -> String {
    let mut text = format!("event: {name}\ndata: ");
    object(&mut text, fill);
    text.push_str("\n\n");
    text
}

fn turns_since(json: &mut Json<'_>, turns: &mut Turns, last: u64) {
    let all: Vec<&Record> = turns.since(last).collect();
    let shown: Vec<&Record> = if all.len() <= TURNS_MOST {
        all
    } else {
        let noted: Vec<&Record> = all.into_iter().filter(|turn| turn.is_noted).collect();
        let step = noted.len().div_ceil(TURNS_MOST).max(1);
        noted.into_iter().step_by(step).collect()
    };
    json.array("turns", shown, show_turn);
    if let Some(slowest) = &turns.slowest {
        json.array("slowest", [slowest], show_turn);
    }
    json.list("heat", trimmed(&turns.heat.counts));
    turns.begin_frame();
}

/// `[number, woke at, [ns of each phase], events, accepted, clients, groups, reads, writes, bytes in, bytes out,
/// is the page's own, [[name, client, ns], ...]]`
pub(super) fn show_turn(text: &mut String, record: &Record) {
    text.push('[');
    number(text, record.number);
    text.push(',');
    number(text, record.woke_us);
    text.push(',');
    array(text, record.spent_ns, number);
    let turn = &record.turn;
    let counts = [
        turn.events,
        turn.accepted,
        turn.clients,
        turn.groups,
        turn.reads,
        turn.writes,
    ];
    let further = [turn.bytes_in, turn.bytes_out, u64::from(record.is_own)];
    for count in counts.map(u64::from).into_iter().chain(further) {
        text.push(',');
        number(text, count);
    }
    text.push(',');
    array(text, &record.requests, |text, request| {
        text.push_str("[\"");
        text.push_str(request.name);
        text.push_str("\",");
        number(text, request.client);
        text.push(',');
        number(text, request.spent_ns);
        text.push(']');
    });
    text.push(']');
}

fn sums(json: &mut Json<'_>, turns: &Turns) {
    let sums = &turns.sums;
    json.object("sums", |json| {
        json.field("turns", sums.turns);
        json.list("spent", sums.spent_ns);
        json.field("events", sums.events);
        json.field("clients", sums.clients);
        json.field("reads", sums.reads);
        json.field("writes", sums.writes);
        json.field("in", sums.bytes_in);
        json.field("out", sums.bytes_out);
        json.list("awake", trimmed(&sums.awake.counts));
    });
}

/// Without the zeros at the end.
fn trimmed(counts: &[u64]) -> impl Iterator<Item = u64> + '_ {
    let end = counts.iter().rposition(|count| *count > 0);
    counts[..end.map_or(0, |last| last + 1)].iter().copied()
}

fn show_figures(json: &mut Json<'_>, figures: &Figures) {
    json.field("late", figures.late_ms);
    json.array("tables", &figures.tables, show_table);
}

fn show_table(text: &mut String, table: &TableFigures) {
    let shape = table.shape;
    object(text, |json| {
        json.field("db", table.db);
        json.field("keys", table.keys);
        json.field("deadlines", table.deadlines);
        json.field("buckets", shape.buckets);
        json.field("overflow", shape.overflow_buckets);
        json.field("split", shape.split);
        json.field("round", shape.round);
        if let Some(part) = table.frozen {
            json.field("frozen", part);
        }
    });
}

fn show_close_up(json: &mut Json<'_>, close_up: &CloseUp) {
    let wheel = &close_up.wheel;
    json.field("near", close_up.db);
    json.list("chains", close_up.chains.iter().map(|len| u64::from(*len)));
    json.object("wheel", |json| {
        json.field("reached", wheel.reached);
        json.field("records", wheel.records);
        json.field("ready", wheel.ready);
        json.field("parked", wheel.parked);
        json.array("levels", &wheel.levels, |text, slots| {
            array(text, slots, |text, (slot, count)| {
                text.push('[');
                number(text, u64::from(*slot));
                text.push(',');
                number(text, u64::from(*count));
                text.push(']');
            });
        });
    });
}

fn show_slow(text: &mut String, slow: Slow) {
    object(text, |json| {
        json.field("id", slow.id);
        json.field("at", slow.unix_s);
        json.field("us", slow.spent_us);
        json.text("from", &slow.address);
        json.array("words", &slow.words, |text, word| {
            quote(text, &String::from_utf8_lossy(word));
        });
    });
}

/// Where a key is, or would be.
pub(super) fn show_place(json: &mut Json<'_>, place: &Place) {
    let probe = &place.probe;
    json.text("hash", &format!("{:016x}", probe.hash));
    json.field("bucket", probe.bucket);
    json.field("tag", probe.tag);
    json.array("chain", &probe.chain, |text, (used, tagged)| {
        let _ = write!(text, "[{used},{tagged}]");
    });
    if let Some((link, slot)) = probe.at {
        json.list("at", [link as u64, slot as u64]);
    }
    if let Some(found) = &place.found {
        json.text("kind", found.kind);
        json.field("bytes", found.bytes);
        if let Some(deadline_ms) = found.deadline_ms {
            json.field("deadline", deadline_ms);
        }
    }
}
