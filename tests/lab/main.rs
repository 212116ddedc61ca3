//! The small servers of `pollux lab`, each as a process of its own and over real sockets.
//!
//! `docs/LAB.md` is a test as well: `lessons` types what it says and compares what it shows.

mod bench;
mod echo;
mod exec;
mod lessons;
mod relay;
mod words;
