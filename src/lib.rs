//! Pollux: a drop-in Redis server on one thread.
//!
//! A deterministic **engine** in a thin **shell**. Bytes and time go in; replies, bytes for files and requests to the
//! shell come out. The shell (`server`) joins the engine to the sockets, the disk and the threads; everything below it
//! is driven by tests in memory, with a clock they wind.
//!
//! The rooms, from left to right: each may import only from rooms further right (`tests/tidy.rs` enforces it):
//!
//! ```text
//! main  >  testing  >  server check lab bench page  >  commands  >  engine  >  [services]  >
//!     keyspace  >  types client  >  store wire spec reactor  >  tls  >  base
//!
//! services = config persist background acl pubsub tracking blocking watch repl script observe
//! ```
//!
//! Start reading at `reactor`, then follow one request: `engine::turn`, `wire::request`, `engine::run`, `commands`,
//! `keyspace`, `wire::reply`. `docs/TOUR.md` walks that road function by function, `docs/ARCHITECTURE.md` has the map.

mod acl;
mod background;
mod base;
pub mod bench;
mod blocking;
pub mod check;
pub mod client;
mod commands;
mod config;
mod engine;
mod keyspace;
pub mod lab;
mod observe;
mod page;
mod persist;
mod pubsub;
mod reactor;
mod repl;
mod script;
pub mod server;
mod spec;
mod store;
pub mod testing;
mod tls;
mod tracking;
mod types;
mod watch;
mod wire;

pub use store::alloc::Counting;
