//! What the program does with its data set's file: it is there after a restart, it is refused when it is damaged, and
//! the tools tell what is in it.
//!
//! Each test has a folder of its own and starts the program in it, as often as it needs to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pollux");

/// How long a test waits before it calls something lost.
const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(10);

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pollux-files-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn rdb(&self) -> PathBuf {
        self.0.join("dump.rdb")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.0.join("log")).unwrap_or_default()
    }

    /// Starts a server and does not wait for it.
    fn launch(&self, words: &[&str]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
        let port = listener.local_addr().expect("a bound socket").port();
        drop(listener);
        let child = Command::new(PROGRAM)
            .args(["--port", &port.to_string(), "--dir"])
            .arg(&self.0)
            .args(["--logfile", "log", "--enable-debug-command", "yes"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        Server { child, port }
    }

    /// Starts a server and waits until it has its data.
    fn serve(&self, words: &[&str]) -> Server {
        let started = self.log().matches("Ready to accept").count();
        let server = self.launch(words);
        wait_until(
            || self.log().matches("Ready to accept").count() > started,
            "a server that is ready",
        );
        server
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(0o755));
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Sends a line and returns what comes back in one piece.
    fn ask(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a fresh socket");
        stream
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("the server listens");
        let mut reply = [0; 8192];
        let count = stream.read(&mut reply).unwrap_or_default();
        String::from_utf8_lossy(&reply[..count]).into_owned()
    }

    fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until(
            || {
                status = self.child.try_wait().expect("our own child");
                status.is_some()
            },
            "the end of the server",
        );
        status.expect("it was waited for")
    }

    fn terminate(&mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("our own child");
        self.end()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server is another process, so there is nothing to wind or to poll but this.
fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if is_so() {
            return;
        }
        std::thread::sleep(STEP);
    }
    panic!("waited in vain for {what}");
}

fn fill(server: &Server) {
    for line in [
        "SET text value",
        "SET number 42 EX 100000",
        "RPUSH list a b 3",
        "SADD set x y 1",
        "HSET hash f v g 2",
        "HEXPIRE hash 100000 FIELDS 1 f",
        "ZADD zset 1.5 m 2 n",
        "DEBUG POPULATE 3000 many 40",
    ] {
        let reply = server.ask(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
}

#[test]
fn the_data_outlives_the_process() {
    let folder = Folder::new("outlives");
    let mut server = folder.serve(&["--save", "900 1"]);
    fill(&server);
    let digest = server.ask("DEBUG DIGEST");
    assert!(server.terminate().success());
    assert!(folder.log().contains("DB saved on disk"));
    let mut server = folder.serve(&["--save", ""]);
    assert_eq!(server.ask("DEBUG DIGEST"), digest);
    assert!(
        folder
            .log()
            .contains("Done loading RDB, keys loaded: 3006, keys expired: 0.")
    );
    assert_eq!(server.ask("DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(server.ask("DEBUG DIGEST"), digest);
    assert!(server.ask("SHUTDOWN NOSAVE").is_empty());
    assert!(server.end().success());
}

#[test]
fn a_damaged_file_ends_the_server() {
    let folder = Folder::new("damaged");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    assert!(server.ask("SHUTDOWN SAVE").is_empty());
    assert!(server.end().success());
    let whole = std::fs::read(folder.rdb()).expect("it was saved");
    let mut changed = whole.clone();
    let end = changed.len();
    changed[end - 3] ^= 1;
    for (bytes, line) in [
        (changed, "RDB CRC error"),
        (whole[..end / 2].to_vec(), "Short read or OOM loading DB"),
        (Vec::new(), "Short read or OOM loading DB"),
        (b"nothing like it".to_vec(), "Wrong signature"),
        (b"REDIS0099".to_vec(), "Can't handle RDB format version 99"),
    ] {
        std::fs::write(folder.rdb(), bytes).expect("our own folder");
        let _ = std::fs::remove_file(folder.0.join("log"));
        let mut server = folder.launch(&["--save", ""]);
        assert_eq!(server.end().code(), Some(1), "{line}");
        assert!(folder.log().contains(line), "{}", folder.log());
        assert!(!folder.log().contains("Ready to accept"));
    }
}

#[test]
fn a_load_can_be_watched_and_stopped() {
    let folder = Folder::new("watched");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    assert!(server.ask("SHUTDOWN SAVE").is_empty());
    server.end();
    let slowly = &["--save", "900 1", "--key-load-delay", "20000"];
    let mut server = folder.launch(slowly);
    wait_until(
        || TcpStream::connect(("127.0.0.1", server.port)).is_ok(),
        "the door",
    );
    assert!(server.ask("GET text").starts_with("-LOADING"));
    assert!(server.ask("SET text other").starts_with("-LOADING"));
    assert!(server.ask("PING").starts_with("-LOADING"));
    let info = server.ask("INFO persistence");
    for field in [
        "\r\nloading:1\r\n",
        "loading_total_bytes:",
        "loading_loaded_perc:",
    ] {
        assert!(info.contains(field), "{info}");
    }
    // What is there so far must not take the place of what was.
    let before = std::fs::read(folder.rdb()).expect("it was saved");
    assert!(server.terminate().success());
    assert_eq!(std::fs::read(folder.rdb()).expect("still there"), before);

    let server = folder.launch(slowly);
    wait_until(
        || TcpStream::connect(("127.0.0.1", server.port)).is_ok(),
        "the door",
    );
    assert_eq!(server.ask("CONFIG SET key-load-delay 0"), "+OK\r\n");
    wait_until(
        || server.ask("GET text") == "$5\r\nvalue\r\n",
        "the end of the load",
    );
}

#[test]
fn what_cannot_be_saved_keeps_the_server_up() {
    let folder = Folder::new("unsaved");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    // The name is taken by something that no file can replace.
    std::fs::create_dir_all(folder.rdb().join("inside")).expect("our own folder");
    assert_eq!(server.ask("SAVE"), "-ERR\r\n");
    assert_eq!(
        server.ask("SHUTDOWN SAVE"),
        "-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
    );
    assert_eq!(server.ask("PING"), "+PONG\r\n");
    assert!(folder.log().contains("Error moving temp DB file"));
    let leftovers = std::fs::read_dir(&folder.0)
        .expect("our own folder")
        .filter(|entry| {
            let name = entry.as_ref().expect("it can be listed").file_name();
            name.to_string_lossy().starts_with("temp-")
        })
        .count();
    assert_eq!(leftovers, 0);
    assert!(server.ask("SHUTDOWN SAVE FORCE").is_empty());
    assert!(server.end().success());
}

#[test]
fn the_tools_tell_what_is_in_a_file() {
    let folder = Folder::new("tools");
    let mut server = folder.serve(&["--save", ""]);
    fill(&server);
    assert!(server.ask("SHUTDOWN SAVE").is_empty());
    server.end();
    let linked = folder.0.join("redis-check-rdb");
    symlink(PROGRAM, &linked).expect("our own folder");
    let run = |program: &PathBuf, words: &[&str]| -> (Output, String) {
        let output = Command::new(program)
            .args(words)
            .current_dir(&folder.0)
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output, said)
    };
    let (output, said) = run(&linked, &["dump.rdb"]);
    assert!(output.status.success(), "{said}");
    for line in [
        "[offset 0] Checking RDB file dump.rdb\n",
        "Checksum OK\n",
        "\\o/ RDB looks OK! \\o/\n",
        "[info] 3006 keys read\n[info] 1 expires\n[info] 0 already expired\n[info] 1 subexpires\n",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(said.ends_with("subexpires\n"));
    let (output, said) = run(&PathBuf::from(PROGRAM), &["check", "dump.rdb"]);
    assert!(output.status.success());
    assert!(said.contains("RDB version 12") && said.contains("Largest in the file"));
    let bytes = std::fs::read(folder.rdb()).expect("it was saved");
    std::fs::write(folder.0.join("half.rdb"), &bytes[..bytes.len() / 2]).expect("our own folder");
    let (output, said) = run(&linked, &["half.rdb"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("--- RDB ERROR DETECTED ---\n[offset "));
    assert!(said.contains("Unexpected EOF reading RDB file\n[additional info] While doing: "));
    assert_eq!(run(&linked, &["missing.rdb"]).0.status.code(), Some(1));
    assert_eq!(run(&linked, &[]).0.status.code(), Some(1));
}
