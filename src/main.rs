//! The program: arguments to a configuration, and the configuration to the server, or to one of the small servers
//! and tools beside it.

use std::ffi::OsStr;

use pollux::Counting;
use pollux::bench;
use pollux::check;
use pollux::lab::{self, After};
use pollux::server;
use pollux::server::{Beside, Boot, Watcher};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let status = match server::boot(tool_named) {
        Boot::Tool { name: "lab", words } => match lab::run(&words) {
            After::Exit(status) => status,
            After::Serve(words) => run(server::boot_with(&words), Some(watcher())),
        },
        boot => run(boot, None),
    };
    std::process::exit(status);
}

/// Which tool the program is when it is started under such a name.
fn tool_named(program: &OsStr) -> Option<&'static str> {
    check::named_by(program).or_else(|| bench::named_by(program))
}

fn run(boot: Boot, watcher: Option<Watcher>) -> i32 {
    match boot {
        Boot::Serve(loaded) => {
            let examine = check::examine;
            server::serve(*loaded, Beside { watcher, examine })
        }
        Boot::Tool {
            name: "bench",
            words,
        } => bench::run(&words),
        Boot::Tool { name, words } => check::run(name, &words),
        Boot::Exit(status) => status,
    }
}

/// Shows each turn of the real server's loop in the lab's words.
fn watcher() -> Watcher {
    let mut screen = lab::Screen::new();
    Watcher {
        stamp: lab::stamp,
        show: Box::new(move |turn| screen.turn(turn)),
    }
}
