//! What only real sockets can show: doors, limits, closing, signals. Everything else is in the transcripts.
//!
//! Each test starts the program itself on a port of its own, with everything else as it is by default, and talks to it
//! as a client would.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server that ends with the test.
struct Server {
    child: Child,
    port: u16,
    folder: PathBuf,
}

/// One connection.
struct Client<S>(S);

/// How long a test waits before it calls something lost.
const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    fn start(words: &[&str]) -> Server {
        let port = free_port();
        let folder =
            std::env::temp_dir().join(format!("pollux-sockets-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let child = Command::new(env!("CARGO_BIN_EXE_pollux"))
            .args([
                "--port",
                &port.to_string(),
                "--dir",
                folder.to_str().expect("plain names"),
            ])
            .args(["--save", "", "--loglevel", "verbose", "--logfile", "log"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let server = Server {
            child,
            port,
            folder,
        };
        server.wait_for_line("Ready to accept connections");
        server
    }

    fn connect(&self) -> Client<TcpStream> {
        connect_to(self.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Waits until the log has a line with this text.
    fn wait_for_line(&self, text: &str) {
        wait_until(
            || self.log().contains(text),
            &format!("{text:?} in the log"),
        );
    }

    /// Waits until the process has ended; tells whether it did so in peace.
    fn ended_well(&mut self) -> bool {
        let mut status = None;
        wait_until(
            || {
                status = self.child.try_wait().expect("our own child");
                status.is_some()
            },
            "the end of the server",
        );
        status.is_some_and(|status| status.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The loop under test runs in another process, so there is nothing to wind or to poll but this.
fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    let steps = PATIENCE.as_millis() / STEP.as_millis();
    for _ in 0..steps {
        if is_so() {
            return;
        }
        std::thread::sleep(STEP);
    }
    panic!("waited in vain for {what}");
}

const STEP: Duration = Duration::from_millis(10);

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    listener.local_addr().expect("a bound socket").port()
}

fn connect_to(port: u16) -> Client<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a fresh socket");
    Client(stream)
}

impl<S: Read + Write> Client<S> {
    /// Sends one inline request and returns one line of the reply (of a bulk, its content).
    fn ask(&mut self, request: &str) -> String {
        self.0
            .write_all(format!("{request}\r\n").as_bytes())
            .expect("an open connection");
        self.reply()
    }

    fn reply(&mut self) -> String {
        let line = self.line();
        match line.strip_prefix('$') {
            Some("-1") | None => line,
            Some(len) => {
                let mut bytes = vec![0; len.parse::<usize>().expect("a length") + 2];
                self.0.read_exact(&mut bytes).expect("the rest of a reply");
                String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned()
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            self.0.read_exact(&mut byte).expect("a reply");
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line[..line.len() - 2]).into_owned()
    }

    /// Reads to the end of the connection, a reset counted as one.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the connection stays open")
            }
            _ => rest,
        }
    }
}

#[test]
fn a_server_moves_to_another_port_or_stays_where_it_is() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let taken = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let taken_port = taken.local_addr().expect("a bound socket").port();
    let refusal = client.ask(&format!("CONFIG SET port {taken_port}"));
    assert!(
        refusal.contains("Unable to listen on this port"),
        "{refusal}"
    );
    assert_eq!(server.connect().ask("PING"), "+PONG");
    let refusal = client.ask("CONFIG SET bind 999.999.999.999");
    assert!(
        refusal.contains("Failed to bind to specified addresses"),
        "{refusal}"
    );
    assert_eq!(server.connect().ask("PING"), "+PONG");

    let port = free_port();
    assert_eq!(client.ask(&format!("CONFIG SET port {port}")), "+OK");
    assert_eq!(connect_to(port).ask("PING"), "+PONG");
    assert!(
        TcpStream::connect(("127.0.0.1", server.port)).is_err(),
        "the old door is closed"
    );
    // A transaction cannot wait for the outcome; it goes on all the same.
    assert_eq!(client.ask("MULTI"), "+OK");
    assert_eq!(
        client.ask(&format!("CONFIG SET port {}", server.port)),
        "+QUEUED"
    );
    assert_eq!(client.ask("EXEC"), "*1");
    assert_eq!(client.reply(), "+OK");
    assert_eq!(server.connect().ask("PING"), "+PONG");
}

#[test]
fn a_unix_socket_has_its_permissions_and_goes_with_the_server() {
    let mut server = Server::start(&["--unixsocket", "door", "--unixsocketperm", "700"]);
    let path = server.folder.join("door");
    let mode = std::fs::metadata(&path)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let stream = UnixStream::connect(&path).expect("the server listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a fresh socket");
    let mut client = Client(stream);
    assert_eq!(client.ask("PING"), "+PONG");
    let about = client.ask("CLIENT INFO");
    assert!(
        about.contains(" flags=U ") && about.contains("door:0 laddr="),
        "{about}"
    );
    client
        .0
        .write_all(b"SHUTDOWN NOSAVE\r\n")
        .expect("an open connection");
    assert!(client.rest().is_empty());
    assert!(server.ended_well());
    assert!(!path.exists());
}

#[test]
fn there_is_room_for_so_many_clients_and_no_more() {
    let server = Server::start(&["--maxclients", "3"]);
    let mut inside: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut inside {
        assert_eq!(client.ask("PING"), "+PONG");
    }
    assert_eq!(
        server.connect().rest(),
        b"-ERR max number of clients reached\r\n"
    );
    assert_eq!(inside[0].ask("CONFIG SET maxclients 4"), "+OK");
    assert_eq!(server.connect().ask("PING"), "+PONG");
    let refusal = inside[0].ask("CONFIG SET maxclients 4000000000");
    assert!(
        refusal.contains("not able to handle the specified number of clients, try with"),
        "{refusal}"
    );
}

#[test]
fn replies_come_before_the_end_and_nothing_after_it() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client
        .0
        .write_all(b"PING\r\nQUIT\r\nPING\r\n")
        .expect("an open connection");
    assert_eq!(client.rest(), b"+PONG\r\n+OK\r\n");

    let mut client = server.connect();
    client
        .0
        .write_all(b"PING\r\n*1\r\nPING\r\n")
        .expect("an open connection");
    assert_eq!(
        client.rest(),
        b"+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n"
    );

    let (mut one, mut other) = (server.connect(), server.connect());
    let number = other.ask("CLIENT ID");
    assert_eq!(one.ask(&format!("CLIENT KILL ID {}", &number[1..])), ":1");
    assert!(other.rest().is_empty());
    one.0
        .write_all(b"CLIENT KILL SKIPME no\r\nPING\r\n")
        .expect("an open connection");
    assert_eq!(one.rest(), b":1\r\n");
    server.wait_for_line("Protocol error");
    server.wait_for_line("Accepted 127.0.0.1:");
}

#[test]
fn who_does_not_read_is_cut_off() {
    let server = Server::start(&["--client-output-buffer-limit", "normal 100000 0 0"]);
    let mut client = server.connect();
    // The reply is dropped as a whole: half of it would be of no use.
    assert_eq!(client.ask(&format!("SETRANGE big {} x", 15_000)), ":15001");
    let request = format!("MGET{}\r\n", " big".repeat(1000));
    client
        .0
        .write_all(request.as_bytes())
        .expect("an open connection");
    assert!(client.rest().is_empty());
    server.wait_for_line("scheduled to be closed ASAP for overcoming of output buffer limits.");
    assert_eq!(server.connect().ask("PING"), "+PONG");
}

#[test]
fn who_sends_without_end_is_cut_off() {
    let server = Server::start(&["--client-query-buffer-limit", "1mb"]);
    let mut client = server.connect();
    let piece = vec![b'x'; 100_000];
    let _ = client.0.write_all(b"*2\r\n$4\r\nECHO\r\n$10000000\r\n");
    while client.0.write_all(&piece).is_ok() {}
    server.wait_for_line("Closing client that reached max query buffer length");
    assert_eq!(server.connect().ask("PING"), "+PONG");
}

#[test]
fn who_says_nothing_for_too_long_is_let_go() {
    let server = Server::start(&["--timeout", "1", "--hz", "100"]);
    let mut quiet = server.connect();
    assert_eq!(quiet.ask("PING"), "+PONG");
    let mut waiting = server.connect();
    waiting
        .0
        .write_all(b"BLPOP list 0\r\n")
        .expect("an open connection");
    assert!(quiet.rest().is_empty());
    server.wait_for_line("Closing idle client");
    assert_eq!(server.connect().ask("RPUSH list x"), ":1");
    assert_eq!(
        (waiting.line(), waiting.reply(), waiting.reply()),
        ("*2".into(), "list".into(), "x".into())
    );
}

#[test]
fn a_signal_ends_the_server_in_peace() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.ask("PING"), "+PONG");
    let pid = rustix::process::Pid::from_child(&server.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("our own child");
    assert!(client.rest().is_empty());
    assert!(server.ended_well());
    assert!(
        server
            .log()
            .contains("Received SIGTERM scheduling shutdown...")
    );
}

#[test]
fn waitaof_waits_for_the_disk() {
    let server = Server::start(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let pair = |client: &mut Client<TcpStream>| {
        assert_eq!(client.reply(), "*2");
        (client.reply(), client.reply())
    };
    let both = |disk: &str, replicas: &str| (disk.to_owned(), replicas.to_owned());
    let mut client = server.connect();
    let mut other = server.connect();
    for policy in ["everysec", "always"] {
        assert_eq!(
            client.ask(&format!("CONFIG SET appendfsync {policy}")),
            "+OK"
        );
        client
            .0
            .write_all(b"SET key value\r\nWAITAOF 1 0 0\r\nPING\r\n")
            .expect("an open connection");
        assert_eq!(client.reply(), "+OK");
        assert_eq!(pair(&mut client), both(":1", ":0"), "{policy}");
        assert_eq!(client.reply(), "+PONG");
    }

    // Nothing is ever brought to the disk by itself, but what others have written is no concern of ours.
    assert_eq!(client.ask("CONFIG SET appendfsync no"), "+OK");
    assert_eq!(client.ask("SET key value"), "+OK");
    for (wanted, on_disk) in [("WAITAOF 1 0 50", ":0"), ("WAITAOF 0 1 50", ":0")] {
        client
            .0
            .write_all(format!("{wanted}\r\n").as_bytes())
            .expect("an open connection");
        assert_eq!(pair(&mut client), both(on_disk, ":0"), "{wanted}");
    }
    other
        .0
        .write_all(b"WAITAOF 1 0 0\r\n")
        .expect("an open connection");
    assert_eq!(pair(&mut other), both(":1", ":0"));

    // Who waits is told when the log goes.
    client
        .0
        .write_all(b"WAITAOF 1 0 0\r\n")
        .expect("an open connection");
    wait_until(
        || other.ask("INFO clients").contains("blocked_clients:1"),
        "a client that waits",
    );
    assert_eq!(other.ask("CONFIG SET appendonly no"), "+OK");
    assert_eq!(
        client.reply(),
        "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
    );

    // What is in the first base is on disk when that is.
    assert_eq!(client.ask("SET key value"), "+OK");
    assert_eq!(client.ask("CONFIG SET appendonly yes"), "+OK");
    client
        .0
        .write_all(b"WAITAOF 1 0 0\r\n")
        .expect("an open connection");
    assert_eq!(pair(&mut client), both(":1", ":0"));
}
