//! Arguments to a configuration, and the configuration to a server.

use pollux::store::alloc::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let mut config = pollux::config::Config::new();
    let args: Vec<String> = std::env::args().skip(1).collect();
    for pair in args.chunks(2) {
        let name = pair[0].trim_start_matches("--").as_bytes().to_vec();
        config.set(&[(&name, pair[1].as_bytes())], pollux::config::Circumstances::default()).ok();
        if name == b"port" {
            config.port = pair[1].parse().unwrap();
        }
    }
    let engine = pollux::engine::Engine::new(config, pollux::commands::table(), pollux::base::time::Clock::system(), 1);
    let server = pollux::server::Server::new(engine).unwrap();
    std::process::exit(server.run().unwrap());
}
