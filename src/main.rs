//! Arguments to a configuration, and the configuration to a server.

use pollux::server::{self, Boot};
use pollux::store::alloc::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let status = match server::boot() {
        Boot::Serve(loaded) => server::serve(*loaded),
        Boot::Tool { name, words } => server::run_tool(name, &words),
        Boot::Exit(status) => status,
    };
    std::process::exit(status);
}
