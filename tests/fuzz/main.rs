//! Random requests against the engine, random bytes against the decoder of requests, damaged payloads against RESTORE,
//! damaged code as scripts and libraries of functions, and damaged files against the loaders.
//!
//! Short and always the same in `cargo test`; `SECONDS=600 SEED=7 cargo test --release --test fuzz` looks further. A
//! failure names the seed that shows it again, and the requests that came before it.

mod decoder;
#[path = "../driving/mod.rs"]
mod driving;
mod engine;
mod files;
mod grammar;
mod json;
mod log;
mod payloads;
mod promises;
mod replies;
mod requests;
mod scripts;
mod vectors;

use std::time::{Duration, Instant};

/// Calls `episode` with one seed after another, until the time is up.
fn for_some_time(mut episode: impl FnMut(u64)) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let first = number("SEED").unwrap_or(1);
    let until = Instant::now() + Duration::from_secs(number("SECONDS").unwrap_or(2));
    for seed in first.. {
        let told = Told(seed);
        episode(seed);
        std::mem::forget(told);
        if Instant::now() >= until {
            println!("seeds {first} to {seed}");
            break;
        }
    }
}

/// Names the seed if an episode does not end well.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("this was SEED={}", self.0);
    }
}
