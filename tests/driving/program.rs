//! The program as a process, in a folder of its own, on a port that was free a moment before.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::waiting::{PATIENCE, end_of, free_port, wait_until};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pollux");

/// The line of the log that says that clients are served.
const READY: &str = "Ready to accept connections";

/// A folder that goes with the test.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pollux-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    /// Everything that servers in this folder have logged.
    pub(crate) fn log(&self) -> String {
        log_in(&self.0)
    }

    /// Starts a server and does not wait for it. The first of `words` may be a configuration file.
    pub(crate) fn launch(&self, words: &[&str]) -> Server {
        let port = free_port();
        let (file, words) = words.split_at(
            words
                .iter()
                .take(1)
                .filter(|word| !word.starts_with('-'))
                .count(),
        );
        let child = Command::new(PROGRAM)
            .args(file)
            .args(["--port", &port.to_string(), "--dir"])
            .arg(&self.0)
            .args(["--logfile", "log", "--enable-debug-command", "yes"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        Server {
            child,
            port,
            folder: self.0.clone(),
        }
    }

    /// Starts a server and waits until it serves.
    pub(crate) fn serve(&self, words: &[&str]) -> Server {
        let started = self.log().matches(READY).count();
        let server = self.launch(words);
        wait_until(
            || self.log().matches(READY).count() > started,
            "a server that is ready",
        );
        server
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server that ends with the test.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) port: u16,
    folder: PathBuf,
}

impl Server {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a fresh socket");
        stream
    }

    /// Sends a line over a connection of its own and returns what comes back in one piece.
    pub(crate) fn ask(&self, line: &str) -> String {
        let mut stream = self.connect();
        stream
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("the server listens");
        let mut reply = [0; 8192];
        let count = stream.read(&mut reply).unwrap_or_default();
        String::from_utf8_lossy(&reply[..count]).into_owned()
    }

    /// Waits until the log has a line with this text.
    pub(crate) fn wait_for_line(&self, text: &str) {
        wait_until(
            || log_in(&self.folder).contains(text),
            &format!("{text:?} in the log"),
        );
    }

    /// Waits until the process has ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        end_of(&mut self.child)
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("our own child");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_in(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}
