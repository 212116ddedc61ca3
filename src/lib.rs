//! Pollux: a drop-in Redis server on one thread.
//!
//! A deterministic **engine** in a thin **shell**. Bytes and time go in; bytes and disk jobs come out. The shell
//! (`server`) is the only place that knows sockets and files; everything below it is driven by tests in memory,
//! with a clock they wind.
//!
//! Who may import whom, from left to right (`tests/tidy.rs` enforces it):
//!
//! ```text
//! main  >  server lab page  >  commands  >  engine  >  [services]  >  keyspace  >  types client  >  store wire spec reactor  >  base
//! services = config persist background acl pubsub tracking blocking watch repl script observe
//! ```
//!
//! Start reading at `reactor`, then follow one request: `engine`, `wire::request`, `engine::gate`, `commands`,
//! `keyspace`, `wire::reply`, `engine::settle`. `docs/TOUR.md` walks the same road with a map.

pub mod background;
pub mod base;
pub mod blocking;
pub mod client;
pub mod commands;
pub mod config;
pub mod engine;
pub mod keyspace;
pub mod lab;
pub mod observe;
pub mod persist;
pub mod pubsub;
pub mod reactor;
pub mod server;
pub mod spec;
pub mod store;
pub mod tracking;
pub mod types;
pub mod watch;
pub mod wire;
