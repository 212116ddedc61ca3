//! Counters since the start or the last CONFIG RESETSTAT, under the names INFO gives them.

use std::collections::BTreeMap;

use super::histogram::Histogram;

/// Counters of one command.
#[derive(Clone, Default)]
pub(crate) struct CommandStats {
    pub(crate) calls: u64,
    pub(crate) ns: u64,
    /// Refused before it ran: wrong arity, no permission, out of memory.
    pub(crate) rejected: u64,
    /// Ran and replied with an error.
    pub(crate) failed: u64,
    /// Made when the command runs for the first time.
    pub(crate) latency: Option<Box<Histogram>>,
}

impl CommandStats {
    /// Adds one call to the histogram.
    #[inline]
    pub(crate) fn note_latency(&mut self, spent_ns: u64) {
        match &mut self.latency {
            Some(latency) => latency.record(spent_ns),
            None => self.note_first_latency(spent_ns),
        }
    }

    #[cold]
    fn note_first_latency(&mut self, spent_ns: u64) {
        self.latency.insert(Box::default()).record(spent_ns);
    }
}

/// An error's code is no longer than this.
const CODE_BYTES_MAX: usize = 31;

/// How many different error codes are counted apart. The codes can come from scripts and so from outside; when there
/// are more, none is counted any longer.
const ERROR_CODES_MAX: usize = 128;

#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) connections_received: u64,
    pub(crate) commands_processed: u64,
    pub(crate) net_input_bytes: u64,
    pub(crate) net_output_bytes: u64,
    pub(crate) rejected_connections: u64,
    pub(crate) evicted_clients: u64,
    /// Bytes of replication, which the other counters do not have.
    pub(crate) repl_input_bytes: u64,
    pub(crate) repl_output_bytes: u64,
    /// Replicas that got all of the data set, that went on where they were, and that wanted to and could not.
    pub(crate) full_syncs: u64,
    pub(crate) partial_syncs: u64,
    pub(crate) refused_partial_syncs: u64,
    /// Removing keys whose time had come.
    pub(crate) expire_cycle_ns: u64,
    /// How often a turn ended with keys that were due still in the table.
    pub(crate) expire_turns_unfinished: u64,
    pub(crate) total_error_replies: u64,
    /// Errors that commands of the log met with when they were run again.
    pub(crate) unexpected_error_replies: u64,
    /// Packed values in payloads that were looked through because somebody had asked for it.
    pub(crate) payloads_sanitized: u64,
    /// Since when, on the monotonic clock, more memory is in use than is allowed.
    pub(crate) excess_since_us: Option<u64>,
    /// How long it was so before.
    pub(crate) excess_us: u64,
    /// Snapshots that were begun: what others fork for.
    pub(crate) snapshots: u64,
    pub(crate) reads_processed: u64,
    pub(crate) writes_processed: u64,
    pub(crate) query_buffer_limit_disconnections: u64,
    pub(crate) output_buffer_limit_disconnections: u64,
    pub(crate) eventloop_cycles: u64,
    pub(crate) eventloop_ns: u64,
    pub(crate) eventloop_max_ns: u64,
    pub(crate) eventloop_commands_ns: u64,
    pub(crate) eventloop_cron_ns: u64,
    pub(crate) eventloop_aof_ns: u64,
    pub(crate) eventloop_commands_per_cycle_max: u64,
    /// Commands that a cluster would have refused.
    pub(crate) cluster_incompatible_ops: u64,
    /// Indexed as the command table counts its commands.
    pub(crate) commands: Vec<CommandStats>,
    errors: BTreeMap<Vec<u8>, u64>,
    errors_disabled: bool,
    pub(crate) samples: Samples,
}

impl Stats {
    /// Counts an error reply under its code, the first word of its text.
    pub(crate) fn error(&mut self, text: &[u8]) {
        self.total_error_replies += 1;
        if self.errors_disabled {
            return;
        }
        let mut words = text.split(|&byte| byte == b' ' || byte == b'\r');
        let code = words.next().unwrap_or_default();
        // A text of one word, or that begins with a very long one, has no code.
        let has_code = words.next().is_some() && code.len() < CODE_BYTES_MAX;
        let code = if has_code { code } else { b"ERR" };
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_vec(), 1);
        } else {
            self.disable_errors();
        }
    }

    /// Notes whether more memory is in use than is allowed.
    pub(crate) fn note_excess(&mut self, is_exceeded: bool, now_us: u64) {
        if is_exceeded {
            self.excess_since_us.get_or_insert(now_us);
        } else if let Some(since_us) = self.excess_since_us.take() {
            self.excess_us += now_us.saturating_sub(since_us);
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

    pub(crate) fn errors(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.errors
            .iter()
            .map(|(code, count)| (code.as_slice(), *count))
    }

    /// CONFIG RESETSTAT: counters go to zero.
    pub(crate) fn reset(&mut self) {
        let commands = vec![CommandStats::default(); self.commands.len()];
        *self = Self {
            commands,
            ..Self::default()
        };
    }

    /// Bytes that the histograms take; the rest was there from the start.
    pub(crate) fn memory(&self) -> usize {
        let histograms = self
            .commands
            .iter()
            .filter_map(|stats| stats.latency.as_ref());
        histograms.map(|histogram| histogram.memory()).sum()
    }

    /// Takes a sample of every rate; called each 100 ms by the cron.
    pub(crate) fn sample(&mut self, now_ms: i64) {
        let (commands, input, output) = (
            self.commands_processed,
            self.net_input_bytes,
            self.net_output_bytes,
        );
        let (repl_input, repl_output) = (self.repl_input_bytes, self.repl_output_bytes);
        let (cycles, cycle_us) = (self.eventloop_cycles, self.eventloop_ns / 1000);
        let samples = &mut self.samples;
        let at = samples.at;
        let elapsed_ms = (now_ms - samples.last_ms).max(0) as u64;
        samples.commands.sample(at, commands, elapsed_ms, 1000);
        samples.input.sample(at, input, elapsed_ms, 1000);
        samples.output.sample(at, output, elapsed_ms, 1000);
        samples.repl_input.sample(at, repl_input, elapsed_ms, 1000);
        samples
            .repl_output
            .sample(at, repl_output, elapsed_ms, 1000);
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
pub(crate) struct Samples {
    at: usize,
    last_ms: i64,
    /// Per second, as all but the last.
    pub(crate) commands: Rate,
    pub(crate) input: Rate,
    pub(crate) output: Rate,
    pub(crate) repl_input: Rate,
    pub(crate) repl_output: Rate,
    pub(crate) cycles: Rate,
    /// Microseconds per turn of the loop.
    pub(crate) cycle_us: Rate,
}

/// How fast a counter grows.
#[derive(Default)]
pub(crate) struct Rate {
    last: u64,
    values: [u64; RATE_SAMPLES],
}

const RATE_SAMPLES: usize = 16;

impl Rate {
    /// The counter is at `total` now; meanwhile its base of comparison has grown by `base`, and the rate is wanted per
    /// `unit` of that.
    fn sample(&mut self, at: usize, total: u64, base: u64, unit: u64) {
        let grown = total.saturating_sub(self.last);
        self.last = total;
        self.values[at] = (grown * unit).checked_div(base).unwrap_or(0);
    }

    pub(crate) fn mean(&self) -> u64 {
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
