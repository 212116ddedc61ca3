//! Arguments to a configuration, and the configuration to a server.

use pollux::server::{self, Boot};
use pollux::store::alloc::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let status = match server::boot() {
        Boot::Serve(loaded) => server::serve(*loaded),
        Boot::Tool { name, .. } => {
            eprintln!("{name} is not part of this build.");
            1
        }
        Boot::Exit(status) => status,
    };
    std::process::exit(status);
}
