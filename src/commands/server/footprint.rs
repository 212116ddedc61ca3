//! Where the memory is: what INFO memory, MEMORY STATS and MEMORY DOCTOR have in common.
//!
//! The allocated memory is divided into the part that the server needs to work (the overhead) and the rest: the data.
//! The overhead is added up from what each part says of itself, so a part that forgets something makes the data look
//! larger.

use crate::engine::run::ctx::Ctx;
use crate::engine::services::Figures;
use crate::engine::session::{Class, Session};
use crate::repl::Stream;
use crate::store::alloc;

pub(crate) struct Footprint {
    /// In use now, at most so far, and when the server had just started.
    pub(crate) used: usize,
    pub(crate) peak: usize,
    pub(crate) startup: usize,
    pub(crate) clients: usize,
    pub(crate) replicas: usize,
    pub(crate) has_replicas: bool,
    /// The kept part of the stream of replication, and how much of it is the backlog. What is beyond that is there for
    /// replicas that are slow.
    pub(crate) stream: usize,
    pub(crate) backlog_size: usize,
    /// The bytes that wait to be written to the append-only file.
    pub(crate) aof_buffer: usize,
    /// The texts of scripts and of libraries of functions, and the interpreters of both.
    pub(crate) scripts: usize,
    pub(crate) functions: usize,
    pub(crate) interpreters: usize,
    /// Histograms of the times of commands.
    pub(crate) histograms: usize,
    pub(crate) dbs: Vec<DbFootprint>,
    pub(crate) keys: usize,
    pub(crate) allocator: alloc::Stats,
    /// As the kernel sees it, or the allocator where the kernel says nothing.
    pub(crate) resident: usize,
    pub(crate) figures: Figures,
}

/// One database that is not empty.
pub(crate) struct DbFootprint {
    pub(crate) number: usize,
    /// The table that finds the keys.
    pub(crate) table: usize,
    /// Those of its buckets that are in use.
    pub(crate) buckets: usize,
    /// The index that wakes keys up when their time has come.
    pub(crate) wheel: usize,
}

impl Footprint {
    pub(crate) fn take(ctx: &Ctx<'_>) -> Self {
        let facts = &ctx.services.server;
        let figures = facts.figures();
        let allocator = alloc::stats().unwrap_or_default();
        let of_kind = |is_replica: bool| {
            let wanted = |session: &&Session| (session.class() == Class::Replica) == is_replica;
            ctx.all_sessions().filter(wanted).map(Session::memory).sum()
        };
        let used = alloc::used_memory();
        let dbs = ctx
            .keys
            .space
            .dbs
            .iter()
            .enumerate()
            .filter(|(_, db)| !db.dict.is_empty());
        Self {
            used,
            peak: facts.peak_memory.max(used),
            startup: facts.process.startup_memory,
            clients: of_kind(false),
            replicas: of_kind(true),
            has_replicas: ctx.services.replication.attached().next().is_some(),
            stream: (ctx.services.replication.history.stream()).map_or(0, Stream::memory),
            backlog_size: ctx.services.config.repl_backlog_size as usize,
            aof_buffer: ctx.services.appending.buffer_bytes(),
            scripts: ctx.services.scripts.bytes(),
            functions: ctx.services.functions.bytes(),
            interpreters: ctx.services.scripts.interpreter_bytes()
                + ctx.services.functions.interpreter_bytes(),
            histograms: ctx.services.stats.memory(),
            dbs: dbs
                .map(|(number, db)| DbFootprint {
                    number,
                    table: db.dict.table_bytes(),
                    buckets: db.dict.bucket_bytes(),
                    wheel: db.dict.wheel_bytes(),
                })
                .collect(),
            keys: ctx.keys.space.len(),
            resident: if figures.resident_bytes == 0 {
                allocator.resident
            } else {
                figures.resident_bytes
            },
            allocator,
            figures,
        }
    }

    pub(crate) fn backlog(&self) -> usize {
        self.stream - self.of_replicas()
    }

    /// What is held for replicas that are slow, as Redis has it: the stream beyond the backlog, while there are any.
    pub(crate) fn of_replicas(&self) -> usize {
        if self.has_replicas {
            self.stream.saturating_sub(self.backlog_size)
        } else {
            0
        }
    }

    /// The buckets of all databases.
    pub(crate) fn buckets(&self) -> usize {
        self.dbs.iter().map(|db| db.buckets).sum()
    }

    pub(crate) fn overhead(&self) -> usize {
        let dbs: usize = self.dbs.iter().map(|db| db.table + db.wheel).sum();
        self.startup
            + self.clients
            + self.replicas
            + self.stream
            + self.aof_buffer
            + self.scripts
            + self.functions
            + self.interpreters
            + self.histograms
            + dbs
    }

    pub(crate) fn dataset(&self) -> usize {
        self.used.saturating_sub(self.overhead())
    }

    /// In percent of the memory in use beyond that of an empty server.
    pub(crate) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.used.saturating_sub(self.startup))
    }
    pub(crate) fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }
    pub(crate) fn bytes_per_key(&self) -> usize {
        self.used
            .saturating_sub(self.startup)
            .checked_div(self.keys)
            .unwrap_or(0)
    }

    /// Room within the allocator's pages that nobody uses.
    pub(crate) fn fragmentation(&self) -> Gap {
        Gap::between(self.allocator.active, self.allocator.allocated)
    }
    /// Pages that the allocator keeps for later.
    pub(crate) fn kept(&self) -> Gap {
        Gap::between(self.allocator.resident, self.allocator.active)
    }
    /// The memory of the process beside the allocator: its code, its stacks.
    pub(crate) fn beside(&self) -> Gap {
        Gap::between(self.resident, self.allocator.resident)
    }
    /// All of these together.
    pub(crate) fn total(&self) -> Gap {
        Gap::between(self.resident, self.used)
    }
}

/// How much larger one figure is than another.
pub(crate) struct Gap {
    pub(crate) ratio: f64,
    pub(crate) bytes: i64,
}

impl Gap {
    fn between(larger: usize, smaller: usize) -> Self {
        let ratio = if smaller == 0 {
            0.0
        } else {
            larger as f64 / smaller as f64
        };
        Self {
            ratio,
            bytes: larger as i64 - smaller as i64,
        }
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}
