//! LATENCY DOCTOR: the events in sentences, and what might help.

use std::fmt::Write as _;

use crate::config::Config;
use crate::observe::latency::{Event, Latency};

/// The advice for each event.
const ADVICE: &[(&str, &str)] = &[
    (
        "command",
        "- Look into SLOWLOG GET to see which commands take long. Commands that are slow by their nature, such as KEYS \
         or SORT on large collections, can often be replaced by SCAN and its relatives.",
    ),
    (
        "fast-command",
        "- Even commands that take a fixed, short time were slow: the machine may be short of processor time or of \
         memory, or very large values may be on their way.",
    ),
    (
        "expire-cycle",
        "- Many keys, or very large ones, reached the end of their time together. Spread their deadlines, or set \
         lazyfree-lazy-expire so that large values are freed by another thread.",
    ),
    (
        "eviction-cycle",
        "- Room had to be made for new data. Raise maxmemory, or set lazyfree-lazy-eviction so that large values are \
         freed by another thread.",
    ),
    (
        "aof",
        "- The disk could not keep up with the append-only file. See appendfsync and no-appendfsync-on-rewrite, and \
         whether something else writes to the same disk.",
    ),
];

pub(crate) fn report(latency: &Latency, config: &Config, now_s: i64) -> String {
    if config.latency_monitor_threshold_ms == 0 {
        return "I'm sorry, Dave, I can't tell. Latency is not being monitored in this instance. \"CONFIG SET \
                latency-monitor-threshold <milliseconds>\" starts it; ask me again when it has run for a while.\n"
            .to_owned();
    }
    if latency.events.is_empty() {
        return "Dave, nothing in this instance has taken longer than you allow. Everything is running smoothly. And you?\n"
            .to_owned();
    }
    let mut report =
        "Dave, I have seen latency spikes in this instance. Let us go through them:\n\n".to_owned();
    for (number, (name, event)) in latency.events.iter().enumerate() {
        let Summary {
            average,
            deviation,
            period_s,
        } = summarize(event, now_s);
        let _ = writeln!(
            report,
            "{}. {name}: {} latency spikes (average {average}ms, mean deviation {deviation}ms, period {period_s:.2} \
             sec). Worst all time event {}ms.",
            number + 1,
            event.samples.len(),
            event.max_ms,
        );
    }
    let has = |prefix: &str| {
        latency
            .events
            .keys()
            .any(|name| *name == prefix || (prefix == "aof" && name.starts_with("aof-")))
    };
    let advice: Vec<&str> = ADVICE
        .iter()
        .filter(|(event, _)| has(event))
        .map(|(_, text)| *text)
        .collect();
    if !advice.is_empty() {
        report.push_str("\nWhat might help:\n\n");
        for text in advice {
            report.push_str(text);
            report.push('\n');
        }
    }
    report
}

struct Summary {
    average: u64,
    /// How far samples are from the average, on average.
    deviation: u64,
    /// From the first sample until now, for each sample.
    period_s: f64,
}

fn summarize(event: &Event, now_s: i64) -> Summary {
    let count = event.samples.len().max(1) as u64;
    let average = event.samples.iter().map(|(_, ms)| ms).sum::<u64>() / count;
    let deviation = event
        .samples
        .iter()
        .map(|(_, ms)| ms.abs_diff(average))
        .sum::<u64>()
        / count;
    let first_s = event.samples.front().map_or(now_s, |(unix_s, _)| *unix_s);
    Summary {
        average,
        deviation,
        period_s: (now_s - first_s) as f64 / count as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_with_their_figures() {
        let config = Config {
            latency_monitor_threshold_ms: 10,
            ..Config::default()
        };
        let mut latency = Latency::default();
        assert!(report(&latency, &config, 0).contains("smoothly"));
        for (second, ms) in [(10, 23), (11, 50), (12, 30)] {
            latency.note("command", second, ms);
        }
        let told = report(&latency, &config, 13);
        let line = "1. command: 3 latency spikes (average 34ms, mean deviation 10ms, period 1.00 sec). Worst all time event 50ms.";
        assert!(told.contains(line), "{told}");
        assert!(told.contains("SLOWLOG") && !told.contains("append-only"));
        assert!(report(&latency, &Config::default(), 13).contains("not being monitored"));
    }
}
