//! Arguments to a configuration, and the configuration to a server. Or to one of the small servers beside it.

use pollux::lab::{self, After};
use pollux::server::{self, Boot, Watcher};
use pollux::store::alloc::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let status = match server::boot() {
        Boot::Tool { name: "lab", words } => match lab::run(&words) {
            After::Exit(status) => status,
            After::Serve(words) => run(server::boot_with(&words), Some(watcher())),
        },
        boot => run(boot, None),
    };
    std::process::exit(status);
}

fn run(boot: Boot, watcher: Option<Watcher>) -> i32 {
    match boot {
        Boot::Serve(loaded) => server::serve(*loaded, watcher),
        Boot::Tool { name, words } => server::run_tool(name, &words),
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
