//! A generator of load that one core is enough for: `pollux bench`, with the options of redis-benchmark.
//!
//! Who wants to know how fast a server is must not measure the generator. This one runs on the same loop as the server,
//! and does less: requests are written out before the run (`requests`), in one piece that all connections walk through,
//! and of replies nothing is kept but their number and when they came (`load`). With the server on one core and the
//! generator on another, the server is busy to the full where redis-benchmark leaves it waiting.
//!
//! Who was the limit is told: the server's processor time for each request, as its own INFO has it, how busy that made
//! it, and what the generator used (`report`).
//!
//! ```text
//! options -> tests -> [ connect all -> begin the clock -> batch, replies, batch, replies ... -> report ]
//! ```
//!
//! Started under the name redis-benchmark it is that tool: the same options, the same lines, the same columns. What is
//! not here is refused with a reason: several threads, since one loop saturates a server of one thread; and clusters.
//!
//! Must hold: a run ends when as many replies have come as requests were sent, and an error, a reply too many, a
//! reply that is no RESP or a connection that ends too early ends the program.

mod load;
mod options;
mod report;
mod requests;
mod suite;
mod watched;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use load::Generator;
use options::Options;
use watched::Watched;

const REDIS_BENCHMARK: &str = "redis-benchmark";

/// Whether the program is this tool when it is started under such a name.
pub fn named_by(program: &OsStr) -> Option<&'static str> {
    let name = Path::new(program).file_name()?.as_bytes();
    name.windows(REDIS_BENCHMARK.len())
        .any(|part| part == REDIS_BENCHMARK.as_bytes())
        .then_some("bench")
}

/// Runs the tests that the words after `pollux bench` name; returns the status that the process shall end with.
pub fn run(words: &[Vec<u8>]) -> i32 {
    let options = match Options::understand(words) {
        Ok(options) => options,
        Err(refusal) => {
            // Help goes to the standard output, usage errors to the other one; the reader may have gone.
            let _ = refusal.print();
            return refusal.exit_code();
        }
    };
    match run_all(&options) {
        Ok(()) => 0,
        Err(text) => {
            eprintln!("{text}");
            1
        }
    }
}

fn run_all(options: &Options) -> Result<(), String> {
    let generator = Generator::new(options)?;
    if options.idle {
        println!(
            "Creating {} idle connections and waiting forever (Ctrl+C when done)",
            options.clients
        );
        return generator.idle();
    }
    let mut watched = Watched::reach(options)?;
    let plan = suite::chosen(options)?;
    report::head(options);
    loop {
        for test in &plan {
            let requests = requests::Requests::render(test, options);
            let before = watched.cpu();
            let outcome = generator.run(test, requests)?;
            let server = watched
                .cpu()
                .zip(before)
                .map(|(after, before)| after - before);
            report::show(options, &watched, test, &outcome, server);
        }
        if !options.endless {
            return Ok(());
        }
    }
}
