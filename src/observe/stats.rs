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

/// How many different error codes are counted apart. The codes can come from scripts and so from outside; when there
/// are more, none is counted any longer.
const ERROR_CODES_MAX: usize = 128;

#[derive(Default)]
pub struct Stats {
    pub connections_received: u64,
    pub commands_processed: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    pub rejected_connections: u64,
    pub evicted_clients: u64,
    pub evicted_scripts: u64,
    /// Removing keys whose time had come.
    pub expire_cycle_ns: u64,
    /// How often a turn ended with keys that were due still in the table.
    pub expire_turns_unfinished: u64,
    pub total_error_replies: u64,
    pub unexpected_error_replies: u64,
    pub reads_processed: u64,
    pub writes_processed: u64,
    pub query_buffer_limit_disconnections: u64,
    pub output_buffer_limit_disconnections: u64,
    pub reply_buffer_shrinks: u64,
    pub reply_buffer_expands: u64,
    pub eventloop_cycles: u64,
    pub eventloop_ns: u64,
    pub eventloop_max_ns: u64,
    pub eventloop_commands_ns: u64,
    pub eventloop_cron_ns: u64,
    pub eventloop_aof_ns: u64,
    pub eventloop_commands_per_cycle_max: u64,
    pub acl_denied_auth: u64,
    pub acl_denied_cmd: u64,
    pub acl_denied_key: u64,
    pub acl_denied_channel: u64,
    /// What a cluster would have refused.
    pub cluster_incompatible_ops: u64,
    pub tracking_items: u64,
    pub full_syncs: u64,
    pub partial_syncs_ok: u64,
    pub partial_syncs_err: u64,
    /// Indexed as the command table counts its commands.
    pub commands: Vec<CommandStats>,
    errors: BTreeMap<Vec<u8>, u64>,
    errors_disabled: bool,
    pub samples: Samples,
}

impl Stats {
    /// Counts an error reply under its code, the first word of its text.
    pub fn error(&mut self, text: &[u8]) {
        self.total_error_replies += 1;
        if self.errors_disabled {
            return;
        }
        let code = text
            .split(|&byte| byte == b' ' || byte == b'\r')
            .next()
            .unwrap_or_default();
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_vec(), 1);
        } else {
            self.disable_errors();
        }
    }

    fn disable_errors(&mut self) {
        let codes: Vec<_> = self
            .errors
            .keys()
            .map(|code| String::from_utf8_lossy(code))
            .collect();
        log::warn!(
            "Errorstats stopped adding new errors because the number of errors reached the limit ({ERROR_CODES_MAX})."
        );
        log::warn!(
            "Current errors code list (showing {ERROR_CODES_MAX}): {}",
            codes.join(", ")
        );
        self.errors.clear();
        self.errors.insert(b"ERRORSTATS_DISABLED".to_vec(), 1);
        self.errors_disabled = true;
    }

    pub fn errors(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.errors
            .iter()
            .map(|(code, count)| (code.as_slice(), *count))
    }

    /// CONFIG RESETSTAT: counters go to zero.
    pub fn reset(&mut self) {
        let commands = vec![CommandStats::default(); self.commands.len()];
        *self = Self {
            commands,
            ..Self::default()
        };
    }

    /// Bytes that the histograms take; the rest was there from the start.
    pub fn memory(&self) -> usize {
        let histograms = self
            .commands
            .iter()
            .filter_map(|stats| stats.latency.as_ref());
        histograms.map(|histogram| histogram.memory()).sum()
    }

    /// Takes a sample of every rate; called each 100 ms by the cron.
    pub fn sample(&mut self, now_ms: i64) {
        let (commands, input, output) = (
            self.commands_processed,
            self.net_input_bytes,
            self.net_output_bytes,
        );
        let (cycles, cycle_us) = (self.eventloop_cycles, self.eventloop_ns / 1000);
        let samples = &mut self.samples;
        let at = samples.at;
        let elapsed_ms = (now_ms - samples.last_ms).max(0) as u64;
        samples.commands.sample(at, commands, elapsed_ms, 1000);
        samples.input.sample(at, input, elapsed_ms, 1000);
        samples.output.sample(at, output, elapsed_ms, 1000);
        samples
            .cycle_us
            .sample(at, cycle_us, cycles.saturating_sub(samples.cycles.last), 1);
        samples.cycles.sample(at, cycles, elapsed_ms, 1000);
        samples.at = (at + 1) % RATE_SAMPLES;
        samples.last_ms = now_ms;
    }
}

/// The rates that INFO shows: the mean over the last samples, one taken each 100 ms.
#[derive(Default)]
pub struct Samples {
    at: usize,
    last_ms: i64,
    /// Per second, as all but the last.
    pub commands: Rate,
    pub input: Rate,
    pub output: Rate,
    pub cycles: Rate,
    /// Microseconds per turn of the loop.
    pub cycle_us: Rate,
}

/// How fast a counter grows.
#[derive(Default)]
pub struct Rate {
    last: u64,
    values: [u64; RATE_SAMPLES],
}

const RATE_SAMPLES: usize = 16;

impl Rate {
    /// The counter is at `total` now; meanwhile what it is compared with has grown by `base`, and the rate is
    /// wanted per `unit` of that.
    fn sample(&mut self, at: usize, total: u64, base: u64, unit: u64) {
        let grown = total.saturating_sub(self.last);
        self.last = total;
        self.values[at] = (grown * unit).checked_div(base).unwrap_or(0);
    }

    pub fn mean(&self) -> u64 {
        self.values.iter().sum::<u64>() / RATE_SAMPLES as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_codes_ends_the_counting() {
        let mut stats = Stats::default();
        for number in 0..ERROR_CODES_MAX + 5 {
            stats.error(format!("E{number} text").as_bytes());
        }
        assert_eq!(stats.total_error_replies, ERROR_CODES_MAX as u64 + 5);
        assert_eq!(
            stats.errors().collect::<Vec<_>>(),
            [(b"ERRORSTATS_DISABLED".as_slice(), 1)]
        );
        stats.reset();
        stats.error(b"ERR x");
        assert_eq!(stats.errors().collect::<Vec<_>>(), [(b"ERR".as_slice(), 1)]);
    }

    #[test]
    fn rates_are_means_of_samples() {
        let mut stats = Stats::default();
        for step in 1..=16 {
            stats.commands_processed += 10;
            stats.eventloop_cycles += 4;
            stats.eventloop_ns += 100_000;
            stats.sample(step * 100);
        }
        assert_eq!(stats.samples.commands.mean(), 100);
        assert_eq!(stats.samples.cycles.mean(), 40);
        assert_eq!(stats.samples.cycle_us.mean(), 25);
    }
}
