//! Where the memory is: what INFO memory, MEMORY STATS and MEMORY DOCTOR have in common.
//!
//! What the allocator has given out is divided into what the server needs to work (the overhead) and what remains: the data.
//! The overhead is added up from what each part says of itself, so a part that forgets something makes the
//! data look larger.

use crate::engine::ctx::Ctx;
use crate::engine::services::Figures;
use crate::engine::session::{Session, flag};
use crate::store::alloc;

use super::info::sessions;

pub struct Footprint {
    /// In use now, at most so far, and when the server had just started.
    pub used: usize,
    pub peak: usize,
    pub startup: usize,
    pub clients: usize,
    pub replicas: usize,
    /// Histograms of the times of commands.
    pub histograms: usize,
    pub dbs: Vec<DbFootprint>,
    pub keys: usize,
    pub allocator: alloc::Stats,
    /// As the kernel sees it, or the allocator where the kernel says nothing.
    pub resident: usize,
    pub figures: Figures,
}

/// One database that is not empty.
pub struct DbFootprint {
    pub number: usize,
    /// The table that finds the keys.
    pub table: usize,
    /// Those of its buckets that are in use.
    pub buckets: usize,
    /// What wakes up when a key's time has come.
    pub wheel: usize,
}

impl Footprint {
    pub fn take(ctx: &Ctx<'_>) -> Self {
        let facts = &ctx.services.server;
        let figures = facts.figures();
        let allocator = alloc::stats().unwrap_or_default();
        let of_kind = |is_replica: bool| {
            let wanted = |session: &&Session| session.has(flag::REPLICA) == is_replica;
            sessions(ctx).filter(wanted).map(Session::memory).sum()
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
            startup: facts.startup_memory,
            clients: of_kind(false),
            replicas: of_kind(true),
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

    /// The buckets of all databases.
    pub fn buckets(&self) -> usize {
        self.dbs.iter().map(|db| db.buckets).sum()
    }

    pub fn overhead(&self) -> usize {
        let dbs: usize = self.dbs.iter().map(|db| db.table + db.wheel).sum();
        self.startup + self.clients + self.replicas + self.histograms + dbs
    }

    pub fn dataset(&self) -> usize {
        self.used.saturating_sub(self.overhead())
    }

    /// Of what is in use beyond what an empty server uses.
    pub fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.used.saturating_sub(self.startup))
    }
    pub fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }
    pub fn bytes_per_key(&self) -> usize {
        self.used
            .saturating_sub(self.startup)
            .checked_div(self.keys)
            .unwrap_or(0)
    }

    /// Room within the allocator's pages that nobody uses.
    pub fn fragmentation(&self) -> Gap {
        Gap::between(self.allocator.active, self.allocator.allocated)
    }
    /// Pages that the allocator keeps for later.
    pub fn kept(&self) -> Gap {
        Gap::between(self.allocator.resident, self.allocator.active)
    }
    /// What the process has beside the allocator: its code, its stacks.
    pub fn beside(&self) -> Gap {
        Gap::between(self.resident, self.allocator.resident)
    }
    /// All of these together.
    pub fn total(&self) -> Gap {
        Gap::between(self.resident, self.used)
    }
}

/// How much larger one figure is than another.
pub struct Gap {
    pub ratio: f64,
    pub bytes: i64,
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
