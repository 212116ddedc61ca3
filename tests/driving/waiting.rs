//! Waiting for another process: there is nothing to wind or to poll but it.

use std::net::TcpListener;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// How long a test waits before it calls something lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(10);

pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if is_so() {
            return;
        }
        std::thread::sleep(STEP);
    }
    panic!("waited in vain for {what}");
}

/// Waits until a server has ended.
pub(crate) fn end_of(child: &mut Child) -> ExitStatus {
    let mut status = None;
    wait_until(
        || {
            status = child.try_wait().expect("our own child");
            status.is_some()
        },
        "the end of the server",
    );
    status.expect("it was waited for")
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    listener.local_addr().expect("a bound socket").port()
}
