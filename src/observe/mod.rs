//! The server's knowledge of itself: counters, the slow log, latency events, histograms.
//!
//! Everything here only counts. No behaviour depends on a counter, so this room can be read, changed or switched off
//! without fear. INFO, SLOWLOG, LATENCY and the metrics page read it.

pub(crate) mod banner;
pub(crate) mod histogram;
pub(crate) mod latency;
pub(crate) mod logging;
pub(crate) mod shown;
pub(crate) mod slowlog;
pub(crate) mod stats;

pub(crate) use stats::Stats;
