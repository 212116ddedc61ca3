//! A server in a thread of another program: for the examples in our documentation, and for tests of programs.
//!
//! It is the whole server, with sockets, on a port that was free a moment before, with nothing on disk. It ends with
//! the process. Handlers of signals and the state of the log belong to the process, and so are shared with it.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;
use std::thread;

use crate::config::{Loaded, Order};

use crate::server::start::prepare;
use crate::store::alloc::Allocations;

/// A server that runs.
pub struct Background {
    port: u16,
    allocations: Option<Allocations>,
}

impl Background {
    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How often the loop's thread has asked for memory so far. None where the counting allocator is not installed.
    pub fn allocations(&self) -> Option<u64> {
        self.allocations.map(Allocations::count)
    }
}

/// Starts a server and returns when clients can connect. `options` are lines of a configuration file.
///
/// Panics if it cannot start: there is nothing that the program around it could do about that.
pub fn in_background(options: &str) -> Background {
    for _ in 0..ATTEMPTS {
        let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|door| door.local_addr());
        let port = probe.expect("some port is free").port();
        let (tell, told) = mpsc::channel();
        let pid = std::process::id();
        let file = format!("in-background-{pid}-{port}.rdb");
        let lines =
            format!("save \"\"\ndbfilename {file}\nset-proc-title no\n{options}\nport {port}\n");
        thread::spawn(move || {
            match load(&lines).and_then(|loaded| prepare(loaded, |_| {}, None)) {
                Ok((server, reactor)) => {
                    let _ = tell.send(Some(Allocations::of_this_thread()));
                    server.run(reactor)
                }
                Err(status) => {
                    let _ = tell.send(None);
                    status
                }
            }
        });
        if let Ok(Some(allocations)) = told.recv() {
            return Background { port, allocations };
        }
    }
    panic!("no server could be started; its log says why");
}

fn load(lines: &str) -> Result<Loaded, i32> {
    let Order::Serve(told) = Order::understand(&[b"-".to_vec()]) else {
        return Err(1);
    };
    told.load(&mut lines.as_bytes())
        .map_err(|fatal| super::process::boot::abort(&fatal))
}

/// Somebody else may take the port between our finding it and our using it.
const ATTEMPTS: u32 = 5;
