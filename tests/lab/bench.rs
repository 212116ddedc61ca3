//! What the tests of the lab have in common: a process, what it prints, and connections to it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// A process of the lab. It ends with the test.
pub(crate) struct Lab {
    child: Child,
    /// Where it prints to.
    file: PathBuf,
    pub(crate) port: u16,
}

/// How long a test waits before it calls something lost.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(10);

impl Lab {
    /// Starts `pollux lab` on any free port.
    pub(crate) fn start(words: &[&str]) -> Lab {
        Lab::start_on("0", words)
    }

    pub(crate) fn start_on(ports: &str, words: &[&str]) -> Lab {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("pollux-lab-{}-{number}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let screen = File::create(&file).expect("a file for what it prints");
        let child = Command::new(env!("CARGO_BIN_EXE_pollux"))
            .arg("lab")
            .args(words)
            .args(["-p", ports])
            .stdin(Stdio::null())
            .stdout(screen.try_clone().expect("one more descriptor"))
            .stderr(screen)
            .spawn()
            .expect("the program starts");
        let mut lab = Lab {
            child,
            file,
            port: 0,
        };
        let first = lab.wait_for(", port ");
        let ports = first.split_once(", port ").expect("waited for it").1;
        let digits = ports.find(|ch: char| !ch.is_ascii_digit());
        let digits = &ports[..digits.expect("the line has an end")];
        lab.port = digits.parse().expect("a port");
        lab
    }

    /// All it has printed so far.
    pub(crate) fn screen(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap_or_default()
    }

    /// Waits until it has printed this, and returns all it has printed.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let mut screen = String::new();
        wait_until(
            || {
                screen = self.screen();
                screen.contains(text) && screen.ends_with('\n')
            },
            text,
        );
        screen
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.port)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many descriptors it has open, where that can be told.
    pub(crate) fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.id());
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }

    /// The states of its children as `ps` tells them; `Z` is a zombie.
    pub(crate) fn children(&self) -> Vec<String> {
        let listing = Command::new("ps")
            .args(["-A", "-o", "ppid=,stat="])
            .output();
        let listing = listing.expect("ps is installed").stdout;
        let listing = String::from_utf8_lossy(&listing).into_owned();
        let own = self.id().to_string();
        let child = |line: &str| {
            let (parent, state) = line.trim().split_once(' ')?;
            (parent == own).then(|| state.trim().to_owned())
        };
        listing.lines().filter_map(child).collect()
    }

    /// Ends it as Ctrl-C would; tells whether it ended in peace.
    pub(crate) fn interrupt(&mut self) -> bool {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("our own child");
        let mut status = None;
        wait_until(
            || {
                status = self.child.try_wait().expect("our own child");
                status.is_some()
            },
            "the end of the lab",
        );
        status.is_some_and(|status| status.success())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// What runs is another process, so there is nothing to wind or to poll but this.
pub(crate) fn wait_until(is_so: impl FnMut() -> bool, what: &str) {
    assert!(comes_true(PATIENCE, is_so), "waited in vain for {what}");
}

/// Whether something becomes so in time.
pub(crate) fn comes_true(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..patience.as_millis() / STEP.as_millis() {
        if is_so() {
            return true;
        }
        std::thread::sleep(STEP);
    }
    false
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    for outcome in [
        stream.set_read_timeout(Some(PATIENCE)),
        stream.set_write_timeout(Some(PATIENCE)),
    ] {
        outcome.expect("a fresh socket");
    }
    stream
}

/// Sends and reads back as many bytes.
pub(crate) fn echo(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("an open connection");
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).expect("an echo");
    assert!(back == bytes, "the echo is not what was said");
}

/// Runs `pollux` to its end.
pub(crate) fn pollux(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pollux"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

/// The first of so many ports in a row that were free a moment ago.
pub(crate) fn free_range(count: u16) -> u16 {
    let step = (std::process::id() % 50) as u16 * 200;
    for attempt in 0..50 {
        let first = 20_000 + (step + attempt * 200) % 10_000;
        let doors: Vec<_> = (first..first + count)
            .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok())
            .collect();
        if doors.len() == usize::from(count) {
            return first;
        }
    }
    panic!("{count} free ports in a row are not to be found");
}

/// Makes room for that many connections of this process.
pub(crate) fn raise_descriptor_limit(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let current = limit.current.unwrap_or(u64::MAX).max(count).min(most);
    let raised = Rlimit {
        current: Some(current),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum is allowed");
}
