//! Counters since the start or the last CONFIG RESETSTAT, under the names INFO gives them.

use std::collections::BTreeMap;

use super::histogram::Histogram;

/// Counters of one command.
#[derive(Clone, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub ns: u64,
    /// Refused before it ran: wrong arity, no permission, out of memory.
    pub rejected: u64,
    /// Ran and replied with an error.
    pub failed: u64,
    /// Made when the command runs for the first time.
    pub latency: Option<Box<Histogram>>,
}

/// How many different error codes are counted apart; beyond it they are dropped, since the codes can come from
/// scripts and so from outside.
const ERROR_CODES_MAX: usize = 128;

#[derive(Default)]
pub struct Stats {
    pub connections_received: u64,
    pub commands_processed: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    pub rejected_connections: u64,
    pub expired_keys: u64,
    pub expired_fields: u64,
    pub expired_stale_percent: f64,
    pub expire_cycle_us: u64,
    pub evicted_keys: u64,
    pub evicted_clients: u64,
    pub evicted_scripts: u64,
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
    pub total_error_replies: u64,
    pub unexpected_error_replies: u64,
    pub reads_processed: u64,
    pub writes_processed: u64,
    pub query_buffer_limit_disconnections: u64,
    pub output_buffer_limit_disconnections: u64,
    pub reply_buffer_shrinks: u64,
    pub reply_buffer_expands: u64,
    pub eventloop_cycles: u64,
    pub eventloop_us: u64,
    pub eventloop_commands_us: u64,
    pub eventloop_commands_per_cycle_max: u64,
    pub acl_denied_auth: u64,
    pub acl_denied_cmd: u64,
    pub acl_denied_key: u64,
    pub acl_denied_channel: u64,
    pub tracking_items: u64,
    pub full_syncs: u64,
    pub partial_syncs_ok: u64,
    pub partial_syncs_err: u64,
    /// Highest memory in use seen so far.
    pub peak_memory: usize,
    pub peak_memory_ms: i64,
    /// Indexed as the command table counts its commands.
    pub commands: Vec<CommandStats>,
    errors: BTreeMap<Vec<u8>, u64>,
    pub errors_dropped: bool,
    pub samples: Samples,
}

impl Stats {
    /// Counts an error reply under its code, the first word of its text.
    pub fn error(&mut self, text: &[u8]) {
        self.total_error_replies += 1;
        let code = text.split(|&byte| byte == b' ' || byte == b'\r').next().unwrap_or_default();
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_vec(), 1);
        } else {
            self.errors_dropped = true;
        }
    }

    pub fn errors(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.errors.iter().map(|(code, count)| (code.as_slice(), *count))
    }

    /// CONFIG RESETSTAT: counters go to zero; what describes the present (peak memory too) is worked out anew.
    pub fn reset(&mut self) {
        let commands = vec![CommandStats::default(); self.commands.len()];
        *self = Self { commands, ..Self::default() };
    }
}

/// The rates that INFO shows: the mean over the last samples, one taken each 100 ms.
#[derive(Default)]
pub struct Samples {
    at: usize,
    last_ms: i64,
    pub commands: Rate,
    pub input: Rate,
    pub output: Rate,
    pub cycles: Rate,
    pub cycle_us: Rate,
}

/// One rate: per second for counters.
#[derive(Default)]
pub struct Rate {
    last: u64,
    values: [u64; RATE_SAMPLES],
}

const RATE_SAMPLES: usize = 16;

impl Rate {
    fn sample(&mut self, at: usize, total: u64, elapsed_ms: i64) {
        let grown = total.saturating_sub(self.last);
        self.last = total;
        self.values[at] = if elapsed_ms > 0 { grown * 1000 / elapsed_ms as u64 } else { 0 };
    }
    pub fn per_second(&self) -> u64 {
        self.values.iter().sum::<u64>() / RATE_SAMPLES as u64
    }
}

impl Stats {
    /// Takes a sample of every rate; called each 100 ms by the cron.
    pub fn sample(&mut self, now_ms: i64) {
        let elapsed = now_ms - self.samples.last_ms;
        let (commands, input, output) = (self.commands_processed, self.net_input_bytes, self.net_output_bytes);
        let (cycles, cycle_us) = (self.eventloop_cycles, self.eventloop_us);
        let samples = &mut self.samples;
        let at = samples.at;
        samples.commands.sample(at, commands, elapsed);
        samples.input.sample(at, input, elapsed);
        samples.output.sample(at, output, elapsed);
        samples.cycles.sample(at, cycles, elapsed);
        samples.cycle_us.sample(at, cycle_us, elapsed);
        samples.at = (at + 1) % RATE_SAMPLES;
        samples.last_ms = now_ms;
    }
}
