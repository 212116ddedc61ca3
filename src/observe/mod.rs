//! What the server knows about itself: counters, the slow log, latency events, histograms.
//!
//! Everything here only counts. Nobody asks a counter what to do, so this room can be read, changed or switched
//! off without fear for behaviour. INFO, SLOWLOG, LATENCY and the metrics page read it.

pub mod banner;
pub mod histogram;
pub mod latency;
pub mod logging;
pub mod slowlog;
pub mod stats;

pub use stats::Stats;
