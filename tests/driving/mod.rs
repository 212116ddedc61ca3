//! What several tests need: an engine in memory, the program as a process, patience.

// Each test is a program of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod driver;
pub(crate) mod program;
pub(crate) mod waiting;
