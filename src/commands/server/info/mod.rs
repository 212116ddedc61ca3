//! INFO: the server in `name:value` lines, cut into sections.
//!
//! Tools read these lines, so names, order and forms are those of Redis 8.0.6. A field about something this server does
//! not have tells the truth too: there are no forks, so they took no time. Each section is a function that writes its
//! lines; the table below says how a section is called and when it is shown without being named.

mod commands;
mod keys;
mod memory;
mod parts;
mod replication;
mod server;
mod stats;

use std::fmt::{Display, Write as _};

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::wire::args::Args;

use super::super::options::is;

struct Section {
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&Ctx<'_>, &mut Report),
}

/// Which of INFO, INFO ALL and its own name brings a section to light.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    ByDefault,
    WithAll,
    ByName,
}

impl Section {
    const fn new(
        name: &'static str,
        title: &'static str,
        shown: Shown,
        write: fn(&Ctx<'_>, &mut Report),
    ) -> Self {
        Self {
            name,
            title,
            shown,
            write,
        }
    }
}

/// In the order in which they are shown.
const SECTIONS: &[Section] = &[
    Section::new("server", "Server", Shown::ByDefault, server::server),
    Section::new("clients", "Clients", Shown::ByDefault, parts::clients),
    Section::new("memory", "Memory", Shown::ByDefault, memory::memory),
    Section::new(
        "persistence",
        "Persistence",
        Shown::ByDefault,
        parts::persistence,
    ),
    Section::new("threads", "Threads", Shown::ByDefault, parts::threads),
    Section::new("stats", "Stats", Shown::ByDefault, stats::stats),
    Section::new(
        "replication",
        "Replication",
        Shown::ByDefault,
        replication::replication,
    ),
    Section::new("cpu", "CPU", Shown::ByDefault, server::cpu),
    Section::new("modules", "Modules", Shown::ByDefault, |_, report| {
        super::super::modules::info(&mut report.text);
    }),
    Section::new(
        "commandstats",
        "Commandstats",
        Shown::WithAll,
        commands::commandstats,
    ),
    Section::new(
        "errorstats",
        "Errorstats",
        Shown::ByDefault,
        commands::errorstats,
    ),
    Section::new(
        "latencystats",
        "Latencystats",
        Shown::WithAll,
        commands::latencystats,
    ),
    Section::new("cluster", "Cluster", Shown::ByDefault, parts::cluster),
    Section::new("keyspace", "Keyspace", Shown::ByDefault, keys::keyspace),
    Section::new("keysizes", "Keysizes", Shown::ByDefault, keys::keysizes),
    Section::new("debug", "Debug", Shown::ByName, stats::debug),
];

/// INFO [section [section ...]]
pub(crate) fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let text = report(ctx, |section| is_wanted(section, args));
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The text of INFO EVERYTHING, for who is no client.
pub(crate) fn everything(ctx: &mut Ctx<'_>) -> String {
    report(ctx, |section| section.shown <= Shown::WithAll)
}

fn report(ctx: &mut Ctx<'_>, is_wanted: impl Fn(&Section) -> bool) -> String {
    ctx.services.server.note_memory(ctx.now.unix_ms);
    ctx.keys.space.settle_sizes();
    let mut report = Report::default();
    for section in SECTIONS.iter().filter(|section| is_wanted(section)) {
        report.title(section.title);
        (section.write)(ctx, &mut report);
    }
    report.text
}

fn is_wanted(section: &Section, args: Args<'_>) -> bool {
    if args.len() == 1 {
        return section.shown == Shown::ByDefault;
    }
    args.from(1).any(|word| {
        is(word, section.name)
            || (is(word, "default") && section.shown == Shown::ByDefault)
            || ((is(word, "all") || is(word, "everything")) && section.shown <= Shown::WithAll)
    })
}

/// The text as it grows.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
}

impl Report {
    fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        let _ = write!(self.text, "# {title}\r\n");
    }

    pub(crate) fn field(&mut self, name: impl Display, value: impl Display) {
        let _ = write!(self.text, "{name}:{value}\r\n");
    }

    /// The value with two digits behind the point.
    pub(crate) fn ratio(&mut self, name: &str, value: f64) {
        self.field(name, format_args!("{value:.2}"));
    }
}

/// Text that comes from outside must not look like a line of ours.
fn harmless(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars()
        .map(|c| {
            if matches!(c, '#' | ':' | '\n' | '\r') {
                '_'
            } else {
                c
            }
        })
        .collect()
}
