//! Latency events: when something took longer than `latency-monitor-threshold`, it is remembered under a name.
//!
//! Each event keeps its last 160 samples, one per second at most (the worst of that second), as LATENCY HISTORY
//! shows them.

use std::collections::BTreeMap;
use std::collections::VecDeque;

const SAMPLES_MAX: usize = 160;

#[derive(Default)]
pub(crate) struct Event {
    /// (unix seconds, milliseconds), oldest first.
    pub(crate) samples: VecDeque<(i64, u64)>,
    /// The worst ever seen.
    pub(crate) max_ms: u64,
}

#[derive(Default)]
pub(crate) struct Latency {
    pub(crate) events: BTreeMap<&'static str, Event>,
}

impl Latency {
    /// Notes that `name` took `ms`. The caller has compared with the threshold.
    pub(crate) fn note(&mut self, name: &'static str, now_s: i64, ms: u64) {
        let event = self.events.entry(name).or_default();
        event.max_ms = event.max_ms.max(ms);
        if let Some(last) = event.samples.back_mut()
            && last.0 == now_s
        {
            last.1 = last.1.max(ms);
            return;
        }
        event.samples.push_back((now_s, ms));
        if event.samples.len() > SAMPLES_MAX {
            event.samples.pop_front();
        }
    }

    /// An event by its name, in any case.
    pub(crate) fn find(&self, name: &[u8]) -> Option<(&'static str, &Event)> {
        let found = self
            .events
            .iter()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
        found.map(|(known, event)| (*known, event))
    }

    /// Forgets one event; returns whether it was there.
    pub(crate) fn reset(&mut self, name: &[u8]) -> bool {
        let found = self.find(name).map(|(known, _)| known);
        found.is_some_and(|known| self.events.remove(known).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_worst_of_each_second() {
        let mut latency = Latency::default();
        latency.note("command", 1, 5);
        latency.note("command", 1, 9);
        latency.note("command", 1, 7);
        latency.note("command", 2, 3);
        let event = &latency.events["command"];
        assert_eq!(event.samples, [(1, 9), (2, 3)]);
        assert_eq!(event.max_ms, 9);
        assert!(latency.reset(b"COMMAND") && !latency.reset(b"command"));
    }
}
